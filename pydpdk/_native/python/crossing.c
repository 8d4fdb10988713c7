/* The short way from a method of Python's into a function of C: an array's memory and length.
 *
 * cffi needs 170 ns for such a call and 150 ns for `from_buffer`, the checks in Python as much
 * again. Here the array is looked at as it lies and the GIL is given up, in 60 ns. What is not
 * exactly as it should be, or fails, goes to the method as it is written in Python, which finds
 * out and says what is wrong. This file knows nothing of DPDK. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stddef.h>

#define NPY_NO_DEPRECATED_API NPY_1_7_API_VERSION
#include <numpy/arrayobject.h>

#define MANY 65536 /* elements of a new array: more are worth the slow way */

typedef int (*crossing_function)(void *object, void *data, uint32_t n);

/* The base of Python classes that cross: the C object, and the dtype that it takes. */
struct handle {
    PyObject_HEAD
    void *object;
    PyObject *dtype;
};

/* SEND reads an array and FILL writes to one: the result is a count. GIVE reads one: the result
 * is None. TAKE fills a new one of n elements, or `out`, and it is the result. */
enum how { SEND, FILL, GIVE, TAKE };

struct crossing {
    PyObject_HEAD
    vectorcallfunc call;
    crossing_function function;
    enum how how;
    PyObject *careful;
    PyObject *dict;
};

static PyTypeObject handle_type, crossing_type;

static PyObject *
handle_bind(PyObject *self, PyObject *args)
{
    struct handle *handle = (struct handle *)self;
    unsigned long long address;
    PyObject *dtype;

    if (!PyArg_ParseTuple(args, "KO!", &address, &PyArrayDescr_Type, &dtype))
        return NULL;
    Py_INCREF(dtype);
    Py_XSETREF(handle->dtype, dtype);
    handle->object = (void *)(uintptr_t)address;
    Py_RETURN_NONE;
}

static void
handle_dealloc(PyObject *self)
{
    Py_CLEAR(((struct handle *)self)->dtype);
    Py_TYPE(self)->tp_free(self);
}

static PyMethodDef handle_methods[] = {
    {"_bind", handle_bind, METH_VARARGS, "Set the address of the C object and the dtype."},
    {NULL, NULL, 0, NULL},
};

static PyTypeObject handle_type = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "pydpdk._crossing.Handle",
    .tp_basicsize = sizeof(struct handle),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
    .tp_doc = "A C object whose methods cross the short way.",
    .tp_new = PyType_GenericNew,
    .tp_dealloc = handle_dealloc,
    .tp_methods = handle_methods,
};

/* Whether C may have this array as it is. A subclass may say other things of itself. */
static int
fits(const struct handle *handle, PyObject *values, int flags)
{
    PyArrayObject *array = (PyArrayObject *)values;
    PyArray_Descr *dtype = (PyArray_Descr *)handle->dtype;

    return PyArray_CheckExact(values) && PyArray_NDIM(array) == 1 &&
           PyArray_CHKFLAGS(array, flags) && PyArray_DIM(array, 0) <= INT32_MAX &&
           (PyArray_DESCR(array) == dtype || PyArray_EquivTypes(PyArray_DESCR(array), dtype));
}

/* The caller holds a reference to the array, so its memory stays. */
static int
cross(const struct crossing *crossing, const struct handle *handle, PyObject *array)
{
    void *data = PyArray_DATA((PyArrayObject *)array);
    const uint32_t n = (uint32_t)PyArray_DIM((PyArrayObject *)array, 0);
    int result;

    Py_BEGIN_ALLOW_THREADS
    result = crossing->function(handle->object, data, n);
    Py_END_ALLOW_THREADS
    return result;
}

/* The array for `n` or `n, out=array`; NULL without an exception: not the short way. */
static PyObject *
room(const struct handle *handle, PyObject *const *args, PyObject *kwnames)
{
    npy_intp n;

    if (!PyLong_CheckExact(args[1]))
        return NULL;
    n = PyLong_AsSsize_t(args[1]);
    if (n < 0 || n > MANY) {
        PyErr_Clear();
        return NULL;
    }
    if (kwnames == NULL) {
        Py_INCREF(handle->dtype); /* stolen */
        return PyArray_NewFromDescr(&PyArray_Type, (PyArray_Descr *)handle->dtype, 1, &n, NULL,
                                    NULL, 0, NULL);
    }
    if (PyTuple_GET_SIZE(kwnames) != 1 || !fits(handle, args[2], NPY_ARRAY_CARRAY) ||
        PyUnicode_CompareWithASCIIString(PyTuple_GET_ITEM(kwnames, 0), "out") != 0 ||
        PyArray_DIM((PyArrayObject *)args[2], 0) != n)
        return NULL;
    Py_INCREF(args[2]);
    return args[2];
}

/* The result; NULL without an exception: the long way, with the same arguments. */
static PyObject *
attempt(const struct crossing *crossing, PyObject *const *args, Py_ssize_t n, PyObject *kwnames)
{
    const struct handle *handle;
    PyObject *array;
    int result;

    if (n != 2 || !PyObject_TypeCheck(args[0], &handle_type))
        return NULL;
    handle = (const struct handle *)args[0];
    if (handle->object == NULL)
        return NULL;
    if (crossing->how == TAKE) {
        array = room(handle, args, kwnames);
        if (array == NULL || cross(crossing, handle, array) >= 0)
            return array;
        Py_DECREF(array);
        return NULL;
    }
    if (kwnames != NULL ||
        !fits(handle, args[1], crossing->how == FILL ? NPY_ARRAY_CARRAY : NPY_ARRAY_CARRAY_RO))
        return NULL;
    result = cross(crossing, handle, args[1]);
    if (result < 0)
        return NULL;
    return crossing->how == GIVE ? Py_NewRef(Py_None) : PyLong_FromLong(result);
}

static PyObject *
crossing_call(PyObject *self, PyObject *const *args, size_t nargsf, PyObject *kwnames)
{
    const struct crossing *crossing = (struct crossing *)self;
    PyObject *result = attempt(crossing, args, PyVectorcall_NARGS(nargsf), kwnames);

    if (result != NULL || PyErr_Occurred())
        return result;
    return PyObject_Vectorcall(crossing->careful, args, nargsf, kwnames);
}

static PyObject *
crossing_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    struct crossing *crossing;
    unsigned long long address;
    PyObject *careful;
    int how;

    if (kwargs != NULL && PyDict_GET_SIZE(kwargs) != 0)
        return PyErr_Format(PyExc_TypeError, "Crossing takes no keyword arguments");
    if (!PyArg_ParseTuple(args, "OKi", &careful, &address, &how))
        return NULL;
    if (how < SEND || how > TAKE)
        return PyErr_Format(PyExc_ValueError, "how=%d: %d to %d is allowed", how, SEND, TAKE);
    crossing = (struct crossing *)type->tp_alloc(type, 0);
    if (crossing == NULL)
        return NULL;
    crossing->call = crossing_call;
    crossing->function = (crossing_function)(uintptr_t)address;
    crossing->how = how;
    crossing->careful = Py_NewRef(careful);
    return (PyObject *)crossing;
}

static int
crossing_traverse(PyObject *self, visitproc visit, void *arg)
{
    Py_VISIT(((struct crossing *)self)->careful);
    Py_VISIT(((struct crossing *)self)->dict);
    return 0;
}

/* `careful` stays: a call may still come, and the function does not point back. */
static int
crossing_clear(PyObject *self)
{
    Py_CLEAR(((struct crossing *)self)->dict);
    return 0;
}

static void
crossing_dealloc(PyObject *self)
{
    PyObject_GC_UnTrack(self);
    crossing_clear(self);
    Py_CLEAR(((struct crossing *)self)->careful);
    Py_TYPE(self)->tp_free(self);
}

static PyObject *
crossing_get(PyObject *self, PyObject *object, PyObject *type)
{
    (void)type;
    return object == NULL ? Py_NewRef(self) : PyMethod_New(self, object);
}

static PyGetSetDef crossing_getset[] = {
    {"__dict__", PyObject_GenericGetDict, PyObject_GenericSetDict, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyTypeObject crossing_type = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "pydpdk._crossing.Crossing",
    .tp_basicsize = sizeof(struct crossing),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_HAVE_VECTORCALL |
                Py_TPFLAGS_METHOD_DESCRIPTOR,
    .tp_doc = "A method that crosses the short way where it can, and else is Python's.",
    .tp_new = crossing_new,
    .tp_dealloc = crossing_dealloc,
    .tp_traverse = crossing_traverse,
    .tp_clear = crossing_clear,
    .tp_call = PyVectorcall_Call,
    .tp_vectorcall_offset = offsetof(struct crossing, call),
    .tp_dictoffset = offsetof(struct crossing, dict),
    .tp_descr_get = crossing_get,
    .tp_getset = crossing_getset,
};

static struct PyModuleDef module = {
    PyModuleDef_HEAD_INIT,
    .m_name = "pydpdk._crossing",
    .m_doc = "The short way from a method into C.",
    .m_size = -1,
};

PyMODINIT_FUNC
PyInit__crossing(void)
{
    PyObject *self;

    import_array();
    self = PyModule_Create(&module);
    if (self == NULL)
        return NULL;
    if (PyModule_AddType(self, &handle_type) < 0 || PyModule_AddType(self, &crossing_type) < 0 ||
        PyModule_AddIntConstant(self, "SEND", SEND) < 0 ||
        PyModule_AddIntConstant(self, "FILL", FILL) < 0 ||
        PyModule_AddIntConstant(self, "GIVE", GIVE) < 0 ||
        PyModule_AddIntConstant(self, "TAKE", TAKE) < 0)
        Py_CLEAR(self);
    return self;
}

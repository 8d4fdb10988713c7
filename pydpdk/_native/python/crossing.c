/* SPDX-License-Identifier: BSD-3-Clause */
/* The fast path from a Python method into a C function.
 *
 * cffi needs 63 to 170 ns for such a call and 150 ns for `from_buffer`, and the checks in Python as
 * much again. Here the arguments are checked in place and the GIL is released, in 60 ns. A call
 * that does not match, or fails, goes to the fallback: the method as it is written in Python, which
 * finds out and reports what is wrong. This file knows nothing of DPDK. */
#include "blocks.h"
#include "accessor.h"
#include "buffer.h"
#include "rows_call.h"

static PyTypeObject crossing_type;

/* The result; NULL without an exception: use the fallback, with the same arguments. */
static inline PyObject *
attempt(struct crossing *crossing, PyObject *const *args, Py_ssize_t n, PyObject *kwnames)
{
    const struct handle *handle =
        n == 0 ? NULL : handle_seen(args[0], crossing->kind, &crossing->kind_type);

    if (handle == NULL)
        return NULL;
    if (crossing->how == ROWS)
        return over_rows(crossing, handle, args + 1, n - 1, kwnames);
    if (crossing->how == DRAW)
        return n == 1 ? NULL : drawn(crossing, handle, args, n, kwnames);
    if (crossing->how == TAKE)
        return n == 2 ? with_room(crossing, handle, args, kwnames) : NULL;
    if (kwnames != NULL)
        return NULL;
    if (crossing->how == COUNT || crossing->how == ACT)
        return n == 1 ? alone(crossing, handle) : NULL;
    if (n != 2)
        return NULL;
    return crossing->how == MOVE ? with_other(crossing, handle, args[1])
                                 : with_array(crossing, handle, args[1]);
}

static PyObject *
crossing_call(PyObject *self, PyObject *const *args, size_t nargsf, PyObject *kwnames)
{
    struct crossing *crossing = (struct crossing *)self;
    PyObject *result = attempt(crossing, args, PyVectorcall_NARGS(nargsf), kwnames);

    if (result != NULL || PyErr_Occurred())
        return result;
    return PyObject_Vectorcall(crossing->fallback, args, nargsf, kwnames);
}

static PyObject *
interned(PyObject *kind)
{
    Py_XINCREF(kind);
    if (kind != NULL)
        PyUnicode_InternInPlace(&kind);
    return kind;
}

static PyObject *
crossing_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    struct crossing *crossing;
    unsigned long long address;
    PyObject *fallback, *kind, *other = NULL, *known = NULL;
    const char *takes = "", *gives = "";
    int how;

    if (kwargs != NULL && PyDict_GET_SIZE(kwargs) != 0)
        return PyErr_Format(PyExc_TypeError, "Crossing takes no keyword arguments");
    if (!PyArg_ParseTuple(args, "OKiU|UssO!", &fallback, &address, &how, &kind, &other, &takes,
                          &gives, &PyDict_Type, &known))
        return NULL;
    if (how < SEND || how > ROWS)
        return PyErr_Format(PyExc_ValueError, "how must be %d..%d (got %d)", SEND, ROWS, how);
    if (how != ROWS && (how == MOVE || how == DRAW) != (other != NULL))
        return PyErr_Format(PyExc_ValueError, "another object is for %d and %d", MOVE, DRAW);
    if (!are_kinds(takes, gives, other, known))
        return PyErr_Format(PyExc_ValueError, "takes=%s, gives=%s: see rows.h", takes, gives);
    crossing = (struct crossing *)type->tp_alloc(type, 0);
    if (crossing == NULL)
        return NULL;
    crossing->call = crossing_call;
    crossing->function = (void (*)(void))(uintptr_t)address;
    crossing->how = how;
    crossing->fallback = Py_NewRef(fallback);
    crossing->kind = interned(kind);
    crossing->other = interned(other);
    crossing->known = Py_XNewRef(known);
    strcpy(crossing->takes, takes);
    strcpy(crossing->gives, gives);
    return (PyObject *)crossing;
}

static int
crossing_traverse(PyObject *self, visitproc visit, void *arg)
{
    Py_VISIT(((struct crossing *)self)->fallback);
    Py_VISIT(((struct crossing *)self)->dict);
    Py_VISIT(((struct crossing *)self)->known);
    Py_VISIT(((struct crossing *)self)->kind_type);
    Py_VISIT(((struct crossing *)self)->other_type);
    return 0;
}

/* `fallback` stays: a call may still come, and the function does not point back. */
static int
crossing_clear(PyObject *self)
{
    Py_CLEAR(((struct crossing *)self)->dict);
    Py_CLEAR(((struct crossing *)self)->kind_type);
    Py_CLEAR(((struct crossing *)self)->other_type);
    return 0;
}

static void
crossing_dealloc(PyObject *self)
{
    PyObject_GC_UnTrack(self);
    crossing_clear(self);
    Py_CLEAR(((struct crossing *)self)->fallback);
    Py_CLEAR(((struct crossing *)self)->kind);
    Py_CLEAR(((struct crossing *)self)->other);
    Py_CLEAR(((struct crossing *)self)->known);
    Py_TYPE(self)->tp_free(self);
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
    .tp_doc = "A method that takes the fast path where it can, else its Python fallback.",
    .tp_new = crossing_new,
    .tp_dealloc = crossing_dealloc,
    .tp_traverse = crossing_traverse,
    .tp_clear = crossing_clear,
    .tp_call = PyVectorcall_Call,
    .tp_vectorcall_offset = offsetof(struct crossing, call),
    .tp_dictoffset = offsetof(struct crossing, dict),
    .tp_descr_get = method_of,
    .tp_getset = crossing_getset,
};

static struct PyModuleDef module = {
    PyModuleDef_HEAD_INIT,
    .m_name = "pydpdk._crossing",
    .m_doc = "The fast path from a method into C.",
    .m_size = -1,
};

static int
add_all(PyObject *self)
{
    static const char *const hows[] = {
        [SEND] = "SEND", [FILL] = "FILL",   [GIVE] = "GIVE", [TAKE] = "TAKE",
        [COUNT] = "COUNT", [ACT] = "ACT", [MOVE] = "MOVE", [DRAW] = "DRAW",
        [ROWS] = "ROWS",
    };
    static PyTypeObject *const types[] = {
        &fixed_type, &once_type, &handle_type, &accessor_type, &buffer_type, &crossing_type,
        &locked_type, &undo_type,
    };
    unsigned int i;
    int how;

    for (how = SEND; how <= ROWS; how++)
        if (PyModule_AddIntConstant(self, hows[how], how) < 0)
            return -1;
    accessor_of_name = PyUnicode_InternFromString("_of");
    accessor_kind_name = PyUnicode_InternFromString("_kind");
    begun_name = PyUnicode_InternFromString("_begun");
    export_name = PyUnicode_InternFromString("_export");
    if (accessor_of_name == NULL || accessor_kind_name == NULL || begun_name == NULL ||
        export_name == NULL)
        return -1;
    for (i = 0; i < sizeof(types) / sizeof(types[0]); i++)
        if (PyModule_AddType(self, types[i]) < 0)
            return -1;
    return 0;
}

PyMODINIT_FUNC
PyInit__crossing(void)
{
    PyObject *self;

    import_array();
    self = PyModule_Create(&module);
    if (self != NULL && add_all(self) < 0)
        Py_CLEAR(self);
    return self;
}

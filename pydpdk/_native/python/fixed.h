/* SPDX-License-Identifier: BSD-3-Clause */
/* The base of objects that are made once, and whose public attributes never change: C has sized its
 * buffers by them, and another thread may be in a call. Done in Python, this would cost 300 ns for
 * each attribute of each object. */
#ifndef PYD_FIXED_H
#define PYD_FIXED_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stddef.h>
#include <structmember.h>

/* A constructor that runs once for each object: `_begun` of the object lists those that ran. */
struct once {
    PyObject_HEAD
    vectorcallfunc call;
    PyObject *init;
    PyObject *dict;
};

static PyObject *begun_name;
static PyTypeObject once_type;

/* The value under a name in a slot or in the object's own dictionary, a new reference; NULL: none.
 * A slot is read in place, without an exception that would only be cleared. */
static inline PyObject *
own(PyObject *self, PyObject *name, PyObject *of_class)
{
    PyObject *value;

    if (of_class != NULL && Py_TYPE(of_class) == &PyMemberDescr_Type) {
        const PyMemberDef *member = ((PyMemberDescrObject *)of_class)->d_member;

        if (member->type == T_OBJECT_EX)
            return Py_XNewRef(*(PyObject **)((char *)self + member->offset));
    }
    value = PyObject_GenericGetAttr(self, name);
    PyErr_Clear();
    return value;
}

/* A slot or a name of the object is set once; a property decides itself whether it can be set. */
static inline int
is_set(PyObject *self, PyObject *name)
{
    PyObject *of_class = _PyType_Lookup(Py_TYPE(self), name), *value;

    if (of_class != NULL && Py_TYPE(of_class) != &PyMemberDescr_Type)
        return Py_TYPE(of_class)->tp_descr_set == NULL;
    value = own(self, name, of_class);
    Py_XDECREF(value);
    return value != NULL;
}

static int
fixed_setattro(PyObject *self, PyObject *name, PyObject *value)
{
    const int ours = PyUnicode_GET_LENGTH(name) > 0 && PyUnicode_READ_CHAR(name, 0) == '_';

    if (!ours && (value == NULL || is_set(self, name))) {
        PyErr_Format(PyExc_AttributeError, "%s.%U cannot be %s", Py_TYPE(self)->tp_name, name,
                     value == NULL ? "deleted" : "set");
        return -1;
    }
    return PyObject_GenericSetAttr(self, name, value);
}

static PyTypeObject fixed_type = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "pydpdk._crossing.Fixed",
    .tp_basicsize = sizeof(PyObject),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
    .tp_doc = "An object that is made once, and keeps its public attributes.",
    .tp_new = PyType_GenericNew,
    .tp_setattro = fixed_setattro,
};

/* The constructors that have begun, with this one; NULL without an exception: it is among them. */
static inline PyObject *
with_one_more(PyObject *begun, PyObject *once)
{
    PyObject *one, *all;
    Py_ssize_t i;

    for (i = 0; begun != NULL && i < PyTuple_GET_SIZE(begun); i++)
        if (PyTuple_GET_ITEM(begun, i) == once)
            return NULL;
    one = PyTuple_Pack(1, once);
    if (begun == NULL || one == NULL)
        return one;
    all = PySequence_Concat(begun, one);
    Py_DECREF(one);
    return all;
}

/* Record that it has begun: no other thread comes between the check and the record. */
static inline int
begin(PyObject *self, PyObject *once)
{
    PyObject *begun = own(self, begun_name, _PyType_Lookup(Py_TYPE(self), begun_name)), *now;
    int result;

    if (begun != NULL && !PyTuple_CheckExact(begun))
        Py_CLEAR(begun);
    now = with_one_more(begun, once);
    if (now == NULL && !PyErr_Occurred())
        PyErr_Format(PyExc_RuntimeError, "%s was made already: __init__ runs once",
                     Py_TYPE(self)->tp_name);
    result = now == NULL ? -1 : PyObject_GenericSetAttr(self, begun_name, now);
    Py_XDECREF(begun);
    Py_XDECREF(now);
    return result;
}

static PyObject *
once_call(PyObject *self, PyObject *const *args, size_t nargsf, PyObject *kwnames)
{
    if (PyVectorcall_NARGS(nargsf) == 0 || !PyObject_TypeCheck(args[0], &fixed_type))
        return PyErr_Format(PyExc_TypeError, "__init__ takes an object to be made");
    if (begin(args[0], self) < 0)
        return NULL;
    return PyObject_Vectorcall(((struct once *)self)->init, args, nargsf, kwnames);
}

static PyObject *
once_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    struct once *once;
    PyObject *init;

    if (kwargs != NULL && PyDict_GET_SIZE(kwargs) != 0)
        return PyErr_Format(PyExc_TypeError, "Once takes no keyword arguments");
    if (!PyArg_ParseTuple(args, "O", &init))
        return NULL;
    once = (struct once *)type->tp_alloc(type, 0);
    if (once == NULL)
        return NULL;
    once->call = once_call;
    once->init = Py_NewRef(init);
    return (PyObject *)once;
}

static int
once_traverse(PyObject *self, visitproc visit, void *arg)
{
    Py_VISIT(((struct once *)self)->init);
    Py_VISIT(((struct once *)self)->dict);
    return 0;
}

/* `init` stays: a call may still come. */
static int
once_clear(PyObject *self)
{
    Py_CLEAR(((struct once *)self)->dict);
    return 0;
}

static void
once_dealloc(PyObject *self)
{
    PyObject_GC_UnTrack(self);
    once_clear(self);
    Py_CLEAR(((struct once *)self)->init);
    Py_TYPE(self)->tp_free(self);
}

/* As functions of a class do it. */
static PyObject *
method_of(PyObject *self, PyObject *object, PyObject *type)
{
    (void)type;
    return object == NULL ? Py_NewRef(self) : PyMethod_New(self, object);
}

/* For inspect, which from Python 3.13 on would show `self` too: it binds before it unwraps. */
static PyObject *
once_signature(PyObject *self, void *closure)
{
    PyObject *inspect = PyImport_ImportModule("inspect"), *signature;

    (void)closure;
    if (inspect == NULL)
        return NULL;
    signature = PyObject_CallMethod(inspect, "signature", "O", ((struct once *)self)->init);
    Py_DECREF(inspect);
    return signature;
}

static PyGetSetDef once_getset[] = {
    {"__signature__", once_signature, NULL, NULL, NULL},
    {"__dict__", PyObject_GenericGetDict, PyObject_GenericSetDict, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyTypeObject once_type = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "pydpdk._crossing.Once",
    .tp_basicsize = sizeof(struct once),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_HAVE_VECTORCALL |
                Py_TPFLAGS_METHOD_DESCRIPTOR,
    .tp_doc = "A constructor that runs once for each object.",
    .tp_new = once_new,
    .tp_dealloc = once_dealloc,
    .tp_traverse = once_traverse,
    .tp_clear = once_clear,
    .tp_call = PyVectorcall_Call,
    .tp_vectorcall_offset = offsetof(struct once, call),
    .tp_dictoffset = offsetof(struct once, dict),
    .tp_descr_get = method_of,
    .tp_getset = once_getset,
};

#endif

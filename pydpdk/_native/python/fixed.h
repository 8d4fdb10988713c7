/* SPDX-License-Identifier: BSD-3-Clause */
/* The base of objects that are made once, and whose public attributes never change: C has sized its
 * buffers by them, and another thread may be in a call. Done in Python, this would cost 300 ns for
 * each attribute of each object. */
#ifndef PYD_FIXED_H
#define PYD_FIXED_H

#include "state.h"

/* A constructor that runs once for each object: `_begun` of the object lists those that ran. */
struct once {
    PyObject_HEAD
    vectorcallfunc call;
    PyObject *init;
    PyObject *dict;
};

/* The value under a name in a slot or in the object's own dictionary, a new reference; NULL: none.
 * `found` is what its class has. A slot is read in place, without an exception that would only be
 * cleared. */
static inline PyObject *
own(PyObject *self, PyObject *name, PyObject *found)
{
    PyObject *value;

    if (found != NULL && Py_TYPE(found) == &PyMemberDescr_Type) {
        const PyMemberDef *member = ((PyMemberDescrObject *)found)->d_member;

        if (member->type == Py_T_OBJECT_EX)
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
    PyObject *found = of_class(Py_TYPE(self), name), *value;
    int result;

    if (found != NULL && Py_TYPE(found) != &PyMemberDescr_Type) {
        result = Py_TYPE(found)->tp_descr_set == NULL;
    } else {
        value = own(self, name, found);
        result = value != NULL;
        Py_XDECREF(value);
    }
    Py_XDECREF(found);
    return result;
}

/* Set a public attribute, where it has no value: no other thread comes between. */
static inline int
set_once(PyObject *self, PyObject *name, PyObject *value)
{
    int result = -1;

    Py_BEGIN_CRITICAL_SECTION(self);
    if (is_set(self, name))
        PyErr_Format(PyExc_AttributeError, "%s.%U cannot be set", Py_TYPE(self)->tp_name, name);
    else
        result = PyObject_GenericSetAttr(self, name, value);
    Py_END_CRITICAL_SECTION();
    return result;
}

static int
fixed_setattro(PyObject *self, PyObject *name, PyObject *value)
{
    if (!PyUnicode_Check(name)) { /* `__delattr__` and `__setattr__` pass on any object */
        PyErr_Format(PyExc_TypeError, "attribute name must be string, not '%.200s'",
                     Py_TYPE(name)->tp_name);
        return -1;
    }
    if (PyUnicode_GET_LENGTH(name) > 0 && PyUnicode_READ_CHAR(name, 0) == '_')
        return PyObject_GenericSetAttr(self, name, value);
    if (value != NULL)
        return set_once(self, name, value);
    PyErr_Format(PyExc_AttributeError, "%s.%U cannot be deleted", Py_TYPE(self)->tp_name, name);
    return -1;
}

/* Objects are made by `object`: only its `__new__` gives them inline attributes before Python 3.13.
 * Objects of PyType_GenericNew have a dictionary, which takes longer to read. */
static PyObject *
fixed_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    PyObject *none = PyTuple_New(0), *made;

    (void)args, (void)kwargs;
    if (none == NULL)
        return NULL;
    made = PyBaseObject_Type.tp_new(type, none, NULL);
    Py_DECREF(none);
    return made;
}

static int
fixed_traverse(PyObject *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    return 0;
}

static PyType_Slot fixed_slots[] = {
    {Py_tp_doc, "An object that is made once, and keeps its public attributes."},
    {Py_tp_new, fixed_new},
    {Py_tp_setattro, fixed_setattro},
    {Py_tp_traverse, fixed_traverse},
    {0, NULL},
};

static PyType_Spec fixed_spec = {
    .name = "pydpdk._crossing.Fixed",
    .basicsize = sizeof(PyObject),
    .flags = TYPE_FLAGS | Py_TPFLAGS_BASETYPE,
    .slots = fixed_slots,
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

static inline int
record(PyObject *self, PyObject *once, PyObject *name)
{
    PyObject *found = of_class(Py_TYPE(self), name), *begun = own(self, name, found), *now;
    int result;

    Py_XDECREF(found);
    if (begun != NULL && !PyTuple_CheckExact(begun))
        Py_CLEAR(begun);
    now = with_one_more(begun, once);
    if (now == NULL && !PyErr_Occurred())
        PyErr_Format(PyExc_RuntimeError, "%s was made already: __init__ runs once",
                     Py_TYPE(self)->tp_name);
    result = now == NULL ? -1 : PyObject_GenericSetAttr(self, name, now);
    Py_XDECREF(begun);
    Py_XDECREF(now);
    return result;
}

/* Record that it has begun: no other thread comes between the check and the record. */
static inline int
begin(PyObject *self, PyObject *once, PyObject *name)
{
    int result;

    Py_BEGIN_CRITICAL_SECTION(self);
    result = record(self, once, name);
    Py_END_CRITICAL_SECTION();
    return result;
}

static PyObject *
once_call(PyObject *self, PyObject *const *args, size_t nargsf, PyObject *kwnames)
{
    const struct state *state = state_of(Py_TYPE(self));

    if (state == NULL)
        return NULL;
    if (PyVectorcall_NARGS(nargsf) == 0 || !PyObject_TypeCheck(args[0], state->fixed))
        return PyErr_Format(PyExc_TypeError, "__init__ takes an object to be made");
    if (begin(args[0], self, state->begun_name) < 0)
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
    Py_VISIT(Py_TYPE(self));
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
    free_object(self);
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

static PyMemberDef once_members[] = {
    {"__vectorcalloffset__", Py_T_PYSSIZET, offsetof(struct once, call), Py_READONLY, NULL},
    {"__dictoffset__", Py_T_PYSSIZET, offsetof(struct once, dict), Py_READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot once_slots[] = {
    {Py_tp_doc, "A constructor that runs once for each object."},
    {Py_tp_new, once_new},
    {Py_tp_dealloc, once_dealloc},
    {Py_tp_traverse, once_traverse},
    {Py_tp_clear, once_clear},
    {Py_tp_call, PyVectorcall_Call},
    {Py_tp_descr_get, method_of},
    {Py_tp_getset, once_getset},
    {Py_tp_members, once_members},
    {0, NULL},
};

static PyType_Spec once_spec = {
    .name = "pydpdk._crossing.Once",
    .basicsize = sizeof(struct once),
    .flags = TYPE_FLAGS | Py_TPFLAGS_HAVE_VECTORCALL | Py_TPFLAGS_METHOD_DESCRIPTOR,
    .slots = once_slots,
};

#endif

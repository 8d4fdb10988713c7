/* SPDX-License-Identifier: BSD-3-Clause */
/* Accessor: the base of classes that show an object of another class. Many are made, and this is
 * faster than an __init__ in Python. The class attribute `_of` is the kind that it shows, and
 * `_kind` is its own. */
#ifndef PYD_ACCESSOR_H
#define PYD_ACCESSOR_H

#include "handle.h"

struct accessor {
    struct handle handle;
    PyObject *shown;
    char begun;
};

static PyObject *accessor_of_name, *accessor_kind_name;

static int
accessor_fill(struct accessor *accessor, PyTypeObject *type, PyObject *shown)
{
    const struct handle *handle = (const struct handle *)shown;
    PyObject *of = PyObject_GetAttr((PyObject *)type, accessor_of_name);
    PyObject *kind = PyObject_GetAttr((PyObject *)type, accessor_kind_name);
    const int fits = of != NULL && kind != NULL && PyUnicode_CheckExact(kind) &&
                     PyObject_TypeCheck(shown, &handle_type) && handle->kind == of;

    accessor->handle.kind = kind;
    if (!fits && !PyErr_Occurred())
        PyErr_Format(PyExc_TypeError, "it must be a %S (got %R)", of, shown);
    Py_XDECREF(of);
    if (!fits)
        return -1;
    PyUnicode_InternInPlace(&accessor->handle.kind);
    accessor->handle.object = handle->object;
    accessor->handle.count = handle->count;
    accessor->shown = Py_NewRef(shown);
    return 0;
}

static PyObject *
accessor_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    struct accessor *accessor;

    if (PyTuple_GET_SIZE(args) != 1 || (kwargs != NULL && PyDict_GET_SIZE(kwargs) != 0))
        return PyErr_Format(PyExc_TypeError, "%s takes one argument, and no named one", type->tp_name);
    accessor = (struct accessor *)type->tp_alloc(type, 0);
    if (accessor != NULL && accessor_fill(accessor, type, PyTuple_GET_ITEM(args, 0)) < 0)
        Py_CLEAR(accessor);
    return (PyObject *)accessor;
}

static int
accessor_init(PyObject *self, PyObject *args, PyObject *kwargs)
{
    struct accessor *accessor = (struct accessor *)self;

    (void)args, (void)kwargs;
    if (accessor->begun) {
        PyErr_Format(PyExc_RuntimeError, "%R was made already: __init__ runs once",
                     (PyObject *)Py_TYPE(self));
        return -1;
    }
    accessor->begun = 1;
    return 0;
}

static void
accessor_dealloc(PyObject *self)
{
    Py_CLEAR(((struct accessor *)self)->shown);
    handle_dealloc(self);
}

static PyMemberDef accessor_members[] = {
    {"_shown", T_OBJECT, offsetof(struct accessor, shown), READONLY, "The object that it shows."},
    {NULL, 0, 0, 0, NULL},
};

static PyTypeObject accessor_type = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "pydpdk._crossing.Accessor",
    .tp_basicsize = sizeof(struct accessor),
    .tp_base = &handle_type,
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
    .tp_doc = "A view of a C object of another class, with fast-path methods.",
    .tp_new = accessor_new,
    .tp_init = accessor_init,
    .tp_dealloc = accessor_dealloc,
    .tp_members = accessor_members,
};

#endif

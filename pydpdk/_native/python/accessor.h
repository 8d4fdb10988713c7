/* SPDX-License-Identifier: BSD-3-Clause */
/* Accessor: the base of classes that show an object of another class. Many are made, and this is
 * faster than an __init__ in Python. The class attribute `_of` is the kind that it shows, and
 * `_kind` is its own. */
#ifndef PYD_ACCESSOR_H
#define PYD_ACCESSOR_H

#include "handle.h"

struct face {
    struct handle handle;
    PyObject *whose;
    char begun;
};

static PyObject *face_of_name, *face_kind_name;

static int
face_fill(struct face *face, PyTypeObject *type, PyObject *whose)
{
    const struct handle *handle = (const struct handle *)whose;
    PyObject *of = PyObject_GetAttr((PyObject *)type, face_of_name);
    PyObject *kind = PyObject_GetAttr((PyObject *)type, face_kind_name);
    const int fits = of != NULL && kind != NULL && PyUnicode_CheckExact(kind) &&
                     PyObject_TypeCheck(whose, &handle_type) && handle->kind == of;

    face->handle.kind = kind;
    if (!fits && !PyErr_Occurred())
        PyErr_Format(PyExc_TypeError, "%R: a %S is allowed", whose, of);
    Py_XDECREF(of);
    if (!fits)
        return -1;
    PyUnicode_InternInPlace(&face->handle.kind);
    face->handle.object = handle->object;
    face->handle.count = handle->count;
    face->whose = Py_NewRef(whose);
    return 0;
}

static PyObject *
face_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    struct face *face;

    if (PyTuple_GET_SIZE(args) != 1 || (kwargs != NULL && PyDict_GET_SIZE(kwargs) != 0))
        return PyErr_Format(PyExc_TypeError, "%s takes one argument, and no named one", type->tp_name);
    face = (struct face *)type->tp_alloc(type, 0);
    if (face != NULL && face_fill(face, type, PyTuple_GET_ITEM(args, 0)) < 0)
        Py_CLEAR(face);
    return (PyObject *)face;
}

static int
face_init(PyObject *self, PyObject *args, PyObject *kwargs)
{
    struct face *face = (struct face *)self;

    (void)args, (void)kwargs;
    if (face->begun) {
        PyErr_Format(PyExc_RuntimeError, "%R was made already: __init__ runs once",
                     (PyObject *)Py_TYPE(self));
        return -1;
    }
    face->begun = 1;
    return 0;
}

static void
face_dealloc(PyObject *self)
{
    Py_CLEAR(((struct face *)self)->whose);
    handle_dealloc(self);
}

static PyMemberDef face_members[] = {
    {"_whose", T_OBJECT, offsetof(struct face, whose), READONLY, "The object that it shows."},
    {NULL, 0, 0, 0, NULL},
};

static PyTypeObject face_type = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "pydpdk._crossing.Face",
    .tp_basicsize = sizeof(struct face),
    .tp_base = &handle_type,
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
    .tp_doc = "A view of a C object of another class, with fast-path methods.",
    .tp_new = face_new,
    .tp_init = face_init,
    .tp_dealloc = face_dealloc,
    .tp_members = face_members,
};

#endif

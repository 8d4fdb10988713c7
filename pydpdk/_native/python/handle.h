/* SPDX-License-Identifier: BSD-3-Clause */
/* The base of Python classes with fast-path methods: one C object, and its kind. */
#ifndef PYD_HANDLE_H
#define PYD_HANDLE_H

#include "fixed.h"

#include <stddef.h>
#include <structmember.h>

#define NPY_NO_DEPRECATED_API NPY_1_7_API_VERSION
#include <numpy/arrayobject.h>

/* `kind` is an interned string: a method accepts handles of one kind, as C does not check types.
 * `dtype` is that of the arrays it accepts, or NULL; `cells`, how many of it are a row, 0 for one
 * by itself. `count` points to the object's number of rows, or is NULL. `parts` are the handles
 * that it is made of, `kept` owns its memory: all are set once, as another thread may be in a call.
 * While `fallback_only` is set, every call uses the fallback. */
struct handle {
    PyObject_HEAD
    void *object;
    PyObject *kind;
    PyObject *dtype;
    PyObject *parts;
    PyObject *kept;
    const uint32_t *count;
    unsigned int cells;
    char fallback_only;
};

static PyTypeObject handle_type;

static PyObject *
handle_keep(PyObject *self, PyObject *kept)
{
    struct handle *handle = (struct handle *)self;

    if (handle->kept != NULL)
        return PyErr_Format(PyExc_RuntimeError, "%R has its memory already", (PyObject *)Py_TYPE(self));
    handle->kept = Py_NewRef(kept);
    Py_RETURN_NONE;
}

static PyObject *
handle_bind(PyObject *self, PyObject *args)
{
    struct handle *handle = (struct handle *)self;
    unsigned long long address, count = 0;
    PyObject *kind, *dtype = NULL;
    unsigned int cells = 0;

    if (!PyArg_ParseTuple(args, "KU|O!KI", &address, &kind, &PyArrayDescr_Type, &dtype, &count,
                          &cells))
        return NULL;
    if (address == 0)
        return PyErr_Format(PyExc_ValueError, "address must be that of a C object (got 0)");
    if (handle->object != NULL)
        return PyErr_Format(PyExc_RuntimeError, "%R is bound already", (PyObject *)Py_TYPE(self));
    handle->kind = Py_NewRef(kind);
    PyUnicode_InternInPlace(&handle->kind);
    handle->dtype = Py_XNewRef(dtype);
    handle->object = (void *)(uintptr_t)address;
    handle->count = (const uint32_t *)(uintptr_t)count;
    handle->cells = cells;
    Py_RETURN_NONE;
}

static PyObject *
handle_made_of(PyObject *self, PyObject *parts)
{
    struct handle *handle = (struct handle *)self;
    Py_ssize_t i;

    if (handle->parts != NULL)
        return PyErr_Format(PyExc_RuntimeError, "%R has its parts already", (PyObject *)Py_TYPE(self));
    if (!PyTuple_CheckExact(parts))
        return PyErr_Format(PyExc_TypeError, "parts must be a tuple");
    for (i = 0; i < PyTuple_GET_SIZE(parts); i++) {
        const struct handle *part = (const struct handle *)PyTuple_GET_ITEM(parts, i);

        if (!PyObject_TypeCheck((PyObject *)part, &handle_type) || part->dtype == NULL)
            return PyErr_Format(PyExc_TypeError, "parts must be handles with a dtype");
    }
    handle->parts = Py_NewRef(parts);
    Py_RETURN_NONE;
}

static void
handle_dealloc(PyObject *self)
{
    Py_CLEAR(((struct handle *)self)->kind);
    Py_CLEAR(((struct handle *)self)->dtype);
    Py_CLEAR(((struct handle *)self)->parts);
    Py_CLEAR(((struct handle *)self)->kept);
    Py_TYPE(self)->tp_free(self);
}

static PyMethodDef handle_methods[] = {
    {"_bind", handle_bind, METH_VARARGS,
     "Set the address of the C object, its kind, its dtype, where its count lies, cells of a row."},
    {"_keep", handle_keep, METH_O, "Keep the owner of the C object's memory."},
    {"_made_of", handle_made_of, METH_O, "Set the handles that it is made of."},
    {NULL, NULL, 0, NULL},
};

static PyMemberDef handle_members[] = {
    {"_fallback_only", T_BOOL, offsetof(struct handle, fallback_only), 0, "Whether calls use the fallback."},
    {NULL, 0, 0, 0, NULL},
};

static PyTypeObject handle_type = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "pydpdk._crossing.Handle",
    .tp_basicsize = sizeof(struct handle),
    .tp_base = &fixed_type,
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
    .tp_doc = "A C object with fast-path methods.",
    .tp_new = PyType_GenericNew,
    .tp_dealloc = handle_dealloc,
    .tp_methods = handle_methods,
    .tp_members = handle_members,
};

static inline const struct handle *
of_kind(const struct handle *handle, const PyObject *kind)
{
    return handle->kind == kind && !handle->fallback_only ? handle : NULL;
}

/* The handle, where it is of this kind and may use the fast path; else NULL. */
static inline const struct handle *
handle_of(PyObject *value, const PyObject *kind)
{
    return PyObject_TypeCheck(value, &handle_type)
               ? of_kind((const struct handle *)value, kind)
               : NULL;
}

/* As handle_of, without a walk over the bases of the type: `seen` keeps the first one that passed. */
static inline const struct handle *
handle_seen(PyObject *value, const PyObject *kind, PyTypeObject **seen)
{
    if (Py_TYPE(value) != *seen) {
        if (!PyObject_TypeCheck(value, &handle_type))
            return NULL;
        if (*seen == NULL)
            *seen = (PyTypeObject *)Py_NewRef(Py_TYPE(value));
    }
    return of_kind((const struct handle *)value, kind);
}

#endif

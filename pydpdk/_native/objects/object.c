/* SPDX-License-Identifier: BSD-3-Clause */
/* The base of the heap types: a Python object with a C object. */
#include "objects/object.h"

PyObject *pyd_rewritten, *pyd_counts[COUNTS];

static PyObject *
object_keep(PyObject *self, PyObject *kept)
{
    struct object *object = (struct object *)self;

    if (object->kept != NULL)
        return PyErr_Format(PyExc_RuntimeError, "%R has its memory already", (PyObject *)Py_TYPE(self));
    object->kept = Py_NewRef(kept);
    Py_RETURN_NONE;
}

static PyObject *
object_bind(PyObject *self, PyObject *args)
{
    struct object *object = (struct object *)self;
    unsigned long long address;
    unsigned int cells = 0;
    PyObject *dtype = NULL;

    if (!PyArg_ParseTuple(args, "K|O!I", &address, &PyArrayDescr_Type, &dtype, &cells))
        return NULL;
    if (address == 0)
        return PyErr_Format(PyExc_ValueError, "address must be that of a C object (got 0)");
    if (object->c != NULL)
        return PyErr_Format(PyExc_RuntimeError, "%R is bound already", (PyObject *)Py_TYPE(self));
    object->dtype = Py_XNewRef(dtype);
    object->cells = cells;
    object->c = (void *)(uintptr_t)address;
    Py_RETURN_NONE;
}

int
pyd_object_traverse(PyObject *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(((struct object *)self)->dtype);
    Py_VISIT(((struct object *)self)->kept);
    return 0;
}

int
pyd_object_clear(PyObject *Py_UNUSED(self))
{
    return 0; /* another thread may be in a call, and what is kept does not point back */
}

void
pyd_object_dealloc(PyObject *self)
{
    struct object *object = (struct object *)self;
    PyTypeObject *type = Py_TYPE(self);

    PyObject_GC_UnTrack(self);
    Py_CLEAR(object->dtype);
    Py_CLEAR(object->kept);
    type->tp_free(self);
    Py_DECREF(type);
}

static PyMethodDef methods[] = {
    {"_bind", object_bind, METH_VARARGS,
     "Set the address of the C object, the dtype of its arrays, and how many of it are a row."},
    {"_keep", object_keep, METH_O, "Keep the owner of the C object's memory."},
    {NULL, NULL, 0, NULL},
};

static PyMemberDef members[] = {
    {"_checked_only", T_BOOL, offsetof(struct object, checked_only), 0,
     "Whether every call runs the method in Python."},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_doc, "A Python object with a C object."},
    {Py_tp_methods, methods},
    {Py_tp_members, members},
    PYD_OBJECT_SLOTS,
    {0, NULL},
};

PyType_Spec pyd_object_spec = {
    "pydpdk._objects.Object", sizeof(struct object), 0, PYD_OBJECT_FLAGS, slots};

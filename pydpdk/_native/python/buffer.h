/* SPDX-License-Identifier: BSD-3-Clause */
/* Buffer: the base of classes with a buffer of their own, which Python 3.11 gives to no class that
 * is written in Python. `_export` returns an array, and the buffer is that of the array: it keeps
 * the array alive, so it counts as a view (Pin in _core/lifetime.py). */
#ifndef PYD_BUFFER_H
#define PYD_BUFFER_H

#include "fixed.h"

static PyObject *export_name;

static int
buffer_get(PyObject *self, Py_buffer *view, int flags)
{
    PyObject *array = PyObject_CallMethodNoArgs(self, export_name);
    int ret;

    view->obj = NULL;
    if (array == NULL)
        return -1;
    ret = PyObject_GetBuffer(array, view, flags);
    Py_DECREF(array);
    return ret;
}

/* Never called, as the buffer is the array's. Without it, np.frombuffer would keep this object, not the
 * buffer, and its result would be no view. */
static void
buffer_release(PyObject *self, Py_buffer *view)
{
    (void)self, (void)view;
}

static PyBufferProcs buffer_procs = {
    .bf_getbuffer = buffer_get,
    .bf_releasebuffer = buffer_release,
};

static PyTypeObject buffer_type = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "pydpdk._crossing.Buffer",
    .tp_basicsize = sizeof(PyObject),
    .tp_base = &fixed_type,
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
    .tp_doc = "An object whose buffer is that of the array which its method _export returns.",
    .tp_new = PyType_GenericNew,
    .tp_as_buffer = &buffer_procs,
};

#endif

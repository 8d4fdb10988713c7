/* SPDX-License-Identifier: BSD-3-Clause */
/* Buffer: the base of classes with a buffer of their own, which Python 3.11 gives to no class that
 * is written in Python. `_export` returns an array, and the buffer is that of the array: it keeps
 * the array alive, so it counts as a view (Pin in _core/lifetime.py). */
#ifndef PYD_BUFFER_H
#define PYD_BUFFER_H

#include "fixed.h"

static int
buffer_get(PyObject *self, Py_buffer *view, int flags)
{
    const struct state *state = state_of_subclass(Py_TYPE(self));
    PyObject *array = state == NULL ? NULL : PyObject_CallMethodNoArgs(self, state->export_name);
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

static PyType_Slot buffer_slots[] = {
    {Py_tp_doc, "An object whose buffer is that of the array which its method _export returns."},
    {Py_tp_traverse, fixed_traverse},
    {Py_bf_getbuffer, buffer_get},
    {Py_bf_releasebuffer, buffer_release},
    {0, NULL},
};

static PyType_Spec buffer_spec = {
    .name = "pydpdk._crossing.Buffer",
    .basicsize = sizeof(PyObject),
    .flags = TYPE_FLAGS | Py_TPFLAGS_BASETYPE,
    .slots = buffer_slots,
};

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
/* The state of a module object: its types, and the names that it looks up. There is nothing static,
 * so each interpreter may have a module of its own. */
#ifndef PYD_STATE_H
#define PYD_STATE_H

#include "versions.h"

struct state {
    PyTypeObject *fixed;
    PyObject *acquire_name;
    PyObject *begun_name;
    PyObject *export_name;
    PyObject *release_name;
};

static struct PyModuleDef module;

/* Of a type of ours that has no subclasses. NULL with an exception: the module is being freed. */
static inline struct state *
state_of(PyTypeObject *type)
{
    return PyType_GetModuleState(type);
}

/* The same of a subclass of one of ours. */
static inline struct state *
state_of_subclass(PyTypeObject *type)
{
    PyObject *self = PyType_GetModuleByDef(type, &module);

    return self == NULL ? NULL : PyModule_GetState(self);
}

/* The end of an object whose fields are cleared. Its type may have no other reference. */
static inline void
free_object(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);

    type->tp_free(self);
    Py_DECREF(type);
}

/* None of our types can be changed. Their objects count as references to them. */
#define TYPE_FLAGS (Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE)

#endif

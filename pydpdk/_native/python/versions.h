/* SPDX-License-Identifier: BSD-3-Clause */
/* What Python 3.11 and 3.12 call otherwise, or do not have. */
#ifndef PYD_VERSIONS_H
#define PYD_VERSIONS_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stddef.h>

#if PY_VERSION_HEX < 0x030c0000
#include <structmember.h>
#define Py_T_BOOL T_BOOL
#define Py_T_PYSSIZET T_PYSSIZET
#define Py_T_OBJECT_EX T_OBJECT_EX
#define Py_READONLY READONLY
#endif

/* Without a GIL: the lock of an object. Its holder must not return from within. */
#ifndef Py_BEGIN_CRITICAL_SECTION
#define Py_BEGIN_CRITICAL_SECTION(object) {
#define Py_END_CRITICAL_SECTION() }
#endif

/* The current exception, while other calls may raise and clear theirs. */
struct raised {
    PyObject *error;
#if PY_VERSION_HEX < 0x030c0000
    PyObject *type, *traceback;
#endif
};

static inline void
set_aside(struct raised *raised)
{
#if PY_VERSION_HEX < 0x030c0000
    PyErr_Fetch(&raised->type, &raised->error, &raised->traceback);
#else
    raised->error = PyErr_GetRaisedException();
#endif
}

static inline void
put_back(struct raised *raised)
{
#if PY_VERSION_HEX < 0x030c0000
    PyErr_Restore(raised->type, raised->error, raised->traceback);
#else
    PyErr_SetRaisedException(raised->error);
#endif
}

/* The attribute of a class, as its objects find it; a new reference, or NULL without an exception. */
static inline PyObject *
of_class(PyTypeObject *type, PyObject *name)
{
#if PY_VERSION_HEX < 0x030d0000
    return Py_XNewRef(_PyType_Lookup(type, name));
#else
    return _PyType_LookupRef(type, name);
#endif
}

#endif

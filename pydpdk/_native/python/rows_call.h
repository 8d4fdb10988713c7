/* SPDX-License-Identifier: BSD-3-Clause */
/* A call over rows: its arguments by their kinds, the call of C, and its result. */
#ifndef PYD_ROWS_CALL_H
#define PYD_ROWS_CALL_H

#include "rows.h"

/* How many rows: those of the object, of the handle that is the first argument, or of the array
 * that is. -1: not on the fast path. */
static inline npy_intp
rows_of(const struct crossing *crossing, const struct handle *handle, PyObject *const *args)
{
    if (handle->count == NULL && crossing->takes[0] == 'h')
        handle = handle_of(args[0], crossing->other);
    if (handle == NULL)
        return -1;
    if (handle->count != NULL)
        return *handle->count;
    if (crossing->takes[0] == '\0' || !PyArray_CheckExact(args[0]) || PyArray_NDIM((PyArrayObject *)args[0]) < 1)
        return -1;
    return PyArray_DIM((PyArrayObject *)args[0], 0);
}

/* The keyword, which comes behind the other arguments. */
static inline int
add_header(struct call *call, PyObject *const *args, PyObject *kwnames)
{
    PyObject *value;

    if (kwnames == NULL) {
        call->numbers[call->n_numbers++] = DEFAULT;
        return 1;
    }
    value = names_only(kwnames, "header") ? known_value(call, args[0]) : NULL;
    return value != NULL && add_number(call, value, 0, INT32_MAX);
}

static inline int
add_arguments(struct call *call, PyObject *const *args, Py_ssize_t n, PyObject *kwnames)
{
    const char *takes = call->crossing->takes;
    Py_ssize_t i;

    for (i = 0; takes[i] != '\0' && takes[i] != 'H'; i++)
        if (i >= n || !add_argument(call, takes[i], args[i]))
            return 0;
    if (i != n)
        return 0;
    return takes[i] == 'H' ? add_header(call, args + n, kwnames) : kwnames == NULL;
}

static inline int
make(struct call *call, PyArray_Descr *dtype, npy_intp cells)
{
    npy_intp shape[2] = {call->n, cells};
    PyObject *array;

    if (call->n_made == PARTS_MAX)
        return 0;
    array = PyArray_NewFromDescr(&PyArray_Type, dtype, cells == 0 ? 1 : 2, shape, NULL, NULL, 0, NULL);
    if (array == NULL)
        return 0;
    call->made[call->n_made++] = array;
    return add(call, PyArray_DATA((PyArrayObject *)array));
}

static inline int
make_for(struct call *call, const struct handle *key)
{
    if (key == NULL || key->dtype == NULL)
        return 0;
    Py_INCREF(key->dtype); /* stolen */
    return make(call, (PyArray_Descr *)key->dtype, key->cells);
}

static inline int
make_parts(struct call *call)
{
    PyObject *parts = call->key == NULL ? NULL : call->key->parts;
    Py_ssize_t i;

    if (parts == NULL)
        return make_for(call, call->key);
    for (i = 0; i < PyTuple_GET_SIZE(parts); i++)
        if (!make_for(call, (const struct handle *)PyTuple_GET_ITEM(parts, i)))
            return 0;
    return 1;
}

/* The arrays of the result. */
static inline int
make_all(struct call *call)
{
    const char *kind;
    size_t bytes;

    for (kind = call->crossing->gives; *kind != '\0'; kind++) {
        int made = 1;

        if (*kind == 'k')
            made = make_parts(call);
        else if (*kind == 'W')
            made = make(call, PyArray_DescrFromType(NPY_UINT8), call->width);
        else if (*kind != 'c' && *kind != 's')
            made = make(call, PyArray_DescrFromType(type_of(*kind, &bytes)), 0);
        if (!made)
            return 0;
    }
    return 1;
}

static inline PyObject *
unmade(struct call *call)
{
    while (call->n_made != 0)
        Py_DECREF(call->made[--call->n_made]);
    return NULL;
}

/* A key of several names gives a tuple of arrays, also for one name. */
static inline PyObject *
result_of(struct call *call)
{
    const int several = call->key != NULL && call->key->parts != NULL;
    PyObject *tuple;
    uint32_t i;

    if (call->n_made == 1 && !several)
        return call->made[0];
    tuple = PyTuple_New(call->n_made);
    if (tuple == NULL)
        return unmade(call);
    for (i = 0; i < call->n_made; i++)
        PyTuple_SET_ITEM(tuple, i, call->made[i]);
    return tuple;
}

static inline PyObject *
carried_out(struct call *call)
{
    const rows_function function = (rows_function)call->crossing->function;
    const char gives = call->crossing->gives[0];
    int result;

    Py_BEGIN_ALLOW_THREADS
    result = function(call->handle->object, call->data, call->numbers, call->n);
    Py_END_ALLOW_THREADS
    if (gives == 'c' ? result < 0 : result != 0)
        return unmade(call);
    if (gives == 'c')
        return PyLong_FromLong(result);
    if (gives == 's')
        return Py_NewRef(call->into);
    return gives == '\0' ? Py_NewRef(Py_None) : result_of(call);
}

static inline PyObject *
over_rows(const struct crossing *crossing, const struct handle *handle, PyObject *const *args,
          Py_ssize_t n, PyObject *kwnames)
{
    struct call call;
    PyObject *result;
    npy_intp rows;

    if (n == 0 && crossing->takes[0] != '\0')
        return NULL;
    rows = rows_of(crossing, handle, args);
    if (rows < 0 || rows > MANY)
        return NULL;
    memset(&call, 0, offsetof(struct call, numbers));
    call.crossing = crossing;
    call.handle = handle;
    call.n = rows;
    if (!add_arguments(&call, args, n, kwnames))
        return NULL;
    Py_XINCREF((PyObject *)call.key); /* another thread may change `known` */
    result = make_all(&call) ? carried_out(&call) : unmade(&call);
    Py_XDECREF((PyObject *)call.key);
    return result;
}

#endif

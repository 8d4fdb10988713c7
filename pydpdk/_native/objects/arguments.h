/* SPDX-License-Identifier: BSD-3-Clause */
/* Arguments of the entries, by their kinds. Each function says whether C can take the value as it
 * is; where it cannot, the method in Python converts it, or raises. */
#ifndef PYD_ARGUMENTS_H
#define PYD_ARGUMENTS_H

#include "objects/object.h"

#define PARTS_MAX 32 /* bursts, or columns, of one call */
#define WIDTH_MAX UINT16_MAX

/* A column that was used before. */
struct column_object {
    struct object object; /* of a struct pyd_column, with the dtype and cells of a packet's value */
    uint32_t depth;       /* how deep C parses to find it */
};

extern PyObject *pyd_known_columns, *pyd_known_headers; /* by name; the methods in Python add to them */

/* The column of this name; NULL: not known yet. */
static inline const struct column_object *
known_column(PyObject *name)
{
    return (const struct column_object *)column_argument(pyd_known_columns, name);
}

/* A number in these limits. */
static inline int
whole_argument(uint32_t *to, PyObject *value, uint32_t least, uint32_t most)
{
    Py_ssize_t number;

    if (!PyLong_CheckExact(value))
        return 0;
    number = PyLong_AsSsize_t(value);
    if (number < (Py_ssize_t)least || number > (Py_ssize_t)most) {
        PyErr_Clear(); /* it does not fit in a Py_ssize_t */
        return 0;
    }
    *to = (uint32_t)number;
    return 1;
}

/* Whether the call has exactly one named argument, of this name. */
static inline int
names_only(PyObject *kwnames, const char *name)
{
    return PyTuple_GET_SIZE(kwnames) == 1 &&
           PyUnicode_CompareWithASCIIString(PyTuple_GET_ITEM(kwnames, 0), name) == 0;
}

/* `header=name`, the only keyword, or nothing. */
static inline int
header_argument(int *to, PyObject *const *named, PyObject *kwnames)
{
    PyObject *value;
    uint32_t number;

    *to = -1;
    if (kwnames == NULL)
        return 1;
    if (!names_only(kwnames, "header") || !PyUnicode_CheckExact(named[0]))
        return 0;
    value = PyDict_GetItemWithError(pyd_known_headers, named[0]);
    if (value == NULL || !whole_argument(&number, value, 0, INT32_MAX))
        return 0;
    *to = (int)number;
    return 1;
}

/* `uint32[n]`, or `bool[n]`, which is widened to it. */
static inline int
classes_argument(struct rows_argument *argument, PyObject *value, uint32_t n)
{
    uint32_t *to = (uint32_t *)argument->repeated, i;
    const uint8_t *mask;

    if (is_rows(value, n, NPY_UINT32, 1)) {
        argument->data = rows_of(value);
        return 1;
    }
    if (!is_rows(value, n, NPY_BOOL, 1) || n > REPEATED_MAX / sizeof(*to))
        return 0;
    mask = rows_of(value);
    for (i = 0; i < n; i++)
        to[i] = mask[i] != 0;
    argument->data = to;
    return 1;
}

/* The bursts of a tuple: it keeps them alive while the GIL is released. Returns how many; 0: none. */
static inline uint32_t
bursts_argument(struct pyd_burst **bursts, PyObject *value)
{
    Py_ssize_t i, n = PyTuple_CheckExact(value) ? PyTuple_GET_SIZE(value) : 0;

    if (n > PARTS_MAX)
        return 0;
    for (i = 0; i < n; i++)
        if ((bursts[i] = as_burst(PyTuple_GET_ITEM(value, i))) == NULL)
            return 0;
    return (uint32_t)n;
}

/* An array of n numbers. */
static inline int
numbers_argument(void **numbers, uint32_t *n, PyObject *value, int type)
{
    if (!is_array(value, 1, type, NPY_ARRAY_CARRAY_RO))
        return 0;
    *numbers = rows_of(value);
    *n = PyArray_DIM((PyArrayObject *)value, 0);
    return 1;
}

/* How many rows an array has; 0: it is none, or its result would be a large array. */
static inline int
rows_in(uint32_t *n, PyObject *value)
{
    PyArrayObject *array = (PyArrayObject *)value;

    if (!PyArray_CheckExact(value) || PyArray_NDIM(array) < 1 || PyArray_DIM(array, 0) > MANY)
        return 0;
    *n = PyArray_DIM(array, 0);
    return 1;
}

/* The array for n numbers: a new one, or a new reference to `out`. NULL: not on the fast path. */
static inline PyObject *
out_argument(PyObject *out, uint32_t n, int type)
{
    if (out == NULL)
        return new_rows(n, type);
    if (!is_array(out, 1, type, NPY_ARRAY_CARRAY) || PyArray_DIM((PyArrayObject *)out, 0) != (npy_intp)n)
        return NULL;
    return Py_NewRef(out);
}

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
/* ROWS: a verb over the rows of an object (the packets of a burst), or over those of an array.
 *
 *     int verb(void *object, void *const *data, const uint32_t *numbers, uint32_t n)
 *
 * gets each argument according to its kind, in order, then the arrays of the result; it returns 0,
 * or the count that is the result. Kinds of arguments, passed in `data` unless said otherwise:
 *
 *     ? 1 2 4   bool[n], or unsigned integers of so many bytes [n], or one integer for all rows
 *     x         uint32[n]; a bool[n] is widened to it
 *     w         uint8[n, width], or bytes for all rows; the width is in `numbers`
 *     k         a key: the C object that `known` has for it
 *     v         [n] or [n, cells] of the key's dtype, or one integer for all rows
 *     o         the same of the object's own dtype
 *     h         a handle of the other kind
 *     s         a tuple of such: the array of their C objects, how many in `numbers`
 *     i         an integer, in `numbers`
 *     W         an integer from 1, in `numbers`: the width of the result
 *     H         header=key, or nothing: the integer of `known` in `numbers`, or UINT32_MAX
 *
 * Kinds of the result: c a count, s the tuple, k as the key has it, W uint8[n, width], or ? 1 2 4 8
 * for an array each, i for one of int32. Without a kind it is None. */
#ifndef PYD_ROWS_H
#define PYD_ROWS_H

#include "call_shapes.h"

#define PARTS_MAX 32
#define WIDTH_MAX 65535
#define REPEATED_MAX 8192 /* most bytes for one value repeated for all rows */

typedef int (*rows_function)(void *object, void *const *data, const uint32_t *numbers, uint32_t n);

struct call {
    const struct crossing *crossing;
    const struct handle *handle;
    const struct handle *key;
    PyObject *into;
    uint32_t n;
    uint32_t width;
    uint32_t n_data;
    uint32_t n_numbers;
    uint32_t n_made;
    uint32_t repeated;
    uint32_t numbers[ARGS_MAX];
    void *data[ARGS_MAX + PARTS_MAX];
    void *objects[PARTS_MAX];
    PyObject *made[PARTS_MAX];
    char room[REPEATED_MAX] __attribute__((aligned(16)));
};

static inline int
are_kinds(const char *takes, const char *gives, const PyObject *other, const PyObject *known)
{
    if (strlen(takes) > ARGS_MAX || strlen(gives) > ARGS_MAX)
        return 0;
    if ((strpbrk(takes, "hsk") != NULL && other == NULL) ||
        (strpbrk(takes, "kH") != NULL && known == NULL))
        return 0;
    return takes[strspn(takes, "?124xwkvohsiWH")] == '\0' && gives[strspn(gives, "cskW?1248i")] == '\0';
}

static inline int
add(struct call *call, void *data)
{
    call->data[call->n_data++] = data;
    return 1;
}

/* Room for `bytes` of each row; NULL: more than the fast path has. */
static inline char *
repeat(struct call *call, size_t bytes)
{
    char *room = call->room + call->repeated;

    if (bytes * call->n > REPEATED_MAX - call->repeated)
        return NULL;
    call->repeated += (bytes * call->n + 15) & ~15u;
    if (call->repeated > REPEATED_MAX)
        call->repeated = REPEATED_MAX;
    return room;
}

static inline int
is_array(const struct call *call, PyObject *value, int type, int dimensions)
{
    PyArrayObject *array = (PyArrayObject *)value;

    return PyArray_CheckExact(value) && PyArray_NDIM(array) == dimensions &&
           PyArray_TYPE(array) == type && PyArray_DIM(array, 0) == (npy_intp)call->n &&
           PyArray_CHKFLAGS(array, NPY_ARRAY_CARRAY_RO) && PyArray_ISNOTSWAPPED(array);
}

/* An integer for all rows. */
static inline int
add_repeated(struct call *call, PyObject *value, size_t bytes)
{
    unsigned long long number;
    uint32_t i;
    char *to;

    if (!PyLong_CheckExact(value))
        return 0;
    number = PyLong_AsUnsignedLongLong(value);
    if (number == (unsigned long long)-1 && PyErr_Occurred()) {
        PyErr_Clear();
        return 0;
    }
    to = bytes < 8 && number >> (8 * bytes) != 0 ? NULL : repeat(call, bytes);
    if (to == NULL)
        return 0;
    for (i = 0; i < call->n; i++)
        switch (bytes) {
        case 1: ((uint8_t *)to)[i] = number; break;
        case 2: ((uint16_t *)to)[i] = number; break;
        case 4: ((uint32_t *)to)[i] = number; break;
        default: ((uint64_t *)to)[i] = number; break;
        }
    return add(call, to);
}

/* The type of a kind, and its bytes. */
static inline int
type_of(char kind, size_t *bytes)
{
    *bytes = kind == '?' ? 1 : kind - '0';
    if (kind == 'i')
        return NPY_INT32;
    return kind == '?' ? NPY_BOOL : kind == '1' ? NPY_UINT8 : kind == '2' ? NPY_UINT16
         : kind == '4' ? NPY_UINT32 : NPY_UINT64;
}

static inline int
add_rows(struct call *call, PyObject *value, char kind)
{
    size_t bytes;
    const int type = type_of(kind, &bytes);

    if (is_array(call, value, type, 1))
        return add(call, PyArray_DATA((PyArrayObject *)value));
    return type != NPY_BOOL && add_repeated(call, value, bytes);
}

static inline int
add_classes(struct call *call, PyObject *value)
{
    const uint8_t *mask;
    uint32_t *to, i;

    if (!is_array(call, value, NPY_BOOL, 1))
        return is_array(call, value, NPY_UINT32, 1) &&
               add(call, PyArray_DATA((PyArrayObject *)value));
    mask = PyArray_DATA((PyArrayObject *)value);
    to = (uint32_t *)repeat(call, sizeof(*to));
    for (i = 0; to != NULL && i < call->n; i++)
        to[i] = mask[i] != 0;
    return to != NULL && add(call, to);
}

static inline int
add_wide(struct call *call, PyObject *value)
{
    const int whole = is_array(call, value, NPY_UINT8, 2);
    const npy_intp width = whole ? PyArray_DIM((PyArrayObject *)value, 1)
                         : PyBytes_CheckExact(value) ? PyBytes_GET_SIZE(value) : 0;
    uint32_t i;
    char *to;

    if (width < 1 || width > WIDTH_MAX)
        return 0;
    call->numbers[call->n_numbers++] = width;
    if (whole)
        return add(call, PyArray_DATA((PyArrayObject *)value));
    to = repeat(call, width);
    for (i = 0; to != NULL && i < call->n; i++)
        memcpy(to + i * width, PyBytes_AS_STRING(value), width);
    return to != NULL && add(call, to);
}

/* The value under a key of plain strings: that runs no user code, such as an __eq__. */
static inline PyObject *
known_value(const struct call *call, PyObject *key)
{
    PyObject *value;
    Py_ssize_t i;

    if (PyTuple_CheckExact(key)) {
        for (i = 0; i < PyTuple_GET_SIZE(key); i++)
            if (!PyUnicode_CheckExact(PyTuple_GET_ITEM(key, i)))
                return NULL;
    } else if (!PyUnicode_CheckExact(key)) {
        return NULL;
    }
    value = PyDict_GetItemWithError(call->crossing->known, key);
    if (value == NULL)
        PyErr_Clear();
    return value;
}

static inline int
add_key(struct call *call, PyObject *key)
{
    PyObject *value = known_value(call, key);

    call->key = value == NULL ? NULL : handle_of(value, call->crossing->other);
    return call->key != NULL && add(call, call->key->object);
}

static inline int
add_values(struct call *call, const struct handle *key, PyObject *value)
{
    PyArrayObject *array = (PyArrayObject *)value;
    PyArray_Descr *dtype = key == NULL ? NULL : (PyArray_Descr *)key->dtype;

    if (dtype == NULL)
        return 0;
    if (key->cells != 0)
        return is_array(call, value, NPY_UINT8, 2) && dtype->type_num == NPY_UINT8 &&
               PyArray_DIM(array, 1) == (npy_intp)key->cells && add(call, PyArray_DATA(array));
    if (is_array(call, value, dtype->type_num, 1) && PyArray_EquivTypes(PyArray_DESCR(array), dtype))
        return add(call, PyArray_DATA(array));
    return dtype->kind == 'u' && add_repeated(call, value, PyDataType_ELSIZE(dtype));
}

static inline int
add_handle(struct call *call, PyObject *value)
{
    const struct handle *handle = handle_of(value, call->crossing->other);

    return handle != NULL && add(call, handle->object);
}

/* Only from a tuple: it keeps them alive while the GIL is released. */
static inline int
add_sequence(struct call *call, PyObject *value)
{
    Py_ssize_t i, n = PyTuple_CheckExact(value) ? PyTuple_GET_SIZE(value) : 0;

    if (n < 1 || n > PARTS_MAX)
        return 0;
    for (i = 0; i < n; i++) {
        const struct handle *handle = handle_of(PyTuple_GET_ITEM(value, i), call->crossing->other);

        if (handle == NULL)
            return 0;
        call->objects[i] = handle->object;
    }
    call->into = value;
    call->numbers[call->n_numbers++] = n;
    return add(call, call->objects);
}

static inline int
add_number(struct call *call, PyObject *value, Py_ssize_t least, Py_ssize_t most)
{
    const Py_ssize_t n = number(value, most);

    if (n < least)
        return 0;
    call->numbers[call->n_numbers++] = n;
    return 1;
}

static inline int
add_width(struct call *call, PyObject *value)
{
    if (!add_number(call, value, 1, WIDTH_MAX))
        return 0;
    call->width = call->numbers[call->n_numbers - 1];
    return 1;
}

static inline int
add_argument(struct call *call, char kind, PyObject *value)
{
    switch (kind) {
    case 'x': return add_classes(call, value);
    case 'w': return add_wide(call, value);
    case 'k': return add_key(call, value);
    case 'v': return add_values(call, call->key, value);
    case 'o': return add_values(call, call->handle, value);
    case 'h': return add_handle(call, value);
    case 's': return add_sequence(call, value);
    case 'i': return add_number(call, value, 0, UINT32_MAX - 1);
    case 'W': return add_width(call, value);
    default: return add_rows(call, value, kind);
    }
}

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
/* The call shapes: each checks the arguments in place and calls C without the GIL. They return the
 * result, or NULL without an exception: use the fallback, with the same arguments. */
#ifndef PYD_CALL_SHAPES_H
#define PYD_CALL_SHAPES_H

#include "handle.h"

#define MANY 65536          /* elements of a new array: a larger one uses the fallback */
#define ARGS_MAX 4
#define DEFAULT UINT32_MAX /* an argument that was left out; C knows its default */

/* SEND reads an array and FILL writes to one: the result is a count. GIVE reads one: the result is
 * None. TAKE fills a new one of n elements, or `out`, which is the result. The others need no
 * array: COUNT and ACT take only the object, MOVE another one, DRAW another one and two numbers,
 * the second named `length`; only ACT has no count to return. For ROWS see rows.h. */
enum how { SEND, FILL, GIVE, TAKE, COUNT, ACT, MOVE, DRAW, ROWS };

typedef int (*array_function)(void *object, void *data, uint32_t n);
typedef int (*lone_function)(void *object);
typedef int (*pair_function)(void *object, void *other);
typedef int (*draw_function)(void *object, void *other, uint32_t n, uint32_t length);

struct crossing {
    PyObject_HEAD
    vectorcallfunc call;
    void (*function)(void);
    enum how how;
    PyObject *kind;  /* of the object, interned */
    PyObject *other; /* of the argument, interned */
    PyTypeObject *kind_type, *other_type; /* of the first object and argument that passed */
    PyObject *fallback;
    PyObject *dict;
    PyObject *known;       /* ROWS: the values of keys */
    char takes[ARGS_MAX + 1]; /* ROWS: the kinds of arguments; `gives`: of results */
    char gives[ARGS_MAX + 1];
};

/* Whether C may use this array as it is. A subclass may override what is checked. */
static inline int
fits(const struct handle *handle, PyObject *values, int flags)
{
    PyArrayObject *array = (PyArrayObject *)values;
    PyArray_Descr *dtype = (PyArray_Descr *)handle->dtype;

    return dtype != NULL && PyArray_CheckExact(values) && PyArray_NDIM(array) == 1 &&
           PyArray_CHKFLAGS(array, flags) && PyArray_DIM(array, 0) <= INT32_MAX &&
           (PyArray_DESCR(array) == dtype || PyArray_EquivTypes(PyArray_DESCR(array), dtype));
}

/* The caller holds a reference to the array, so its memory stays. */
static inline int
cross(const struct crossing *crossing, const struct handle *handle, PyObject *array)
{
    void *data = PyArray_DATA((PyArrayObject *)array);
    const uint32_t n = (uint32_t)PyArray_DIM((PyArrayObject *)array, 0);
    int result;

    Py_BEGIN_ALLOW_THREADS
    result = ((array_function)crossing->function)(handle->object, data, n);
    Py_END_ALLOW_THREADS
    return result;
}

static inline PyObject *
counted(int result)
{
    return result < 0 ? NULL : PyLong_FromLong(result);
}

/* A number of an argument, up to `most`; -1: not on the fast path. */
static inline Py_ssize_t
number(PyObject *value, Py_ssize_t most)
{
    Py_ssize_t n;

    if (!PyLong_CheckExact(value))
        return -1;
    n = PyLong_AsSsize_t(value);
    if (n == -1)
        PyErr_Clear();
    return n <= most ? n : -1;
}

/* Whether the call has exactly one named argument, of this name. */
static inline int
names_only(PyObject *kwnames, const char *name)
{
    return PyTuple_GET_SIZE(kwnames) == 1 &&
           PyUnicode_CompareWithASCIIString(PyTuple_GET_ITEM(kwnames, 0), name) == 0;
}

/* The array for `n` or `n, out=array`. */
static inline PyObject *
room(const struct handle *handle, PyObject *const *args, PyObject *kwnames)
{
    npy_intp n = number(args[1], MANY);

    if (n < 0 || handle->dtype == NULL)
        return NULL;
    if (kwnames == NULL) {
        Py_INCREF(handle->dtype); /* stolen */
        return PyArray_NewFromDescr(&PyArray_Type, (PyArray_Descr *)handle->dtype, 1, &n, NULL,
                                    NULL, 0, NULL);
    }
    if (!fits(handle, args[2], NPY_ARRAY_CARRAY) || !names_only(kwnames, "out") ||
        PyArray_DIM((PyArrayObject *)args[2], 0) != n)
        return NULL;
    Py_INCREF(args[2]);
    return args[2];
}

static inline PyObject *
with_room(const struct crossing *crossing, const struct handle *handle, PyObject *const *args,
          PyObject *kwnames)
{
    PyObject *array = room(handle, args, kwnames);

    if (array == NULL || cross(crossing, handle, array) >= 0)
        return array;
    Py_DECREF(array);
    return NULL;
}

static inline PyObject *
with_array(const struct crossing *crossing, const struct handle *handle, PyObject *array)
{
    const enum how how = crossing->how;
    int result;

    if (!fits(handle, array, how == FILL ? NPY_ARRAY_CARRAY : NPY_ARRAY_CARRAY_RO))
        return NULL;
    result = cross(crossing, handle, array);
    return how == GIVE && result >= 0 ? Py_NewRef(Py_None) : counted(result);
}

static inline PyObject *
alone(const struct crossing *crossing, const struct handle *handle)
{
    int result;

    Py_BEGIN_ALLOW_THREADS
    result = ((lone_function)crossing->function)(handle->object);
    Py_END_ALLOW_THREADS
    return crossing->how == ACT && result >= 0 ? Py_NewRef(Py_None) : counted(result);
}

static inline PyObject *
with_other(struct crossing *crossing, const struct handle *handle, PyObject *argument)
{
    const struct handle *other = handle_seen(argument, crossing->other, &crossing->other_type);
    int result;

    if (other == NULL)
        return NULL;
    Py_BEGIN_ALLOW_THREADS
    result = ((pair_function)crossing->function)(handle->object, other->object);
    Py_END_ALLOW_THREADS
    return counted(result);
}

/* `other`, `other, n` or either with `length=number`; n is the number of arguments without it. */
static inline PyObject *
drawn(struct crossing *crossing, const struct handle *handle, PyObject *const *args,
      Py_ssize_t n, PyObject *kwnames)
{
    const struct handle *other =
        handle_seen(args[1], crossing->other, &crossing->other_type);
    Py_ssize_t wanted = DEFAULT, length = 0;
    int result;

    if (other == NULL || n > 3)
        return NULL;
    if (n == 3)
        wanted = number(args[2], INT32_MAX);
    if (kwnames != NULL)
        length = names_only(kwnames, "length") ? number(args[n], INT32_MAX) : -1;
    if (wanted < 0 || length < 0)
        return NULL;
    Py_BEGIN_ALLOW_THREADS
    result = ((draw_function)crossing->function)(handle->object, other->object, wanted, length);
    Py_END_ALLOW_THREADS
    return counted(result);
}

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
/* What the entries of all heap types share: the C object of a Python one, the fallback, arguments. */
#ifndef PYD_OBJECT_H
#define PYD_OBJECT_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <structmember.h>

#define NPY_NO_DEPRECATED_API NPY_1_7_API_VERSION
#define PY_ARRAY_UNIQUE_SYMBOL pyd_array_api
#ifndef PYD_OBJECTS_MODULE /* that file has numpy's table */
#define NO_IMPORT_ARRAY
#endif
#include <numpy/arrayobject.h>

#include "burst/burst.h"
#include "objects/gil.h"

#define MANY 65536         /* elements of a new array: a larger one uses the fallback */
#define ARGS_MAX 8
#define FAST (METH_FASTCALL | METH_KEYWORDS)
#define REPEATED_MAX 8192  /* most bytes of one value that is repeated for all packets */

/* What all heap types begin with: the C object, the dtype of the arrays it takes, or NULL, how many of
 * it are a row, 0 for one by itself, and the owner of C's memory. These are set once, as another
 * thread may be in a call. While `checked_only` is set, every call runs the method in Python. */
struct object {
    PyObject_HEAD
    void *c;
    PyObject *dtype;
    PyObject *kept;
    unsigned int cells;
    char checked_only;
};

/* One without fields of its own: it is larger than its base, so Python refuses to change the class of
 * an object to one of another C struct. */
struct own_object {
    struct object object;
    char own;
};

extern PyObject *pyd_rewritten; /* columns that were rewritten before, by their names */
/* Heap types, and their subclasses in Python. */
extern PyTypeObject *pyd_burst_type, *pyd_burst_public;
extern PyTypeObject *pyd_mempool_type, *pyd_mempool_public;

/* Methods that C serves, for one kind of class, and for each the one written in Python. `cls` is where
 * the class is kept, or NULL. */
struct pyd_methods {
    const char *kind;
    PyMethodDef *methods;
    PyObject **fallbacks;
    PyTypeObject **cls;
};

/* One of these that is a slot of the heap type: the class inherits it. */
#define PYD_IS_SLOT (-1)
#define PYD_SLOT(name, function) {name, (PyCFunction)(void (*)(void))function, PYD_IS_SLOT, NULL}

extern PyType_Spec pyd_object_spec, pyd_burst_spec, pyd_queue_spec, pyd_ring_spec, pyd_column_spec, pyd_columns_spec,
    pyd_bound_spec, pyd_mempool_spec, pyd_objects_spec, pyd_routes_spec, pyd_hash_spec,
    pyd_meter_spec, pyd_bpf_spec, pyd_where_spec;
extern const struct pyd_methods pyd_burst_methods, pyd_rx_methods, pyd_tx_methods,
    pyd_forward_methods, pyd_ring_methods, pyd_columns_methods, pyd_bound_methods,
    pyd_mempool_methods, pyd_objects_methods, pyd_routes_methods, pyd_hash_methods,
    pyd_meter_methods, pyd_bpf_methods, pyd_where_methods;

int pyd_object_traverse(PyObject *self, visitproc visit, void *arg);
int pyd_object_clear(PyObject *self);
void pyd_object_dealloc(PyObject *self);

#define PYD_OBJECT_FLAGS (Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC)
#define PYD_OBJECT_SLOTS                                                                           \
    {Py_tp_traverse, pyd_object_traverse},                                                         \
    {Py_tp_clear, pyd_object_clear},                                                               \
    {Py_tp_dealloc, pyd_object_dealloc}

/* The C object; NULL: not one of ours, never opened, or it has live views. */
static inline struct pyd_burst *
burst_of(PyObject *self)
{
    const struct object *object = (const struct object *)self;

    return likely(!object->checked_only) ? object->c : NULL;
}

/* The same of an argument. */
static inline struct pyd_burst *
as_burst(PyObject *value)
{
    if (likely(Py_TYPE(value) == pyd_burst_public) || PyObject_TypeCheck(value, pyd_burst_type))
        return burst_of(value);
    return NULL;
}

/* The C object; NULL: never opened. */
static inline void *
object_of(PyObject *self)
{
    return ((const struct object *)self)->c;
}

static inline struct pyd_pool *
as_mempool(PyObject *value)
{
    if (likely(Py_TYPE(value) == pyd_mempool_public) || PyObject_TypeCheck(value, pyd_mempool_type))
        return object_of(value);
    return NULL;
}

/* Call the method as it is written in Python, with the same arguments. Each file of entries has its
 * `fallbacks`. */
#define checked(verb, ...) call_fallback(fallbacks[verb], __VA_ARGS__)
static __rte_cold __rte_noinline __rte_unused PyObject *
call_fallback(PyObject *fallback, PyObject *self, PyObject *const *args, Py_ssize_t n, PyObject *kwnames)
{
    const Py_ssize_t all = n + (kwnames == NULL ? 0 : PyTuple_GET_SIZE(kwnames));
    PyObject *few[1 + ARGS_MAX], **stack = few, *result;

    if (PyErr_Occurred())
        return NULL;
    if (fallback == NULL)
        return PyErr_Format(PyExc_TypeError, "%R has no method in Python", Py_TYPE(self));
    if (all > ARGS_MAX && (stack = PyMem_Malloc((1 + all) * sizeof(*stack))) == NULL)
        return PyErr_NoMemory();
    stack[0] = self;
    if (all != 0)
        memcpy(stack + 1, args, all * sizeof(*args));
    result = PyObject_Vectorcall(fallback, stack, n + 1, kwnames);
    if (stack != few)
        PyMem_Free(stack);
    return result;
}

#define COUNTS 257 /* 0..256: the interpreter has one object for each of these */
extern PyObject *pyd_counts[COUNTS];

/* A number of packets or elements, 0 or more. */
static inline PyObject *
count_of(int n)
{
    return likely(n < COUNTS) ? Py_NewRef(pyd_counts[n]) : PyLong_FromLong(n);
}

static inline PyObject *
new_rows(uint32_t n, int type)
{
    npy_intp shape[1] = {n};

    return PyArray_SimpleNew(1, shape, type);
}

static inline PyObject *
new_wide(uint32_t n, uint32_t width)
{
    npy_intp shape[2] = {n, width};

    return PyArray_SimpleNew(2, shape, NPY_UINT8);
}

static inline void *
rows_of(PyObject *array)
{
    return PyArray_DATA((PyArrayObject *)array);
}

/* A tuple of two arrays, which it owns from now on. */
static inline PyObject *
pair_of(PyObject *one, PyObject *other)
{
    PyObject *made = PyTuple_New(2);

    if (made == NULL) {
        Py_DECREF(one);
        Py_DECREF(other);
        return NULL;
    }
    PyTuple_SET_ITEM(made, 0, one);
    PyTuple_SET_ITEM(made, 1, other);
    return made;
}

struct rows_argument {
    const void *data;
    char repeated[REPEATED_MAX] __attribute__((aligned(16)));
};

static inline int
repeat_number(struct rows_argument *argument, PyObject *value, uint32_t n, size_t bytes)
{
    unsigned long long number;
    uint32_t i;

    if (!PyLong_CheckExact(value) || n * bytes > REPEATED_MAX)
        return 0;
    number = PyLong_AsUnsignedLongLong(value);
    if (number == (unsigned long long)-1 && PyErr_Occurred()) {
        PyErr_Clear();
        return 0;
    }
    if (bytes < 8 && number >> (8 * bytes) != 0)
        return 0;
    for (i = 0; i < n; i++)
        memcpy(argument->repeated + i * bytes, &number, bytes); /* little-endian */
    argument->data = argument->repeated;
    return 1;
}

/* Whether C may use this array as it is. A subclass may override what is checked. */
static inline int
is_array(PyObject *value, int dimensions, int type, int flags)
{
    PyArrayObject *array = (PyArrayObject *)value;

    return PyArray_CheckExact(value) && PyArray_NDIM(array) == dimensions &&
           PyArray_TYPE(array) == type && PyArray_CHKFLAGS(array, flags) &&
           PyArray_ISNOTSWAPPED(array) && PyArray_DIM(array, 0) <= INT32_MAX;
}

static inline int
is_rows(PyObject *value, uint32_t n, int type, int dimensions)
{
    return is_array(value, dimensions, type, NPY_ARRAY_CARRAY_RO) &&
           PyArray_DIM((PyArrayObject *)value, 0) == (npy_intp)n;
}

/* An array with a row for each packet, or one number for all. */
static inline int
rows_argument(struct rows_argument *argument, PyObject *value, uint32_t n, int type, size_t bytes)
{
    if (!PyArray_CheckExact(value))
        return repeat_number(argument, value, n, bytes);
    argument->data = PyArray_DATA((PyArrayObject *)value);
    return is_rows(value, n, type, 1);
}

/* Bytes for each packet, `stride` apart; 0: the same for all. */
struct octets_argument {
    const char *data;
    uint32_t width, stride;
};

static inline int
octets_argument(struct octets_argument *argument, PyObject *value, uint32_t n)
{
    const int whole = is_rows(value, n, NPY_UINT8, 2);
    const npy_intp width = whole ? PyArray_DIM((PyArrayObject *)value, 1)
                         : PyBytes_CheckExact(value) ? PyBytes_GET_SIZE(value) : 0;

    if (width < 1 || width > UINT16_MAX)
        return 0;
    argument->data = whole ? PyArray_DATA((PyArrayObject *)value) : PyBytes_AS_STRING(value);
    argument->width = width;
    argument->stride = whole ? width : 0;
    return 1;
}

/* A column by its name, where it was used before; an exact string, as that runs no user code. The
 * dict only grows, so the reference lives on. */
static inline const struct object *
column_argument(PyObject *known, PyObject *name)
{
    PyObject *found = PyUnicode_CheckExact(name) ? PyDict_GetItemWithError(known, name) : NULL;

    if (unlikely(found == NULL))
        PyErr_Clear();
    return (const struct object *)found;
}

/* A row of a column for each packet, or one number for all. */
static inline int
values_argument(struct rows_argument *argument, const struct object *column, PyObject *value,
                uint32_t n)
{
    PyArrayObject *array = (PyArrayObject *)value;
    PyArray_Descr *dtype = (PyArray_Descr *)column->dtype;

    if (!PyArray_CheckExact(value))
        return column->cells == 0 && dtype->kind == 'u' &&
               repeat_number(argument, value, n, PyDataType_ELSIZE(dtype));
    argument->data = PyArray_DATA(array);
    if (column->cells != 0)
        return is_rows(value, n, NPY_UINT8, 2) && PyArray_DIM(array, 1) == (npy_intp)column->cells;
    return is_rows(value, n, dtype->type_num, 1) &&
           PyArray_EquivTypes(PyArray_DESCR(array), dtype);
}

#endif

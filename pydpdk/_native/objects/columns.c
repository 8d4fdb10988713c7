/* SPDX-License-Identifier: BSD-3-Clause */
/* Columns of a burst: read and written by name, or bound once and filled again by each call. */
#include "objects/arguments.h"

enum { COLUMNS_GET, COLUMNS_SET, BOUND_CALL, VERBS };
static PyObject *fallbacks[VERBS];

PyObject *pyd_known_columns, *pyd_known_headers;

#define LOCATE_NS 8 /* to find the headers of a packet; a field of it takes one */

static inline int
keeps(uint32_t n, uint32_t columns)
{
    return pyd_gil_keeps((uint64_t)n * (LOCATE_NS + columns), PYD_GIL_NS);
}

/* -- a known column -- */

static PyObject *
column_set_depth(PyObject *self, PyObject *depth)
{
    const unsigned long number = PyLong_AsUnsignedLong(depth);

    if (number == (unsigned long)-1 && PyErr_Occurred())
        return NULL;
    ((struct column_object *)self)->depth = number;
    Py_RETURN_NONE;
}

static PyMethodDef column_methods[] = {
    {"_set_depth", column_set_depth, METH_O, "Set how deep C parses to find it."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot column_slots[] = {
    {Py_tp_doc, "A column that was used before."},
    {Py_tp_methods, column_methods},
    PYD_OBJECT_SLOTS,
    {0, NULL},
};

PyType_Spec pyd_column_spec = {
    "pydpdk._objects.Column", sizeof(struct column_object), 0, PYD_OBJECT_FLAGS, column_slots};

/* -- the columns of a burst -- */

/* Many are made, one for each use of `burst.columns`. */
struct columns_object {
    PyObject_HEAD
    PyObject *shown; /* the burst */
    char begun;
};

static PyObject *
columns_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    struct columns_object *columns;
    PyObject *burst;

    if (PyTuple_GET_SIZE(args) != 1 || (kwargs != NULL && PyDict_GET_SIZE(kwargs) != 0))
        return PyErr_Format(PyExc_TypeError, "%s takes one argument, and no named one", type->tp_name);
    burst = PyTuple_GET_ITEM(args, 0);
    if (!PyObject_TypeCheck(burst, pyd_burst_type))
        return PyErr_Format(PyExc_TypeError, "burst must be a Burst (got %R)", burst);
    if (((struct object *)burst)->c == NULL) /* such a one has no repr either */
        return PyErr_Format(PyExc_TypeError, "burst must be a Burst that __init__ made");
    columns = (struct columns_object *)type->tp_alloc(type, 0);
    if (columns != NULL)
        columns->shown = Py_NewRef(burst);
    return (PyObject *)columns;
}

static int
columns_init(PyObject *self, PyObject *Py_UNUSED(args), PyObject *Py_UNUSED(kwargs))
{
    struct columns_object *columns = (struct columns_object *)self;

    if (columns->begun) {
        PyErr_Format(PyExc_RuntimeError, "%R was made already: __init__ runs once",
                     (PyObject *)Py_TYPE(self));
        return -1;
    }
    columns->begun = 1;
    return 0;
}

static int
columns_traverse(PyObject *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(((struct columns_object *)self)->shown);
    return 0;
}

static void
columns_dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);

    PyObject_GC_UnTrack(self);
    Py_CLEAR(((struct columns_object *)self)->shown);
    type->tp_free(self);
    Py_DECREF(type);
}

static inline struct pyd_burst *
shown_burst(PyObject *self)
{
    return ((struct object *)((struct columns_object *)self)->shown)->c;
}

/* An array for the values of a column. */
static inline PyObject *
new_values(const struct column_object *column, uint32_t n)
{
    npy_intp shape[2] = {n, column->object.cells};

    Py_INCREF(column->object.dtype); /* stolen */
    return PyArray_NewFromDescr(&PyArray_Type, (PyArray_Descr *)column->object.dtype,
                                column->object.cells == 0 ? 1 : 2, shape, NULL, NULL, 0, NULL);
}

/* The columns of one call, side by side as C wants them. */
struct wanted {
    struct pyd_columns plan;
    struct pyd_column columns[PARTS_MAX];
    void *data[PARTS_MAX];
};

/* Add a column; returns the array for its values. */
static inline PyObject *
want(struct wanted *wanted, PyObject *key, uint32_t n)
{
    const struct column_object *column = known_column(key);
    PyObject *array = column == NULL ? NULL : new_values(column, n);

    if (array == NULL)
        return NULL;
    wanted->columns[wanted->plan.n] = *(const struct pyd_column *)column->object.c;
    wanted->data[wanted->plan.n++] = rows_of(array);
    wanted->plan.depth = RTE_MAX(wanted->plan.depth, column->depth);
    return array;
}

/* Whether C filled all arrays. */
static inline int
gather(struct pyd_burst *burst, const struct wanted *wanted, uint32_t n)
{
    int ret;

    PYD_CALL(ret, keeps(n, wanted->plan.n),
             pyd_columns_gather(burst, &wanted->plan, wanted->data, n));
    return ret == 0;
}

static inline PyObject *
want_all(struct wanted *wanted, PyObject *keys, uint32_t n)
{
    const Py_ssize_t count = PyTuple_GET_SIZE(keys);
    PyObject *arrays, *array;
    Py_ssize_t i;

    if (count < 1 || count > PARTS_MAX || (arrays = PyTuple_New(count)) == NULL)
        return NULL;
    for (i = 0; i < count; i++) {
        array = want(wanted, PyTuple_GET_ITEM(keys, i), n);
        if (array == NULL) {
            Py_DECREF(arrays);
            return NULL;
        }
        PyTuple_SET_ITEM(arrays, i, array);
    }
    return arrays;
}

/* One name gives an array, a tuple of names gives a tuple of arrays. */
static PyObject *
columns_get(PyObject *self, PyObject *key)
{
    struct pyd_burst *burst = shown_burst(self);
    const uint32_t n = burst->n;
    struct wanted wanted;
    PyObject *found;

    wanted.plan = (struct pyd_columns){.columns = wanted.columns};
    found = PyTuple_CheckExact(key) ? want_all(&wanted, key, n) : want(&wanted, key, n);
    if (likely(found != NULL) && likely(gather(burst, &wanted, n)))
        return found;
    Py_XDECREF(found);
    return checked(COLUMNS_GET, self, &key, 1, NULL);
}

/* Whether the values are in the packets. */
static inline int
write_values(struct pyd_burst *burst, const struct column_object *column, PyObject *value)
{
    const struct pyd_column *c = column->object.c;
    const uint32_t n = burst->n;
    struct rows_argument values;
    int ret;

    if (c->write == PYD_WRITE_NEVER || !values_argument(&values, &column->object, value, n))
        return 0;
    PYD_CALL(ret, keeps(n, 1), pyd_column_write(burst, c, values.data, n));
    return ret == 0;
}

static int
columns_set(PyObject *self, PyObject *key, PyObject *value)
{
    const struct column_object *column = known_column(key);
    PyObject *const args[2] = {key, value}, *result;

    if (value == NULL) {
        PyErr_SetString(PyExc_AttributeError, "__delitem__");
        return -1;
    }
    if (likely(column != NULL) && likely(write_values(shown_burst(self), column, value)))
        return 0;
    result = checked(COLUMNS_SET, self, args, 2, NULL);
    Py_XDECREF(result);
    return result == NULL ? -1 : 0;
}

static PyMemberDef columns_members[] = {
    {"_shown", T_OBJECT, offsetof(struct columns_object, shown), READONLY, "The burst."},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot columns_slots[] = {
    {Py_tp_doc, "The packets of a burst as columns."},
    {Py_tp_new, columns_new},
    {Py_tp_init, columns_init},
    {Py_tp_traverse, columns_traverse},
    {Py_tp_clear, pyd_object_clear},
    {Py_tp_dealloc, columns_dealloc},
    {Py_tp_members, columns_members},
    {Py_mp_subscript, columns_get},
    {Py_mp_ass_subscript, columns_set},
    {0, NULL},
};

PyType_Spec pyd_columns_spec = {
    "pydpdk._objects.Columns", sizeof(struct columns_object), 0, PYD_OBJECT_FLAGS, columns_slots};

static PyMethodDef columns_slot_methods[] = {
    PYD_SLOT("__getitem__", columns_get),
    PYD_SLOT("__setitem__", columns_set),
    {NULL, NULL, 0, NULL},
};
const struct pyd_methods pyd_columns_methods = {"columns", columns_slot_methods, fallbacks, NULL};

/* -- bound columns -- */

/* A call fills them, and returns the arrays for as many packets. */
struct bound_object {
    struct object object;
    PyObject *arrays;
    PyObject *shorter; /* a dict by the number of packets */
    int full;
};

static PyObject *
bound_set(PyObject *self, PyObject *args)
{
    struct bound_object *bound = (struct bound_object *)self;
    PyObject *arrays, *shorter;
    int full;

    if (!PyArg_ParseTuple(args, "O!O!i", &PyTuple_Type, &arrays, &PyDict_Type, &shorter, &full))
        return NULL;
    if (bound->arrays != NULL)
        return PyErr_Format(PyExc_RuntimeError, "%R has its arrays already", (PyObject *)Py_TYPE(self));
    bound->shorter = Py_NewRef(shorter);
    bound->full = full;
    bound->arrays = Py_NewRef(arrays);
    Py_RETURN_NONE;
}

/* The first n elements of each array, which are cached. */
static PyObject *
bound_cut(PyObject *self, int n)
{
    PyObject *number = PyLong_FromLong(n), *found = NULL;

    if (number == NULL)
        return NULL;
#if PY_VERSION_HEX >= 0x030d0000
    PyDict_GetItemRef(((struct bound_object *)self)->shorter, number, &found);
#else
    found = Py_XNewRef(PyDict_GetItemWithError(((struct bound_object *)self)->shorter, number));
#endif
    if (found == NULL && !PyErr_Occurred())
        found = PyObject_CallMethod(self, "_cut", "O", number);
    Py_DECREF(number);
    return found;
}

/* Arguments are an error, which the method in Python says. */
static __rte_cold PyObject *
bound_refuse(PyObject *self, PyObject *args, PyObject *kwargs)
{
    PyObject *method = PyMethod_New(fallbacks[BOUND_CALL], self), *result;

    if (method == NULL)
        return NULL;
    result = PyObject_Call(method, args, kwargs);
    Py_DECREF(method);
    return result;
}

static PyObject *
bound_call(PyObject *self, PyObject *args, PyObject *kwargs)
{
    const struct bound_object *bound = (const struct bound_object *)self;
    struct pyd_bound *c = bound->object.c;
    int ret;

    if (unlikely(PyTuple_GET_SIZE(args) != 0 || (kwargs != NULL && PyDict_GET_SIZE(kwargs) != 0)))
        return bound_refuse(self, args, kwargs);
    if (unlikely(c == NULL || bound->arrays == NULL))
        return checked(BOUND_CALL, self, NULL, 0, NULL);
    PYD_CALL(ret, keeps(c->burst->n, c->plan->n), pyd_bound_read(c));
    if (likely(ret == bound->full))
        return Py_NewRef(bound->arrays);
    return ret < 0 ? checked(BOUND_CALL, self, NULL, 0, NULL) : bound_cut(self, ret);
}

static PyMethodDef bound_methods[] = {
    {"_set", bound_set, METH_VARARGS, "Set the arrays, a dict of shorter ones, the packets of a full burst."},
    {NULL, NULL, 0, NULL},
};

static int
bound_traverse(PyObject *self, visitproc visit, void *arg)
{
    Py_VISIT(((struct bound_object *)self)->arrays);
    Py_VISIT(((struct bound_object *)self)->shorter);
    return pyd_object_traverse(self, visit, arg);
}

static void
bound_dealloc(PyObject *self)
{
    PyObject_GC_UnTrack(self);
    Py_CLEAR(((struct bound_object *)self)->arrays);
    Py_CLEAR(((struct bound_object *)self)->shorter);
    pyd_object_dealloc(self); /* untracks again, which does nothing */
}

static PyType_Slot bound_slots[] = {
    {Py_tp_doc, "Columns bound to a burst."},
    {Py_tp_methods, bound_methods},
    {Py_tp_call, bound_call},
    {Py_tp_traverse, bound_traverse},
    {Py_tp_clear, pyd_object_clear},
    {Py_tp_dealloc, bound_dealloc},
    {0, NULL},
};

PyType_Spec pyd_bound_spec = {
    "pydpdk._objects.Bound", sizeof(struct bound_object), 0, PYD_OBJECT_FLAGS, bound_slots};

static PyMethodDef bound_slot_methods[] = {
    PYD_SLOT("__call__", bound_call),
    {NULL, NULL, 0, NULL},
};
const struct pyd_methods pyd_bound_methods = {
    "bound", bound_slot_methods, fallbacks + BOUND_CALL, NULL};

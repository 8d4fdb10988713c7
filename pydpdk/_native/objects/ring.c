/* SPDX-License-Identifier: BSD-3-Clause */
/* Rings of values, and of mbufs. */
#include "objects/object.h"

enum {
    RING_ENQUEUE_BURST, RING_ENQUEUE_BULK, RING_DEQUEUE_BURST, RING_DEQUEUE_BULK, RING_TX, RING_RX,
    VERBS,
};
static PyObject *fallbacks[VERBS];

/* Whether C may use this array as it is. A subclass may override what is checked. */
static inline int
fits(const struct object *ring, PyObject *values, int flags)
{
    PyArrayObject *array = (PyArrayObject *)values;
    PyArray_Descr *dtype = (PyArray_Descr *)ring->dtype;

    return dtype != NULL && PyArray_CheckExact(values) && PyArray_NDIM(array) == 1 &&
           PyArray_CHKFLAGS(array, flags) && PyArray_DIM(array, 0) <= INT32_MAX &&
           (PyArray_DESCR(array) == dtype || PyArray_EquivTypes(PyArray_DESCR(array), dtype));
}

/* Whether to keep the GIL while up to n elements move. DPDK never waits on a `single` side, but packets of
 * other programs may be malformed, and then go back to their pool. */
static inline int
keeps(const struct pyd_ring_side *side, uint32_t n, uint32_t most)
{
    const int waits = !side->alone || __atomic_load_n(pyd_foreign_word, __ATOMIC_RELAXED) != 0;

    return pyd_gil_keeps_poll(waits ? pyd_gil_keeps_shared(n, most) : pyd_gil_keeps(n, most));
}

#define VALUES(name, function, verb, side, flags)                                                  \
    static PyObject *name(PyObject *self, PyObject *const *args, Py_ssize_t n, PyObject *kwnames)  \
    {                                                                                              \
        const struct object *object = (const struct object *)self;                                 \
        struct pyd_ring *ring = object->c;                                                         \
        uint32_t count;                                                                            \
        int ret;                                                                                   \
                                                                                                   \
        if (unlikely(n != 1 || kwnames != NULL || ring == NULL || !fits(object, args[0], flags)))  \
            return checked(verb, self, args, n, kwnames);                                          \
        count = PyArray_DIM((PyArrayObject *)args[0], 0);                                          \
        PYD_CALL(ret, keeps(&ring->side, count, PYD_COPY_MOST / ring->esize),                      \
                 function(ring, rows_of(args[0]), count));                                         \
        if (unlikely(ret < 0))                                                                     \
            return checked(verb, self, args, n, kwnames);                                          \
        return count_of(ret);                                                                      \
    }

VALUES(ring_enqueue_burst, pyd_ring_enqueue_burst, RING_ENQUEUE_BURST, producer, NPY_ARRAY_CARRAY_RO)
VALUES(ring_enqueue_bulk, pyd_ring_enqueue_bulk, RING_ENQUEUE_BULK, producer, NPY_ARRAY_CARRAY_RO)
VALUES(ring_dequeue_burst, pyd_ring_dequeue_burst, RING_DEQUEUE_BURST, consumer, NPY_ARRAY_CARRAY)
VALUES(ring_dequeue_bulk, pyd_ring_dequeue_bulk, RING_DEQUEUE_BULK, consumer, NPY_ARRAY_CARRAY)

#define PASSES(name, function, verb, side, n_packets)                                              \
    static PyObject *name(PyObject *self, PyObject *const *args, Py_ssize_t n, PyObject *kwnames)  \
    {                                                                                              \
        const struct object *object = (const struct object *)self;                                 \
        struct pyd_ring *ring = object->c;                                                         \
        struct pyd_burst *burst = likely(n == 1 && kwnames == NULL) ? as_burst(args[0]) : NULL;    \
        int ret;                                                                                   \
                                                                                                   \
        if (unlikely(burst == NULL || ring == NULL || object->dtype != NULL))                      \
            return checked(verb, self, args, n, kwnames);                                          \
        PYD_CALL(ret, keeps(&ring->side, burst->n_packets, PYD_MOVE_MOST), function(ring, burst)); \
        if (unlikely(ret < 0))                                                                     \
            return checked(verb, self, args, n, kwnames);                                          \
        return count_of(ret);                                                                      \
    }

PASSES(ring_tx, pyd_ring_tx_burst, RING_TX, producer, n)
PASSES(ring_rx, pyd_ring_rx_burst, RING_RX, consumer, size)

static PyMethodDef ring_methods[] = {
    {"enqueue_burst", _PyCFunction_CAST(ring_enqueue_burst), FAST, NULL},
    {"enqueue_bulk", _PyCFunction_CAST(ring_enqueue_bulk), FAST, NULL},
    {"dequeue_burst", _PyCFunction_CAST(ring_dequeue_burst), FAST, NULL},
    {"dequeue_bulk", _PyCFunction_CAST(ring_dequeue_bulk), FAST, NULL},
    {"tx", _PyCFunction_CAST(ring_tx), FAST, NULL},
    {"rx", _PyCFunction_CAST(ring_rx), FAST, NULL},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_doc, "A ring."},
    PYD_OBJECT_SLOTS,
    {0, NULL},
};

PyType_Spec pyd_ring_spec = {
    "pydpdk._objects.Ring", sizeof(struct own_object), 0, PYD_OBJECT_FLAGS, slots};
const struct pyd_methods pyd_ring_methods = {"ring", ring_methods, fallbacks, NULL};

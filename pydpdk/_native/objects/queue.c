/* SPDX-License-Identifier: BSD-3-Clause */
/* Queues of ports, and Forward, which is made of them. */
#include "ethdev/poll.h"
#include "objects/object.h"

struct queue_object {
    struct object object;
    char may_wait; /* its driver makes system calls */
};

enum { QUEUE_RX, QUEUE_TX, FORWARD_STEP, VERBS };
static PyObject *fallbacks[VERBS];

/* Nearly every call keeps the GIL: `keeps` would say yes too, and do nothing else. */
static inline int
is_usual(const struct queue_object *queue, uint32_t n)
{
    return !queue->may_wait && n <= PYD_MOVE_MOST && pyd_gil_polls_alone() && !pyd_memory_is_shared();
}

/* Whether to keep the GIL while up to n packets move. */
static inline int
keeps(const struct queue_object *queue, uint32_t n)
{
    return pyd_gil_keeps_poll(pyd_gil_keeps_shared(queue->may_wait ? UINT32_MAX : n, PYD_MOVE_MOST));
}

#define MOVES(name, move, verb, n_packets)                                                         \
    static PyObject *name(PyObject *self, PyObject *const *args, Py_ssize_t n, PyObject *kwnames)  \
    {                                                                                              \
        const struct queue_object *queue = (const struct queue_object *)self;                      \
        struct pyd_burst *burst = likely(n == 1 && kwnames == NULL) ? as_burst(args[0]) : NULL;    \
        int ret;                                                                                   \
                                                                                                   \
        if (unlikely(burst == NULL || queue->object.c == NULL))                                    \
            return checked(verb, self, args, n, kwnames);                                          \
        if (likely(is_usual(queue, burst->n_packets)))                                             \
            ret = pyd_poll_##move(queue->object.c, burst);                                         \
        else                                                                                       \
            PYD_CALL(ret, keeps(queue, burst->n_packets), pyd_##move(queue->object.c, burst));     \
        if (unlikely(ret < 0))                                                                     \
            return checked(verb, self, args, n, kwnames);                                          \
        return count_of(ret);                                                                      \
    }

MOVES(queue_rx, rx, QUEUE_RX, size)
MOVES(queue_tx, tx, QUEUE_TX, n)

static PyMethodDef rx_methods[] = {
    {"rx", _PyCFunction_CAST(queue_rx), FAST, NULL},
    {NULL, NULL, 0, NULL},
};
static PyMethodDef tx_methods[] = {
    {"tx", _PyCFunction_CAST(queue_tx), FAST, NULL},
    {NULL, NULL, 0, NULL},
};

static PyObject *
forward_step(PyObject *self, PyObject *Py_UNUSED(none))
{
    const struct queue_object *forward = (const struct queue_object *)self;
    struct pyd_round *round = forward->object.c;
    int ret;

    if (unlikely(round == NULL))
        return checked(FORWARD_STEP, self, NULL, 0, NULL);
    PYD_CALL(ret, keeps(forward, round->n * round->burst->size), pyd_forward_round(round));
    if (unlikely(ret < 0))
        return checked(FORWARD_STEP, self, NULL, 0, NULL);
    return count_of(ret);
}

static PyMethodDef forward_methods[] = {
    {"step", forward_step, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyObject *
queue_set_may_wait(PyObject *self, PyObject *may_wait)
{
    ((struct queue_object *)self)->may_wait = PyObject_IsTrue(may_wait) == 1;
    Py_RETURN_NONE;
}

static PyMethodDef queue_methods[] = {
    {"_set_may_wait", queue_set_may_wait, METH_O, "Say whether a call may wait in the driver."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_doc, "A queue of a port, or several."},
    {Py_tp_methods, queue_methods},
    PYD_OBJECT_SLOTS,
    {0, NULL},
};

PyType_Spec pyd_queue_spec = {
    "pydpdk._objects.Queue", sizeof(struct queue_object), 0, PYD_OBJECT_FLAGS, slots};
const struct pyd_methods pyd_rx_methods = {"rx", rx_methods, &fallbacks[QUEUE_RX], NULL};
const struct pyd_methods pyd_tx_methods = {"tx", tx_methods, &fallbacks[QUEUE_TX], NULL};
const struct pyd_methods pyd_forward_methods = {"forward", forward_methods, &fallbacks[FORWARD_STEP], NULL};

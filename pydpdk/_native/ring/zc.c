/* SPDX-License-Identifier: BSD-3-Clause */
/* Zero-copy: the slots of a ring for Python, one reservation a side at a time. */
#include "core/process_table.h"
#include "ring/ring.h"

static struct pyd_ring_side *
side_of(struct pyd_ring *ring, int consumer)
{
    return consumer ? &ring->consumer : &ring->producer;
}

/* Take a side for one reservation; other calls find its gate shut until it is given back. The
 * process table says that head and tail differ on purpose: recovery leaves them alone. */
static int
take(struct pyd_ring *ring, int consumer)
{
    const enum rte_ring_sync_type sync = consumer ? rte_ring_get_cons_sync_type(ring->ring)
                                                  : rte_ring_get_prod_sync_type(ring->ring);
    struct pyd_ring_side *side = side_of(ring, consumer);
    uint32_t expected = 0;
    int ret;

    if (sync != RTE_RING_SYNC_ST && sync != RTE_RING_SYNC_MT_HTS)
        return -ENOTSUP;
    if (!__atomic_compare_exchange_n(&side->zc, &expected, 1, 0, __ATOMIC_SEQ_CST,
                                     __ATOMIC_RELAXED))
        return -EALREADY;
    ret = pyd_shut(&side->gate) != 0 ? -EALREADY : pyd_reserve(ring->ring, consumer);
    if (ret == 0)
        return 0;
    if (ret != -EALREADY)
        __atomic_store_n(&side->gate.open, 1, __ATOMIC_SEQ_CST);
    __atomic_store_n(&side->zc, 0, __ATOMIC_SEQ_CST);
    return ret;
}

static void
give_back(struct pyd_ring *ring, int consumer)
{
    struct pyd_ring_side *side = side_of(ring, consumer);

    if (side->reserved)
        pyd_unreserve(ring->ring, consumer);
    side->reserved = 0;
    __atomic_store_n(&side->gate.open, 1, __ATOMIC_SEQ_CST);
    __atomic_store_n(&side->zc, 0, __ATOMIC_SEQ_CST);
}

static uint32_t
start(struct rte_ring *ring, uint32_t esize, int consumer, uint32_t n, int bulk,
      struct rte_ring_zc_data *zcd)
{
    if (consumer)
        return bulk ? rte_ring_dequeue_zc_bulk_elem_start(ring, esize, n, zcd, NULL)
                    : rte_ring_dequeue_zc_burst_elem_start(ring, esize, n, zcd, NULL);
    return bulk ? rte_ring_enqueue_zc_bulk_elem_start(ring, esize, n, zcd, NULL)
                : rte_ring_enqueue_zc_burst_elem_start(ring, esize, n, zcd, NULL);
}

/* With the side taken. */
static uint32_t
reserve(struct pyd_ring *ring, int consumer, uint32_t n, int bulk, struct pyd_ring_slots *slots)
{
    struct rte_ring_zc_data zcd;

    n = start(ring->ring, ring->esize, consumer, n, bulk, &zcd);
    side_of(ring, consumer)->reserved = n;
    if (n == 0)
        pyd_unreserve(ring->ring, consumer);
    else
        pyd_reservation_hold(ring->ring, consumer);
    slots->ring = ring;
    slots->consumer = consumer;
    slots->open = 1;
    slots->n1 = n == 0 ? 0 : zcd.n1;
    slots->first = n == 0 ? 0 : ((uintptr_t)zcd.ptr1 - pyd_ring_memory(ring->ring)) / ring->esize;
    return n;
}

/* Reserve slots of the producer or the consumer: at most n, or, with `bulk`, n or none; returns how
 * many. */
int
pyd_ring_zc_start(struct pyd_ring *ring, int consumer, uint32_t n, int bulk,
                  struct pyd_ring_slots *slots)
{
    int ret = pyd_enter(&ring->gate);

    if (ret != 0)
        return ret;
    ret = take(ring, consumer);
    if (ret == 0)
        ret = reserve(ring, consumer, n, bulk, slots);
    return pyd_leave_with(&ring->gate, ret);
}

/* End a reservation of at least n. An empty one must not be finished: on an HTS ring the slots past
 * it may belong to another process by now. */
int
pyd_ring_zc_finish(struct pyd_ring *ring, int consumer, uint32_t n)
{
    const struct pyd_ring_side *side = side_of(ring, consumer);
    const int ret = pyd_enter(&ring->gate);

    if (ret != 0)
        return ret;
    if (!side->zc || n > side->reserved)
        return pyd_leave_with(&ring->gate, -EINVAL);
    if (side->reserved && consumer)
        rte_ring_dequeue_zc_elem_finish(ring->ring, n);
    else if (side->reserved)
        rte_ring_enqueue_zc_elem_finish(ring->ring, n);
    give_back(ring, consumer);
    return pyd_leave_with(&ring->gate, n);
}

/* Commit the first n and give the side back, once. */
int
pyd_ring_zc_end(struct pyd_ring_slots *slots, uint32_t n)
{
    if (!slots->open)
        return 0;
    slots->open = 0;
    return pyd_ring_zc_finish(slots->ring, slots->consumer, n);
}

/* Finalizer of slots without references; the ring is an argument so that it lives until then. */
void
pyd_ring_zc_drop(struct pyd_ring_slots *slots, struct pyd_ring *ring)
{
    (void)ring;
    pyd_ring_zc_end(slots, 0);
}

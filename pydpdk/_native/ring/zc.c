/* SPDX-License-Identifier: BSD-3-Clause */
/* Zero-copy: the slots of a ring for Python, one reservation a side at a time. */
#include "core/process_table.h"
#include "ring/ring.h"

/* Take a side for one reservation; other calls find its gate shut until it is given back. The
 * process table says that head and tail differ on purpose: recovery leaves them alone. */
static int
take(const struct pyd_ring *ring, struct pyd_ring_side *side, enum rte_ring_sync_type sync)
{
    uint32_t expected = 0;
    int ret;

    if (sync != RTE_RING_SYNC_ST && sync != RTE_RING_SYNC_MT_HTS)
        return -ENOTSUP;
    if (!__atomic_compare_exchange_n(&side->zc, &expected, 1, 0, __ATOMIC_SEQ_CST,
                                     __ATOMIC_RELAXED))
        return -EALREADY;
    ret = pyd_shut(&side->gate) != 0 ? -EALREADY : pyd_reserve(ring->ring, side == &ring->consumer);
    if (ret == 0)
        return 0;
    if (ret != -EALREADY)
        __atomic_store_n(&side->gate.open, 1, __ATOMIC_SEQ_CST);
    __atomic_store_n(&side->zc, 0, __ATOMIC_SEQ_CST);
    return ret;
}

static void
give_back(const struct pyd_ring *ring, struct pyd_ring_side *side)
{
    if (side->reserved)
        pyd_unreserve(ring->ring, side == &ring->consumer);
    side->reserved = 0;
    __atomic_store_n(&side->gate.open, 1, __ATOMIC_SEQ_CST);
    __atomic_store_n(&side->zc, 0, __ATOMIC_SEQ_CST);
}

static int
reserved(struct pyd_ring *ring, struct pyd_ring_side *side, uint32_t n,
         const struct rte_ring_zc_data *zcd, struct pyd_ring_slots *slots)
{
    side->reserved = n;
    if (n == 0)
        pyd_unreserve(ring->ring, side == &ring->consumer);
    else
        pyd_reservation_hold(ring->ring, side == &ring->consumer);
    slots->ring = ring;
    slots->consumer = side == &ring->consumer;
    slots->open = 1;
    slots->n1 = n == 0 ? 0 : zcd->n1;
    slots->first = n == 0 ? 0 : ((uintptr_t)zcd->ptr1 - pyd_ring_memory(ring->ring)) / ring->esize;
    return n;
}

int
pyd_ring_enqueue_zc_start(struct pyd_ring *ring, uint32_t n, int bulk,
                          struct pyd_ring_slots *slots)
{
    struct rte_ring_zc_data zcd;
    int ret = pyd_enter(&ring->gate);

    if (ret != 0)
        return ret;
    ret = take(ring, &ring->producer, rte_ring_get_prod_sync_type(ring->ring));
    if (ret == 0) {
        n = bulk ? rte_ring_enqueue_zc_bulk_elem_start(ring->ring, ring->esize, n, &zcd, NULL)
                 : rte_ring_enqueue_zc_burst_elem_start(ring->ring, ring->esize, n, &zcd, NULL);
        ret = reserved(ring, &ring->producer, n, &zcd, slots);
    }
    pyd_leave(&ring->gate);
    return ret;
}

int
pyd_ring_dequeue_zc_start(struct pyd_ring *ring, uint32_t n, int bulk,
                          struct pyd_ring_slots *slots)
{
    struct rte_ring_zc_data zcd;
    int ret = pyd_enter(&ring->gate);

    if (ret != 0)
        return ret;
    ret = take(ring, &ring->consumer, rte_ring_get_cons_sync_type(ring->ring));
    if (ret == 0) {
        n = bulk ? rte_ring_dequeue_zc_bulk_elem_start(ring->ring, ring->esize, n, &zcd, NULL)
                 : rte_ring_dequeue_zc_burst_elem_start(ring->ring, ring->esize, n, &zcd, NULL);
        ret = reserved(ring, &ring->consumer, n, &zcd, slots);
    }
    pyd_leave(&ring->gate);
    return ret;
}

/* Enter to end a reservation of at least n. An empty one must not be finished: on an HTS ring the
 * slots past it may belong to another process by now. */
static int
enter_finish(struct pyd_ring *ring, struct pyd_ring_side *side, uint32_t n)
{
    int ret = pyd_enter(&ring->gate);

    if (ret != 0)
        return ret;
    if (side->zc && n <= side->reserved)
        return 0;
    pyd_leave(&ring->gate);
    return -EINVAL;
}

int
pyd_ring_enqueue_zc_finish(struct pyd_ring *ring, uint32_t n)
{
    int ret = enter_finish(ring, &ring->producer, n);

    if (ret != 0)
        return ret;
    if (ring->producer.reserved)
        rte_ring_enqueue_zc_elem_finish(ring->ring, n);
    give_back(ring, &ring->producer);
    pyd_leave(&ring->gate);
    return n;
}

int
pyd_ring_dequeue_zc_finish(struct pyd_ring *ring, uint32_t n)
{
    int ret = enter_finish(ring, &ring->consumer, n);

    if (ret != 0)
        return ret;
    if (ring->consumer.reserved)
        rte_ring_dequeue_zc_elem_finish(ring->ring, n);
    give_back(ring, &ring->consumer);
    pyd_leave(&ring->gate);
    return n;
}

/* Commit the first n and give the side back, once. */
int
pyd_ring_zc_end(struct pyd_ring_slots *slots, uint32_t n)
{
    if (!slots->open)
        return 0;
    slots->open = 0;
    return slots->consumer ? pyd_ring_dequeue_zc_finish(slots->ring, n)
                           : pyd_ring_enqueue_zc_finish(slots->ring, n);
}

/* Finalizer of slots without references; the ring is an argument so that it lives until then. */
void
pyd_ring_zc_drop(struct pyd_ring_slots *slots, struct pyd_ring *ring)
{
    (void)ring;
    pyd_ring_zc_end(slots, 0);
}

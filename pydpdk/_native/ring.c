/* rte_ring behind its gate: elements by value, and mbufs that change owner. */
#include "burst.h"

/* Record in the ring itself what its elements are; see decl/pyd_ring.h. */
int
pyd_ring_mark(struct rte_ring *ring, int mark)
{
    ring->flags |= mark;
    return ring->flags;
}

/* Whether the ring's memory is that of elements of this size: it does not keep the size itself. */
int
pyd_ring_fits(const struct rte_ring *ring, uint32_t esize)
{
    return ring->memzone != NULL &&
           (size_t)rte_ring_get_memsize_elem(esize, ring->size) <= ring->memzone->len;
}

int
pyd_ring_count(struct pyd_ring *ring)
{
    int ret = pyd_enter(&ring->gate);

    if (ret != 0)
        return ret;
    ret = rte_ring_count(ring->ring);
    pyd_leave(&ring->gate);
    return ret;
}

int
pyd_ring_enqueue(struct pyd_ring *ring, const void *elements, uint32_t n, int bulk)
{
    int ret = pyd_enter(&ring->gate);

    if (unlikely(ret != 0))
        return ret;
    ret = bulk ? rte_ring_enqueue_bulk_elem(ring->ring, elements, ring->esize, n, NULL)
               : rte_ring_enqueue_burst_elem(ring->ring, elements, ring->esize, n, NULL);
    pyd_leave(&ring->gate);
    return ret;
}

int
pyd_ring_dequeue(struct pyd_ring *ring, void *elements, uint32_t n, int bulk)
{
    int ret = pyd_enter(&ring->gate);

    if (unlikely(ret != 0))
        return ret;
    ret = bulk ? rte_ring_dequeue_bulk_elem(ring->ring, elements, ring->esize, n, NULL)
               : rte_ring_dequeue_burst_elem(ring->ring, elements, ring->esize, n, NULL);
    pyd_leave(&ring->gate);
    return ret;
}

int
pyd_ring_tx(struct pyd_ring *ring, struct pyd_burst *burst, int bulk)
{
    int ret = pyd_enter_alone(&burst->gate);

    if (unlikely(ret != 0))
        return ret;
    ret = pyd_ring_enqueue(ring, burst->slots->mbufs, burst->n, bulk);
    if (likely(ret > 0))
        pyd_burst_sent(burst, ret);
    pyd_leave_alone(&burst->gate);
    return ret == PYD_SHUT ? -ENETDOWN : ret;
}

int
pyd_ring_rx(struct pyd_ring *ring, struct pyd_burst *burst, uint32_t n, int bulk)
{
    int ret = pyd_burst_enter_empty(burst);

    if (unlikely(ret != 0))
        return ret;
    ret = n > burst->size ? -EMSGSIZE : pyd_ring_dequeue(ring, burst->slots->mbufs, n, bulk);
    if (likely(ret >= 0))
        pyd_burst_holds(burst, ret);
    pyd_leave_alone(&burst->gate);
    return ret == PYD_SHUT ? -ENETDOWN : ret;
}

/* Free a ring of our making. One of mbufs must be empty, unless they are to be freed with it. */
int
pyd_ring_close(struct pyd_ring *ring, int force)
{
    const int mbufs = ring->ring->flags & PYD_RING_MBUFS;
    struct rte_mbuf *m;
    int ret = pyd_shut(&ring->gate);

    if (ret != 0)
        return ret;
    if (mbufs && !force && !rte_ring_empty(ring->ring)) {
        __atomic_store_n(&ring->gate.open, 1, __ATOMIC_SEQ_CST);
        return -ENOTEMPTY;
    }
    while (mbufs && rte_ring_dequeue(ring->ring, (void **)&m) == 0)
        rte_pktmbuf_free(m);
    rte_ring_free(ring->ring);
    return 0;
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* rte_ring behind its gates: elements by value, and mbufs that change owner. */
#include "core/process_table.h"
#include "ethdev/malformed.h"
#include "ring/ring.h"

/* Whether the ring's memory fits elements of this size: the ring does not record the size. */
int
pyd_ring_fits(const struct rte_ring *ring, uint32_t esize)
{
    return ring->memzone != NULL &&
           (size_t)rte_ring_get_memsize_elem(esize, ring->size) <= ring->memzone->len;
}

/* The address of slot 0. */
uintptr_t
pyd_ring_memory(const struct rte_ring *ring)
{
    return (uintptr_t)&ring[1];
}

void
pyd_ring_open(struct pyd_ring *ring, struct rte_ring *of, uint32_t esize)
{
    ring->ring = of;
    ring->esize = esize;
    ring->producer.alone = rte_ring_is_prod_single(of);
    ring->consumer.alone = rte_ring_is_cons_single(of);
    ring->gate.open = ring->producer.gate.open = ring->consumer.gate.open = 1;
}

/* Make a ring, and record in it what its elements are; see decl/pyd_ring.h. Returns -1 and sets
 * rte_errno on failure. */
int
pyd_ring_make(struct pyd_ring *ring, const char *name, uint32_t esize, uint32_t size,
              int socket_id, uint32_t flags, int mark)
{
    struct rte_ring *made;

    if (pyd_making_begin() != 0)
        return -1;
    made = rte_ring_create_elem(name, esize, size, socket_id, flags);
    if (made != NULL) {
        made->flags |= mark;
        pyd_ring_open(ring, made, esize);
    }
    pyd_critical_end();
    return made == NULL ? -1 : 0;
}

/* The process has forked, or DPDK is gone: no thread may enter any more. */
void
pyd_ring_shut(struct pyd_ring *ring)
{
    pyd_end(&ring->gate);
    ring->producer.zc = ring->consumer.zc = 0;
    ring->producer.gate.open = ring->consumer.gate.open = 0;
}

int
pyd_ring_count(struct pyd_ring *ring)
{
    const int ret = pyd_enter(&ring->gate);

    return ret != 0 ? ret : pyd_leave_with(&ring->gate, rte_ring_count(ring->ring));
}

/* A call on one side behind its gate. Python calls these four with an array. Their loops are so
 * short that their alignment matters. */
#define SIDE(verb, side, memory, how)                                                              \
    __attribute__((aligned(64))) int                                                               \
    pyd_ring_##verb##_##how(struct pyd_ring *ring, memory *elements, uint32_t n)                   \
    {                                                                                              \
        int ret = pyd_ring_enter(&ring->side);                                                     \
                                                                                                   \
        if (unlikely(ret != 0))                                                                    \
            return ret;                                                                            \
        ret = rte_ring_##verb##_##how##_elem(ring->ring, elements, ring->esize, n, NULL);          \
        pyd_ring_leave(&ring->side);                                                               \
        return ret;                                                                                \
    }

SIDE(enqueue, producer, const void, burst)
SIDE(enqueue, producer, const void, bulk)
SIDE(dequeue, consumer, void, burst)
SIDE(dequeue, consumer, void, bulk)

int
pyd_ring_tx(struct pyd_ring *ring, struct pyd_burst *burst, int bulk)
{
    int ret = pyd_burst_enter(burst);

    if (unlikely(ret != 0))
        return ret;
    ret = bulk ? pyd_ring_enqueue_bulk(ring, burst->storage->mbufs, burst->n)
               : pyd_ring_enqueue_burst(ring, burst->storage->mbufs, burst->n);
    if (likely(ret > 0))
        pyd_burst_sent(burst, ret);
    return pyd_burst_leave_with(burst, ret == PYD_SHUT ? -ENETDOWN : ret);
}

static inline int
dequeue(struct pyd_ring *ring, struct rte_mbuf **mbufs, uint32_t n, int bulk)
{
    return bulk ? pyd_ring_dequeue_bulk(ring, mbufs, n) : pyd_ring_dequeue_burst(ring, mbufs, n);
}

/* Return the sound ones of the mbufs received; while there are none, receive again. */
static __rte_noinline int
admit_taken(struct pyd_ring *ring, struct rte_mbuf **mbufs, int came, uint32_t n, int bulk)
{
    uint32_t kept, in_a_row = 0;

    for (; came > 0; came = dequeue(ring, mbufs, n, bulk)) {
        kept = pyd_admit_foreign(mbufs, came, &ring->consumer.malformed);
        in_a_row += came;
        if (likely(kept != 0) || in_a_row >= PYD_MALFORMED_IN_A_ROW)
            return kept;
    }
    return came;
}

static inline int
take(struct pyd_ring *ring, struct rte_mbuf **mbufs, uint32_t n, int bulk)
{
    int came = dequeue(ring, mbufs, n, bulk);

    return likely(pyd_is_ours()) ? came : admit_taken(ring, mbufs, came, n, bulk);
}

/* Take mbufs out of a ring; those that another program may have put there only if they are
 * sound. */
int
pyd_ring_take(struct pyd_ring *ring, struct rte_mbuf **mbufs, uint32_t n, int bulk)
{
    return take(ring, mbufs, n, bulk);
}

int
pyd_ring_rx(struct pyd_ring *ring, struct pyd_burst *burst, uint32_t n, int bulk)
{
    int ret = pyd_burst_enter_empty(burst);

    if (unlikely(ret != 0))
        return ret;
    if (n > burst->size)
        ret = -EMSGSIZE;
    else
        ret = take(ring, burst->storage->mbufs, n, bulk);
    if (likely(ret >= 0))
        pyd_burst_holds(burst, ret);
    return pyd_burst_leave_with(burst, ret == PYD_SHUT ? -ENETDOWN : ret);
}

/* As many as fit, or as there are and the burst has room for. */
int
pyd_ring_tx_burst(struct pyd_ring *ring, struct pyd_burst *burst)
{
    return pyd_ring_tx(ring, burst, 0);
}

int
pyd_ring_rx_burst(struct pyd_ring *ring, struct pyd_burst *burst)
{
    return pyd_ring_rx(ring, burst, burst->size, 0);
}

/* Shut all three gates, or none. A thread inside one leaves it, or gets no further than -EBUSY. */
static int
shut_all(struct pyd_ring *ring, int force)
{
    int ret = pyd_shut(&ring->gate);

    if (ret != 0)
        return ret;
    if (!force && (ring->producer.zc || ring->consumer.zc))
        ret = -EBUSY;
    else if ((ret = pyd_shut(&ring->producer.gate)) == 0)
        ret = pyd_shut(&ring->consumer.gate);
    return ret;
}

static int
reopen_all(struct pyd_ring *ring, int why)
{
    __atomic_store_n(&ring->producer.gate.open, !ring->producer.zc, __ATOMIC_SEQ_CST);
    __atomic_store_n(&ring->consumer.gate.open, !ring->consumer.zc, __ATOMIC_SEQ_CST);
    __atomic_store_n(&ring->gate.open, 1, __ATOMIC_SEQ_CST);
    return why;
}

static void
free_mbufs(struct rte_ring *ring)
{
    struct rte_mbuf *m;
    uint64_t malformed;

    while (rte_ring_dequeue(ring, (void **)&m) == 0)
        if (pyd_admit_foreign(&m, 1, &malformed) == 1)
            rte_pktmbuf_free(m);
}

/* Free the mbufs in a ring, whichever process made it: their pool is about to be freed by force. */
void
pyd_ring_call_in(const char *name)
{
    struct rte_ring *ring = rte_ring_lookup(name);

    if (ring == NULL || pyd_critical_enter() != 0)
        return;
    free_mbufs(ring);
    pyd_critical_exit();
}

/* Free a ring that we made. A ring of mbufs must be empty, unless they are to be freed with it.
 * Does nothing if closed or never made. */
int
pyd_ring_close(struct pyd_ring *ring, int force)
{
    int mbufs, ret;

    if (ring->ring == NULL || ring->gate.closed)
        return 0;
    mbufs = ring->ring->flags & PYD_RING_MBUFS;
    ret = shut_all(ring, force);
    if (ret == 0 && mbufs && !force && !rte_ring_empty(ring->ring))
        ret = -ENOTEMPTY;
    if (ret != 0)
        return reopen_all(ring, ret);
    if (pyd_critical_enter() != 0) { /* the primary died during a recovery: keep the memory */
        pyd_ring_shut(ring);
        return 0;
    }
    if (mbufs)
        free_mbufs(ring->ring);
    pyd_unreserve(ring->ring, 0);
    pyd_unreserve(ring->ring, 1);
    rte_ring_free(ring->ring);
    pyd_critical_exit();
    pyd_ring_shut(ring);
    return 0;
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* The verbs of compiled workers, on objects that are leased to them: one call for a whole burst. */
#include "ethdev/receive.h"
#include "ring/ring.h"
#include "worker/worker.h"

/* Every loop calls this, so it ends a job that ignores the request to end. */
static inline int
enter(void)
{
    if (unlikely(pyd_job_asked())) {
        int ret = pyd_job_cancelled();

        if (ret != 0)
            return ret;
    }
    return pyd_worker_in();
}

static inline int
enter_empty(const struct pyd_burst *burst)
{
    return unlikely(burst->n != 0) ? -ENOTEMPTY : enter();
}

/* A thread that stops the port waits until we are out. */
static inline int
is_shut(const struct pyd_gate *gate)
{
    return !__atomic_load_n(&gate->open, __ATOMIC_RELAXED);
}

int
pyd_worker_rx(struct pyd_queue *queue, struct pyd_burst *burst)
{
    int ret;

    if (unlikely(is_shut(&queue->gate)))
        return -ENETDOWN;
    ret = enter_empty(burst);
    return unlikely(ret != 0) ? ret : pyd_worker_out(pyd_receive(queue, burst));
}

int
pyd_worker_tx(struct pyd_queue *queue, struct pyd_burst *burst)
{
    int ret;

    if (unlikely(is_shut(&queue->gate)))
        return -ENETDOWN;
    ret = enter();
    if (unlikely(ret != 0))
        return ret;
    return pyd_worker_out(burst->n != 0 ? pyd_queue_send(queue, burst) : 0);
}

int
pyd_worker_ring_rx(struct pyd_ring *ring, struct pyd_burst *burst)
{
    int ret = enter_empty(burst);

    if (unlikely(ret != 0))
        return ret;
    ret = pyd_ring_take(ring, burst->storage->mbufs, burst->size, 0);
    if (likely(ret >= 0))
        pyd_burst_holds(burst, ret);
    return pyd_worker_out(ret);
}

int
pyd_worker_ring_tx(struct pyd_ring *ring, struct pyd_burst *burst)
{
    int ret = enter();

    if (unlikely(ret != 0))
        return ret;
    ret = pyd_ring_enqueue_burst(ring, burst->storage->mbufs, burst->n);
    if (likely(ret > 0))
        pyd_burst_sent(burst, ret);
    return pyd_worker_out(ret);
}

int
pyd_worker_alloc(struct pyd_burst *burst, struct pyd_pool *pool, int64_t n, int64_t length)
{
    int ret;

    if (unlikely(n < 0 || n > burst->size || length < 0 || length > UINT16_MAX))
        return -EMSGSIZE;
    ret = enter_empty(burst);
    return unlikely(ret != 0) ? ret : pyd_worker_out(pyd_burst_fetch(burst, pool->mp, n, length));
}

int
pyd_worker_free(struct pyd_burst *burst)
{
    int ret;

    if (burst->n == 0)
        return 0;
    ret = pyd_worker_in();
    return unlikely(ret != 0) ? ret : pyd_worker_out(pyd_burst_empty(burst));
}

/* The same bytes into each packet, which must have one segment with room for them. */
int
pyd_worker_fill(struct pyd_burst *burst, const void *data, int64_t length)
{
    uint32_t i;

    for (i = 0; i < burst->n; i++) {
        const struct rte_mbuf *m = burst->storage->mbufs[i];

        if (unlikely(m->nb_segs != 1 || pyd_sharers(burst->storage->mbufs[i]) != 1 || length < 0 ||
                     length > m->data_len + rte_pktmbuf_tailroom(m)))
            return -EMSGSIZE;
    }
    for (i = 0; i < burst->n; i++) {
        struct rte_mbuf *m = burst->storage->mbufs[i];

        m->data_len = length;
        m->pkt_len = length;
        memcpy(rte_pktmbuf_mtod(m, void *), data, length);
    }
    return burst->n;
}

/* Free the packets whose byte of the mask is not `keep`; the others stay in order. */
int
pyd_worker_part(struct pyd_burst *burst, const uint8_t *mask, int64_t length, int64_t keep)
{
    int ret;

    if (unlikely(length < (int64_t)burst->n))
        return -ERANGE;
    ret = pyd_worker_in();
    return unlikely(ret != 0) ? ret : pyd_worker_out(pyd_burst_part(burst, mask, keep));
}

/* Move the packets of the mask behind those of the other burst: all of them or none. */
int
pyd_worker_take(struct pyd_burst *burst, const uint8_t *mask, int64_t length,
                struct pyd_burst *into)
{
    int ret;

    if (unlikely(length < (int64_t)burst->n || burst == into))
        return burst == into ? -EINVAL : -ERANGE;
    ret = pyd_worker_in();
    return unlikely(ret != 0) ? ret : pyd_worker_out(pyd_burst_move(burst, mask, into));
}

/* Rings of values enter their own gates; here a loop that only moves values is ended. */
#define VALUES(verb, memory, how)                                                                  \
    int pyd_worker_##verb##_##how(struct pyd_ring *ring, memory *values, uint32_t n)               \
    {                                                                                              \
        int ret = unlikely(pyd_job_asked()) ? pyd_job_cancelled() : 0;                             \
                                                                                                   \
        return unlikely(ret != 0) ? ret : pyd_ring_##verb##_##how(ring, values, n);                \
    }

VALUES(enqueue, const void, burst)
VALUES(enqueue, const void, bulk)
VALUES(dequeue, void, burst)
VALUES(dequeue, void, bulk)

int
pyd_worker_swap_macs(struct pyd_burst *burst)
{
    pyd_swap_macs(burst->storage->mbufs, burst->n);
    return burst->n;
}

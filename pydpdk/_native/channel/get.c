/* SPDX-License-Identifier: BSD-3-Clause */
/* Messages out of mbufs, as many as there are in one call. */
#include "channel/channel.h"
#include "ethdev/malformed.h"

/* A message of another program may be anything; one that does not fit is dropped and counted. */
static int
is_wanted(struct pyd_channel *channel, const struct rte_mbuf *m)
{
    if (likely(channel->itemsize == 0 ? m->pkt_len <= channel->message_bytes
                                      : m->pkt_len == channel->itemsize))
        return 1;
    __atomic_fetch_add(&channel->head->dropped, 1, __ATOMIC_RELAXED);
    return 0;
}

static void
read_messages(struct pyd_channel *channel, struct pyd_batch *batch, struct rte_mbuf **mbufs,
              uint32_t n)
{
    uint32_t i;

    for (i = 0; i < n; i++) {
        const struct rte_mbuf *m = mbufs[i];
        char *to = batch->data + batch->used;

        if (unlikely(!is_wanted(channel, m)))
            continue;
        if (likely(m->nb_segs == 1))
            memcpy(to, rte_pktmbuf_mtod(m, const char *), m->data_len);
        else
            (void)rte_pktmbuf_read(m, 0, m->pkt_len, to);
        if (batch->lengths != NULL)
            batch->lengths[batch->done] = m->pkt_len;
        batch->used += m->pkt_len;
        batch->done++;
    }
}

static void
prefetch(struct rte_mbuf **mbufs, uint32_t n)
{
    uint32_t i;

    for (i = 0; i < n; i++) {
        rte_prefetch0(mbufs[i]);
        rte_prefetch0(RTE_PTR_ADD(mbufs[i], RTE_CACHE_LINE_SIZE)); /* `next`, to free it */
        rte_prefetch0(RTE_PTR_ADD(mbufs[i], sizeof(struct rte_mbuf) + RTE_PKTMBUF_HEADROOM));
    }
}

/* Receive one lane full of messages; returns how many left the ring. */
static uint32_t
get_some(struct pyd_channel *channel, struct pyd_batch *batch)
{
    const uint64_t room = (batch->size - batch->used) / RTE_MAX(channel->message_bytes, 1U);
    struct rte_ring *ring = channel->ring->ring;
    struct pyd_burst *lane;
    uint32_t sound, n = RTE_MIN(batch->n - batch->done, (uint32_t)PYD_CHANNEL_BATCH);

    n = RTE_MIN((uint64_t)n, room);
    if (n == 0 || rte_ring_empty(ring))
        return 0;
    lane = pyd_enter_lane(channel);
    if (unlikely(lane == NULL))
        return 0;
    n = rte_ring_dequeue_burst_elem(ring, lane->storage->mbufs, sizeof(void *), n, NULL);
    prefetch(lane->storage->mbufs, n);
    sound = pyd_admit_shared(lane->storage->mbufs, n, &channel->head->dropped);
    pyd_burst_holds(lane, sound);
    read_messages(channel, batch, lane->storage->mbufs, sound);
    pyd_burst_empty(lane);
    pyd_burst_leave(lane);
    if (n != 0)
        pyd_wake(&channel->head->drained);
    return n;
}

/* Everything that is there and fits; waits for the first. */
static int
get_first(struct pyd_channel *channel, struct pyd_batch *batch, uint64_t wait_ns)
{
    struct pyd_waiter waiter = {
        .channel = channel, .word = &channel->head->filled, .wait_ns = wait_ns};
    int ret;

    do {
        ret = pyd_channel_state(channel); /* first: what was sent before the end is in the ring */
        if (unlikely(ret == PYD_SHUT))
            break;
        while (get_some(channel, batch) != 0)
            ;
    } while (batch->done == 0 && ret == 0 && (ret = pyd_relax(&waiter)) > 0);
    pyd_waited(&waiter);
    return ret;
}

/* Wait for a message, without taking it and without spinning. 1: there is one. -EAGAIN: the time is
 * up. -EPIPE: the channel is shut. */
int
pyd_channel_await(struct pyd_channel *channel, uint64_t wait_ns)
{
    struct pyd_waiter waiter = {.channel = channel,
                                .word = &channel->head->filled,
                                .start = rte_get_tsc_cycles() - channel->spin,
                                .wait_ns = wait_ns};
    int empty = 1, ret = pyd_ref(&channel->gate);

    if (unlikely(ret != 0))
        return ret;
    do {
        ret = pyd_channel_state(channel);
        if (ret == 0)
            empty = rte_ring_empty(channel->ring->ring);
    } while (ret == 0 && empty && (ret = pyd_relax(&waiter)) > 0);
    return pyd_unref_with(&channel->gate, empty ? pyd_nothing(ret, 1) : 1);
}

/* Returns how many were received, or why none. */
int
pyd_channel_get_many(struct pyd_channel *channel, struct pyd_batch *batch, uint64_t wait_ns)
{
    int ret = pyd_ref(&channel->gate);

    if (unlikely(ret != 0))
        return ret;
    if (unlikely(batch->size < channel->message_bytes))
        ret = -EMSGSIZE;
    else if (likely(batch->n != 0))
        ret = get_first(channel, batch, wait_ns);
    pyd_unref(&channel->gate);
    return batch->done != 0 ? (int)batch->done : pyd_nothing(ret, batch->n);
}

/* One message into room for the largest; returns its length, or why there is none. */
int
pyd_channel_get(struct pyd_channel *channel, char *data, uint64_t wait_ns)
{
    uint32_t length = 0;
    struct pyd_batch batch = {
        .data = data, .lengths = &length, .size = channel->message_bytes, .n = 1};
    int ret = pyd_channel_get_many(channel, &batch, wait_ns);

    return ret < 0 ? ret : (int)length;
}

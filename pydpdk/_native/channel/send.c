/* SPDX-License-Identifier: BSD-3-Clause */
/* Messages into mbufs, as many as there are in one call. */
#include "channel/channel.h"

static inline uint32_t
segments_of(const struct pyd_channel *channel, uint32_t length)
{
    return length <= channel->segment_bytes
               ? 1
               : (length + channel->segment_bytes - 1) / channel->segment_bytes;
}

static inline uint32_t
length_of(const struct pyd_channel *channel, const struct pyd_batch *batch, uint32_t i)
{
    return batch->lengths != NULL ? batch->lengths[i] : channel->itemsize;
}

/* How many of the next messages fit into a lane, at most n; `mbufs`: how many mbufs they take. */
static uint32_t
fit(const struct pyd_channel *channel, const struct pyd_batch *batch, uint32_t n, uint32_t *mbufs)
{
    uint32_t i, segments;

    *mbufs = n;
    if (likely(channel->message_bytes <= channel->segment_bytes))
        return n;
    for (i = 0, *mbufs = 0; i < n; i++, *mbufs += segments) {
        segments = segments_of(channel, length_of(channel, batch, batch->done + i));
        if (*mbufs + segments > PYD_CHANNEL_BATCH)
            break;
    }
    return i;
}

static inline void
write_segment(struct rte_mbuf *m, const char *data, uint32_t length)
{
    memcpy(rte_pktmbuf_mtod(m, char *), data, length);
    m->data_len = length;
    m->pkt_len = length;
}

/* A message over several mbufs: the first is its head. */
static void
write_chain(const struct pyd_channel *channel, struct rte_mbuf **mbufs, uint32_t n,
            const char *data, uint32_t length)
{
    uint32_t k, left = length;

    for (k = 0; k < n; k++) {
        const uint32_t piece = RTE_MIN(left, channel->segment_bytes);

        write_segment(mbufs[k], data + (length - left), piece);
        mbufs[k]->next = k + 1 < n ? mbufs[k + 1] : NULL;
        left -= piece;
    }
    mbufs[0]->nb_segs = n;
    mbufs[0]->pkt_len = length;
}

/* Write the next n messages into the mbufs of a lane; its first n mbufs become their heads. */
static void
write_messages(const struct pyd_channel *channel, const struct pyd_batch *batch, uint32_t n,
               struct rte_mbuf **mbufs)
{
    const char *data = batch->data + batch->used;
    uint32_t i, at = 0;

    for (i = 0; i < n; i++) {
        const uint32_t length = length_of(channel, batch, batch->done + i);
        const uint32_t segments = segments_of(channel, length);

        if (likely(segments == 1))
            write_segment(mbufs[at], data, length);
        else
            write_chain(channel, &mbufs[at], segments, data, length);
        mbufs[i] = mbufs[at];
        at += segments;
        data += length;
    }
}

/* Allocate the mbufs of as many of the next n messages as the pool has; returns how many
 * messages. */
static uint32_t
alloc(struct pyd_channel *channel, struct pyd_burst *lane, const struct pyd_batch *batch,
      uint32_t n)
{
    uint32_t mbufs;

    for (; n != 0; n /= 2) {
        n = fit(channel, batch, n, &mbufs);
        if (likely(rte_pktmbuf_alloc_bulk(channel->pool->mp, lane->storage->mbufs, mbufs) == 0)) {
            pyd_burst_holds(lane, mbufs);
            return n;
        }
    }
    return 0;
}

static void
sent(const struct pyd_channel *channel, struct pyd_batch *batch, uint32_t n)
{
    const uint32_t end = batch->done + n;

    if (batch->lengths == NULL)
        batch->used += (uint64_t)n * channel->itemsize;
    else
        while (batch->done < end)
            batch->used += batch->lengths[batch->done++];
    batch->done = end;
}

/* Send one lane full of messages; returns how many were sent, 0 where there is no room. */
static uint32_t
send_some(struct pyd_channel *channel, struct pyd_batch *batch)
{
    struct rte_ring *ring = channel->ring->ring;
    uint32_t n = RTE_MIN(batch->n - batch->done, ring->capacity - rte_ring_count(ring));
    struct pyd_burst *lane;

    if (n == 0)
        return 0;
    lane = pyd_enter_lane(channel);
    if (unlikely(lane == NULL))
        return 0;
    n = alloc(channel, lane, batch, RTE_MIN(n, (uint32_t)PYD_CHANNEL_BATCH));
    if (likely(n != 0)) {
        write_messages(channel, batch, n, lane->storage->mbufs);
        pyd_burst_holds(lane, n);
        n = rte_ring_enqueue_burst_elem(ring, lane->storage->mbufs, sizeof(void *), n, NULL);
        pyd_burst_sent(lane, n);
        if (unlikely(lane->n != 0)) /* another sender was faster */
            pyd_burst_empty(lane);
        sent(channel, batch, n);
    }
    return pyd_burst_leave_with(lane, n);
}

/* Send until all are sent, the time is up, or the channel is shut. */
static int
send_all(struct pyd_channel *channel, struct pyd_batch *batch, uint64_t wait_ns)
{
    struct pyd_waiter waiter = {
        .channel = channel, .word = &channel->head->drained, .wait_ns = wait_ns};
    int ret = 0;

    do {
        ret = pyd_channel_state(channel);
        if (unlikely(ret != 0))
            break;
        while (send_some(channel, batch) != 0) {
            pyd_wake(&channel->head->filled);
            if (likely(batch->done == batch->n))
                break;
        }
    } while (batch->done < batch->n && (ret = pyd_relax(&waiter)) > 0);
    pyd_waited(&waiter);
    return ret;
}

/* Whether the batch is consistent: lengths within the limit that add up to its size. */
static int
is_sound(const struct pyd_channel *channel, const struct pyd_batch *batch)
{
    uint64_t total = 0;
    uint32_t i;

    if (batch->lengths == NULL)
        return channel->itemsize != 0 && batch->size == (uint64_t)batch->n * channel->itemsize;
    for (i = 0; i < batch->n; i++) {
        if (batch->lengths[i] > channel->message_bytes)
            return 0;
        total += batch->lengths[i];
    }
    return total == batch->size;
}

/* Returns how many were sent, or why none: -EAGAIN (timeout), PYD_SHUT, -EPIPE, -EINTR,
 * -EMSGSIZE. */
int
pyd_channel_send_many(struct pyd_channel *channel, struct pyd_batch *batch, uint64_t wait_ns)
{
    const uint32_t before = batch->done;
    int ret = pyd_ref(&channel->gate);

    if (unlikely(ret != 0))
        return ret;
    if (unlikely(before == 0 && !is_sound(channel, batch)))
        ret = -EMSGSIZE;
    else if (likely(before < batch->n))
        ret = send_all(channel, batch, wait_ns);
    pyd_unref(&channel->gate);
    return batch->done != before ? (int)(batch->done - before) : pyd_nothing(ret, batch->n - before);
}

int
pyd_channel_send(struct pyd_channel *channel, const char *data, uint32_t length, uint64_t wait_ns)
{
    struct pyd_batch batch = {
        .data = (char *)(uintptr_t)data, .lengths = &length, .size = length, .n = 1};

    return pyd_channel_send_many(channel, &batch, wait_ns);
}

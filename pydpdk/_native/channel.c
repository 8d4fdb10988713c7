/* Messages into mbufs and out of them, as many as there are in one call. */
#include <sched.h>

#include "channel.h"

/* A lane to oneself: threads beyond their number wait for one, each is left within microseconds.
 * NULL where the channel has been shut to all of us meanwhile (a fork, the end). */
static struct pyd_burst *
enter_lane(struct pyd_channel *channel)
{
    unsigned int i;

    for (i = 0;; i++) {
        struct pyd_burst *lane = &channel->lanes[i % PYD_CHANNEL_LANES];
        int ret = pyd_burst_enter(lane);

        if (likely(ret == 0))
            return lane;
        if (ret == -EOWNERDEAD || ret == -ENOMEM)
            return NULL;
        if (i % PYD_CHANNEL_LANES != PYD_CHANNEL_LANES - 1)
            continue;
        if (!__atomic_load_n(&channel->gate.open, __ATOMIC_RELAXED))
            return NULL;
        sched_yield();
    }
}

static void
leave_lane(struct pyd_burst *lane)
{
    pyd_burst_leave(lane);
}

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

/* How many of the next messages fit into a lane, at most n; the mbufs that they take. */
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

/* Write the next n messages into the mbufs of a lane, whose first n become their heads. */
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

/* All mbufs for as many of the next n messages as the pool has; returns how many messages. */
static uint32_t
alloc(struct pyd_channel *channel, struct pyd_burst *lane, const struct pyd_batch *batch,
      uint32_t n)
{
    uint32_t mbufs;

    for (; n != 0; n /= 2) {
        n = fit(channel, batch, n, &mbufs);
        if (likely(rte_pktmbuf_alloc_bulk(channel->pool->mp, lane->slots->mbufs, mbufs) == 0)) {
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

/* One lane full of messages; returns how many went, 0 where there is no room. */
static uint32_t
send_some(struct pyd_channel *channel, struct pyd_batch *batch)
{
    struct rte_ring *ring = channel->ring->ring;
    uint32_t n = RTE_MIN(batch->n - batch->done, ring->capacity - rte_ring_count(ring));
    struct pyd_burst *lane;

    if (n == 0)
        return 0;
    lane = enter_lane(channel);
    if (unlikely(lane == NULL))
        return 0;
    n = alloc(channel, lane, batch, RTE_MIN(n, (uint32_t)PYD_CHANNEL_BATCH));
    if (likely(n != 0)) {
        write_messages(channel, batch, n, lane->slots->mbufs);
        pyd_burst_holds(lane, n);
        n = rte_ring_enqueue_burst_elem(ring, lane->slots->mbufs, sizeof(void *), n, NULL);
        pyd_burst_sent(lane, n);
        if (unlikely(lane->n != 0)) { /* another sender was faster */
            rte_pktmbuf_free_bulk(lane->slots->mbufs, lane->n);
            pyd_burst_holds(lane, 0);
        }
        sent(channel, batch, n);
    }
    leave_lane(lane);
    return n;
}

/* Send until all have gone, the time is up, or nothing is to be sent any more. */
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

/* Whether the batch is what it says: lengths within the limit that add up to its size. */
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

/* Why nothing moved, of so many that should have. */
static int
nothing(int ret, uint32_t wanted)
{
    return ret < 0 || wanted == 0 ? ret : -EAGAIN;
}

/* How many have gone, or why none has: -EAGAIN (the time is up), PYD_SHUT, -EPIPE, -EINTR,
 * -EMSGSIZE. */
int
pyd_channel_send_many(struct pyd_channel *channel, struct pyd_batch *batch, uint64_t wait_ns)
{
    const uint32_t before = batch->done;
    int ret = pyd_hold(&channel->gate);

    if (unlikely(ret != 0))
        return ret;
    if (unlikely(before == 0 && !is_sound(channel, batch)))
        ret = -EMSGSIZE;
    else if (likely(before < batch->n))
        ret = send_all(channel, batch, wait_ns);
    pyd_release(&channel->gate);
    return batch->done != before ? (int)(batch->done - before) : nothing(ret, batch->n - before);
}

int
pyd_channel_send(struct pyd_channel *channel, const char *data, uint32_t length, uint64_t wait_ns)
{
    struct pyd_batch batch = {
        .data = (char *)(uintptr_t)data, .lengths = &length, .size = length, .n = 1};

    return pyd_channel_send_many(channel, &batch, wait_ns);
}

/* A message of another program may be anything; what does not fit is dropped and counted. */
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
            memcpy(to, rte_pktmbuf_mtod(m, const char *), m->pkt_len);
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

/* One lane full of messages; returns how many left the ring. */
static uint32_t
get_some(struct pyd_channel *channel, struct pyd_batch *batch)
{
    const uint64_t room = (batch->size - batch->used) / RTE_MAX(channel->message_bytes, 1U);
    struct rte_ring *ring = channel->ring->ring;
    struct pyd_burst *lane;
    uint32_t n = RTE_MIN(batch->n - batch->done, (uint32_t)PYD_CHANNEL_BATCH);

    n = RTE_MIN((uint64_t)n, room);
    if (n == 0 || rte_ring_empty(ring))
        return 0;
    lane = enter_lane(channel);
    if (unlikely(lane == NULL))
        return 0;
    n = rte_ring_dequeue_burst_elem(ring, lane->slots->mbufs, sizeof(void *), n, NULL);
    pyd_burst_holds(lane, n);
    prefetch(lane->slots->mbufs, n);
    read_messages(channel, batch, lane->slots->mbufs, n);
    rte_pktmbuf_free_bulk(lane->slots->mbufs, n);
    pyd_burst_holds(lane, 0);
    leave_lane(lane);
    if (n != 0)
        pyd_wake(&channel->head->drained);
    return n;
}

/* All that is there and fits; waits for the first. */
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

/* How many have come, or why none. */
int
pyd_channel_get_many(struct pyd_channel *channel, struct pyd_batch *batch, uint64_t wait_ns)
{
    int ret = pyd_hold(&channel->gate);

    if (unlikely(ret != 0))
        return ret;
    if (unlikely(batch->size < channel->message_bytes))
        ret = -EMSGSIZE;
    else if (likely(batch->n != 0))
        ret = get_first(channel, batch, wait_ns);
    pyd_release(&channel->gate);
    return batch->done != 0 ? (int)batch->done : nothing(ret, batch->n);
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

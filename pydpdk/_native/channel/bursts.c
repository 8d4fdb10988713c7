/* SPDX-License-Identifier: BSD-3-Clause */
/* Messages without a copy: mbufs of a burst into the channel, and out of it. */
#include "channel/channel.h"
#include "ethdev/malformed.h"

/* Whether each message of the burst is what the channel carries; else -EMSGSIZE. */
static int
check_lengths(const struct pyd_channel *channel, const struct pyd_burst *burst)
{
    uint32_t i;

    for (i = 0; i < burst->n; i++) {
        const uint32_t length = burst->storage->mbufs[i]->pkt_len;

        if (channel->itemsize ? length != channel->itemsize : length > channel->message_bytes)
            return -EMSGSIZE;
    }
    return 0;
}

/* Send what fits now; returns how many are left. */
static int
tx_some(struct pyd_channel *channel, struct pyd_burst *burst, uint32_t *sent)
{
    int ret = pyd_burst_enter(burst);
    uint32_t n;

    if (unlikely(ret != 0))
        return ret == PYD_SHUT ? -ENETDOWN : ret;
    ret = check_lengths(channel, burst);
    if (likely(ret == 0)) {
        n = rte_ring_enqueue_burst_elem(channel->ring->ring, burst->storage->mbufs, sizeof(void *),
                                        burst->n, NULL);
        if (n != 0)
            pyd_burst_sent(burst, n);
        *sent += n;
        ret = burst->n;
    }
    return pyd_burst_leave_with(burst, ret);
}

/* Returns how many were sent, or why none: -EAGAIN (timeout) or another error. */
int
pyd_channel_tx(struct pyd_channel *channel, struct pyd_burst *burst, uint64_t wait_ns)
{
    struct pyd_waiter waiter = {
        .channel = channel, .word = &channel->head->drained, .wait_ns = wait_ns};
    uint32_t sent = 0;
    const uint32_t wanted = burst->n;
    int ret = pyd_ref(&channel->gate);

    if (unlikely(ret != 0))
        return ret;
    do {
        const uint32_t before = sent;

        ret = pyd_channel_state(channel);
        if (unlikely(ret != 0))
            break;
        ret = tx_some(channel, burst, &sent);
        if (sent != before)
            pyd_wake(&channel->head->filled);
    } while (ret > 0 && (ret = pyd_relax(&waiter)) > 0);
    pyd_waited(&waiter);
    pyd_unref(&channel->gate);
    return sent != 0 || wanted == 0 ? (int)sent : ret < 0 ? ret : -EAGAIN;
}

static int
rx_some(struct pyd_channel *channel, struct pyd_burst *burst, uint32_t n)
{
    int ret = pyd_burst_enter_empty(burst);
    struct rte_mbuf **mbufs;
    uint32_t came, kept, in_a_row = 0;

    if (unlikely(ret != 0))
        return ret == PYD_SHUT ? -ENETDOWN : ret;
    mbufs = burst->storage->mbufs;
    n = RTE_MIN(n, burst->size);
    do {
        came = rte_ring_dequeue_burst_elem(channel->ring->ring, mbufs, sizeof(void *), n, NULL);
        kept = pyd_admit_shared(mbufs, came, &channel->head->dropped);
    } while (unlikely(kept == 0 && came != 0 && (in_a_row += came) < PYD_MALFORMED_IN_A_ROW));
    if (unlikely(in_a_row != 0))
        pyd_wake(&channel->head->drained);
    pyd_burst_holds(burst, kept);
    return pyd_burst_leave_with(burst, kept);
}

/* Returns how many were received, or why none: -EAGAIN (timeout) or another error. */
int
pyd_channel_rx(struct pyd_channel *channel, struct pyd_burst *burst, uint32_t n, uint64_t wait_ns)
{
    struct pyd_waiter waiter = {
        .channel = channel, .word = &channel->head->filled, .wait_ns = wait_ns};
    int state, got = 0, ret = pyd_ref(&channel->gate);

    if (unlikely(ret != 0))
        return ret;
    do {
        state = pyd_channel_state(channel);
        if (unlikely(state == PYD_SHUT))
            break;
        got = rx_some(channel, burst, n);
        if (got > 0)
            pyd_wake(&channel->head->drained);
        ret = got != 0 || n == 0 ? 0 : state != 0 ? state : pyd_relax(&waiter);
    } while (ret > 0);
    pyd_waited(&waiter);
    pyd_unref(&channel->gate);
    if (got != 0 || n == 0)
        return got;
    return state == PYD_SHUT ? state : ret < 0 ? ret : -EAGAIN;
}

/* Wake senders: mbufs of the pool have been given back. */
int
pyd_channel_room(struct pyd_channel *channel)
{
    const int ret = pyd_ref(&channel->gate);

    if (ret != 0)
        return ret;
    pyd_wake(&channel->head->drained);
    return pyd_unref_with(&channel->gate, 0);
}

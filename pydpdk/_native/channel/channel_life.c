/* SPDX-License-Identifier: BSD-3-Clause */
/* A channel opened, joined, left, shut and closed. */
#include "channel/channel.h"

/* What a memzone of that name begins with, if it is whole. */
struct pyd_channel_head *
pyd_channel_head(const struct rte_memzone *mz)
{
    struct pyd_channel_head *head = mz->addr;

    if (mz->len < sizeof(*head) ||
        __atomic_load_n(&head->magic, __ATOMIC_ACQUIRE) != PYD_CHANNEL_MAGIC ||
        head->dtype_len > mz->len - sizeof(*head))
        return NULL;
    return head;
}

/* What is private to the channel stays open as long as it does: one pass for its whole life. */
static int
enter_parts(struct pyd_channel *channel)
{
    int ret = pyd_ref(&channel->ring->gate);

    if (ret != 0)
        return ret;
    ret = pyd_ref(&channel->pool->gate);
    if (ret != 0)
        pyd_unref(&channel->ring->gate);
    return ret;
}

static int
open_lanes(struct pyd_channel *channel)
{
    unsigned int i;
    int ret = 0;

    for (i = 0; ret == 0 && i < PYD_CHANNEL_LANES; i++)
        ret = pyd_burst_open(&channel->lanes[i], PYD_CHANNEL_BATCH);
    return ret;
}

#define PID_MASK ((UINT64_C(1) << PYD_CHANNEL_PID_BITS) - 1)

static uint64_t
process(uint64_t pid, uint64_t started)
{
    return started << PYD_CHANNEL_PID_BITS | pid;
}

static void
leave_parts(struct pyd_channel *channel)
{
    unsigned int i;

    for (i = 0; i < PYD_CHANNEL_LANES; i++)
        pyd_burst_close(&channel->lanes[i], 1);
    pyd_unref(&channel->pool->gate);
    pyd_unref(&channel->ring->gate);
}

/* The place's number, or -ENOSPC. */
int
pyd_channel_join(struct pyd_channel *channel, uint64_t pid, uint64_t started)
{
    struct pyd_channel_head *head = channel->head;
    unsigned int i;

    for (i = 0; i < PYD_CHANNEL_PEERS; i++) {
        uint64_t nobody = 0;

        if (__atomic_compare_exchange_n(&head->peers[i], &nobody, process(pid, started), 0,
                                        __ATOMIC_SEQ_CST, __ATOMIC_RELAXED))
            return i;
    }
    return -ENOSPC;
}

/* Enter its parts and take a place among its processes; all of it, or nothing. -ENOSPC: there is no
 * place. */
int
pyd_channel_open(struct pyd_channel *channel, uint64_t pid, uint64_t started)
{
    int ret = enter_parts(channel);

    if (ret != 0)
        return ret;
    ret = open_lanes(channel);
    if (ret == 0)
        ret = pyd_channel_join(channel, pid, started);
    if (ret >= 0)
        channel->gate.open = 1;
    else
        leave_parts(channel);
    return RTE_MIN(ret, 0);
}

/* Free a place, only if it is still the process's that is meant. */
static int
free_at(struct pyd_channel_head *head, unsigned int i, uint64_t process, int died)
{
    if (!__atomic_compare_exchange_n(&head->peers[i], &process, 0, 0, __ATOMIC_SEQ_CST,
                                     __ATOMIC_RELAXED))
        return 0;
    if (died)
        __atomic_fetch_add(&head->deaths, 1, __ATOMIC_SEQ_CST);
    return 1;
}

static int
free_place(struct pyd_channel_head *head, uint64_t process, int died)
{
    unsigned int i;

    for (i = 0; i < PYD_CHANNEL_PEERS; i++)
        if (free_at(head, i, process, died))
            return 1;
    return 0;
}

/* Nothing is sent from here on, by nobody. */
static void
end_messages(struct pyd_channel_head *head)
{
    __atomic_store_n(&head->shut, 1, __ATOMIC_SEQ_CST);
    pyd_wake(&head->filled);
    pyd_wake(&head->drained);
}

/* Let nobody in any more, wake who waits inside so that he leaves, and free our place: from here
 * on who made the channel may free it. Once closed, or never opened, it does nothing.
 * `end`: for all processes. */
int
pyd_channel_close(struct pyd_channel *channel, uint64_t pid, uint64_t started, int end)
{
    int ret;

    if (!channel->gate.open)
        return 0;
    __atomic_store_n(&channel->gate.open, 0, __ATOMIC_SEQ_CST);
    pyd_wake(&channel->head->filled);
    pyd_wake(&channel->head->drained);
    ret = pyd_shut(&channel->gate);
    if (ret != 0) {
        __atomic_store_n(&channel->gate.open, 1, __ATOMIC_SEQ_CST);
        return ret;
    }
    pyd_end(&channel->gate);
    if (end)
        end_messages(channel->head);
    leave_parts(channel);
    free_place(channel->head, process(pid, started), 0);
    return 0;
}

/* The process has forked, or DPDK is gone: nothing may come in any more. */
void
pyd_channel_forget(struct pyd_channel *channel)
{
    unsigned int i;

    pyd_end(&channel->gate);
    for (i = 0; i < PYD_CHANNEL_LANES; i++)
        channel->lanes[i].gate.open = 0;
}

/* Nothing is sent from here on, by nobody; what is in the ring is still received. */
int
pyd_channel_shut(struct pyd_channel *channel)
{
    int ret = pyd_ref(&channel->gate);

    if (ret != 0)
        return ret;
    end_messages(channel->head);
    pyd_unref(&channel->gate);
    return 0;
}

/* A peer has died: free its place. */
int
pyd_channel_remove(struct pyd_channel *channel, uint64_t pid, uint64_t started)
{
    int ret = pyd_ref(&channel->gate);

    if (ret == 0) {
        ret = free_place(channel->head, process(pid, started), 1);
        pyd_unref(&channel->gate);
    }
    return ret;
}

static void
remove_from(const struct rte_memzone *mz, void *count)
{
    struct pyd_channel_head *head = pyd_channel_head(mz);
    unsigned int i;

    for (i = 0; head != NULL && i < PYD_CHANNEL_PEERS; i++) {
        const uint64_t peer = __atomic_load_n(&head->peers[i], __ATOMIC_ACQUIRE);

        if (peer != 0 && !pyd_process_alive(peer & PID_MASK, peer >> PYD_CHANNEL_PID_BITS))
            *(int *)count += free_at(head, i, peer, 1);
    }
}

/* Free the places of all dead processes in all channels; returns how many there were. */
int
pyd_channels_remove(void)
{
    int count = 0;

    rte_memzone_walk(remove_from, &count);
    return count;
}

/* What the memzone says now. */
int
pyd_channel_look(struct pyd_channel *channel, struct pyd_channel_head *head)
{
    int ret = pyd_ref(&channel->gate);

    if (ret == 0) {
        memcpy(head, channel->head, sizeof(*head));
        pyd_unref(&channel->gate);
    }
    return ret;
}

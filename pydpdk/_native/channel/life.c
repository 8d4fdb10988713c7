/* SPDX-License-Identifier: BSD-3-Clause */
/* Open, join, leave, shut and close a channel. */
#include "channel/channel.h"

/* The head of a memzone of that name; NULL where it is not complete. */
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

/* The ring and the pool are private to the channel and stay open with it: one ref for its whole
 * life. */
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

/* Returns the number of the place, or -ENOSPC. */
int
pyd_channel_join(struct pyd_channel *channel, uint64_t pid, uint64_t started)
{
    struct pyd_channel_head *head = channel->head;
    unsigned int i;

    for (i = 0; i < PYD_CHANNEL_PEERS; i++) {
        uint64_t expected = 0;

        if (__atomic_compare_exchange_n(&head->peers[i], &expected, process(pid, started), 0,
                                        __ATOMIC_SEQ_CST, __ATOMIC_RELAXED))
            return i;
    }
    return -ENOSPC;
}

/* Take the ring and the pool, and a place among the channel's processes; all of it, or nothing.
 * -ENOSPC: there is no place. */
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

/* Free a place, only if it still belongs to this process. */
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

/* No process sends from here on. */
static void
end_messages(struct pyd_channel_head *head)
{
    __atomic_store_n(&head->shut, 1, __ATOMIC_SEQ_CST);
    pyd_wake(&head->filled);
    pyd_wake(&head->drained);
}

/* Let no thread in any more, wake the threads that wait inside so that they leave, and free our
 * place: from here on the channel's maker may free it. Does nothing if closed or never opened.
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

/* The process has forked, or DPDK is gone: no thread may enter any more. */
void
pyd_channel_forget(struct pyd_channel *channel)
{
    unsigned int i;

    pyd_end(&channel->gate);
    for (i = 0; i < PYD_CHANNEL_LANES; i++)
        channel->lanes[i].gate.open = 0;
}

/* No process sends from here on; what is in the ring can still be received. */
int
pyd_channel_shut(struct pyd_channel *channel)
{
    int ret = pyd_ref(&channel->gate);

    if (ret != 0)
        return ret;
    end_messages(channel->head);
    return pyd_unref_with(&channel->gate, 0);
}

/* Free the place of a peer that has died. */
int
pyd_channel_remove(struct pyd_channel *channel, uint64_t pid, uint64_t started)
{
    int ret = pyd_ref(&channel->gate);

    if (ret == 0)
        ret = pyd_unref_with(&channel->gate, free_place(channel->head, process(pid, started), 1));
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

/* A copy of the head as it is now. */
int
pyd_channel_look(struct pyd_channel *channel, struct pyd_channel_head *head)
{
    const int ret = pyd_ref(&channel->gate);

    if (ret != 0)
        return ret;
    memcpy(head, channel->head, sizeof(*head));
    return pyd_unref_with(&channel->gate, 0);
}

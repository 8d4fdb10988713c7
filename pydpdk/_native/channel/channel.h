/* SPDX-License-Identifier: BSD-3-Clause */
/* The steps of all calls on a channel: take a lane, try, and relax between two tries. */
#ifndef PYD_CHANNEL_INLINE_H
#define PYD_CHANNEL_INLINE_H

#include "ring/ring.h"

struct pyd_waiter {
    struct pyd_channel *channel;
    uint32_t *word;
    uint64_t start; /* [cycles]; 0: has not waited yet */
    uint64_t wait_ns;
    uint32_t key;
    uint32_t announced;
    uint32_t slept;
};

struct pyd_burst *pyd_enter_lane(struct pyd_channel *channel);
int pyd_relax(struct pyd_waiter *waiter);
void pyd_waited(struct pyd_waiter *waiter);
void pyd_wake_sleepers(uint32_t *word);

/* Wake the threads that sleep on the word. The change that they wait for came before: the fence
 * orders our read of the word after it, as theirs orders their check after they set the word. */
static inline void
pyd_wake(uint32_t *word)
{
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    if (unlikely(__atomic_load_n(word, __ATOMIC_RELAXED) & 1))
        pyd_wake_sleepers(word);
}

/* 0, PYD_SHUT, or -EPIPE: the channel is shut for sending. */
static inline int
pyd_channel_state(const struct pyd_channel *channel)
{
    if (unlikely(!__atomic_load_n(&channel->gate.open, __ATOMIC_RELAXED)))
        return PYD_SHUT;
    return unlikely(__atomic_load_n(&channel->head->shut, __ATOMIC_ACQUIRE)) ? -EPIPE : 0;
}

/* The result of a call that moved nothing although `wanted` messages should have moved. */
static inline int
pyd_nothing(int ret, uint32_t wanted)
{
    return ret < 0 || wanted == 0 ? ret : -EAGAIN;
}

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
/* Wait without keeping a core busy, and without a cost for senders while no thread sleeps: spin,
 * yield, then a futex. A futex that is not private works between processes on hugepages, as DPDK
 * maps them MAP_SHARED. */
#include <linux/futex.h>
#include <limits.h>
#include <sched.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "channel/channel.h"

#define NS 1000000000ULL
#define SPIN_MIN_PART 32 /* the least spin is spin_max divided by this, after many long waits */

static uint64_t
ns_to_cycles(uint64_t ns)
{
    return (uint64_t)((double)ns * 1e-9 * (double)rte_get_tsc_hz());
}

/* Make the word odd, for the senders to see; a wait with this key ends when it has changed. */
static uint32_t
announce(uint32_t *word)
{
    return __atomic_or_fetch(word, 1, __ATOMIC_SEQ_CST);
}

void
pyd_wake_sleepers(uint32_t *word)
{
    uint32_t odd = __atomic_load_n(word, __ATOMIC_RELAXED);

    /* one more is even, and differs from every key that a sleeper has */
    if ((odd & 1) && __atomic_compare_exchange_n(word, &odd, odd + 1, 0, __ATOMIC_SEQ_CST,
                                                 __ATOMIC_RELAXED))
        syscall(SYS_futex, word, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

static int
sleep_on(uint32_t *word, uint32_t key, uint64_t ns)
{
    const struct timespec limit = {.tv_sec = (time_t)(ns / NS), .tv_nsec = (long)(ns % NS)};

    if (syscall(SYS_futex, word, FUTEX_WAIT, key, &limit, NULL, 0) == 0)
        return 0;
    return errno == EINTR ? -EINTR : 0;
}

/* 1: try again. 0: timeout. -EINTR: a signal has come. */
int
pyd_relax(struct pyd_waiter *waiter)
{
    const uint64_t now = rte_get_tsc_cycles();
    const uint64_t spin = waiter->channel->spin;
    uint64_t limit, gone;

    if (waiter->wait_ns == 0)
        return 0;
    if (waiter->start == 0)
        waiter->start = now;
    gone = now - waiter->start;
    limit = ns_to_cycles(waiter->wait_ns);
    if (gone >= limit)
        return 0;
    if (gone < spin) {
        if (gone < spin / 2)
            rte_pause();
        else
            sched_yield();
        return 1;
    }
    if (!waiter->announced) {
        waiter->key = announce(waiter->word);
        waiter->announced = 1;
        return 1; /* to try once more: what came before the word was odd wakes no thread */
    }
    waiter->announced = 0;
    waiter->slept = 1;
    return sleep_on(waiter->word, waiter->key,
                    (uint64_t)((double)(limit - gone) * 1e9 / (double)rte_get_tsc_hz())) < 0
               ? -EINTR
               : 1;
}

/* At the end of a wait: if it slept although spinning would have sufficed, spin longer from now on;
 * if it waited much longer, spin less. */
void
pyd_waited(struct pyd_waiter *waiter)
{
    struct pyd_channel *channel = waiter->channel;

    if (waiter->start == 0 || !waiter->slept)
        return;
    if (rte_get_tsc_cycles() - waiter->start < 2 * channel->spin_max)
        channel->spin = RTE_MIN(channel->spin * 2, channel->spin_max);
    else
        channel->spin = RTE_MAX(channel->spin / 2, channel->spin_max / SPIN_MIN_PART);
}

/* Enter a lane exclusively. More threads than lanes wait for one; each is left within microseconds.
 * NULL where the channel was shut for all threads meanwhile (a fork, the end). */
struct pyd_burst *
pyd_enter_lane(struct pyd_channel *channel)
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

/* SPDX-License-Identifier: BSD-3-Clause */
/* Zero-copy reservations of this process, where the one who recovers sees them. */
#include "core/process_table.h"

int
pyd_claim(const struct rte_ring *ring, int consumer)
{
    struct pyd_process *me = pyd_process_me();
    const uint64_t address = (uintptr_t)ring;
    uint64_t nobody;
    uint32_t i;

    if (me == NULL)
        return 0;
    for (i = 0; i < PYD_MAX_CLAIMS; i++) {
        nobody = 0;
        if (__atomic_compare_exchange_n(&me->claims[i].ring, &nobody, address, 0,
                                        __ATOMIC_ACQ_REL, __ATOMIC_RELAXED)) {
            me->claims[i].consumer = consumer;
            me->claims[i].held = 0;
            return 0;
        }
    }
    return -ENOSPC;
}

static int
is(const struct pyd_claim *claim, const struct rte_ring *ring, int consumer)
{
    return claim->ring == (uintptr_t)ring && claim->consumer == (uint32_t)consumer;
}

void
pyd_claim_hold(const struct rte_ring *ring, int consumer)
{
    struct pyd_process *me = pyd_process_me();
    uint32_t i;

    for (i = 0; me != NULL && i < PYD_MAX_CLAIMS; i++)
        if (is(&me->claims[i], ring, consumer))
            __atomic_store_n(&me->claims[i].held, 1, __ATOMIC_RELEASE);
}

int
pyd_claimed(const struct pyd_process *by, const struct rte_ring *ring, int consumer)
{
    uint32_t i;

    for (i = 0; i < PYD_MAX_CLAIMS; i++)
        if (by->claims[i].held && is(&by->claims[i], ring, consumer))
            return 1;
    return 0;
}

void
pyd_unclaim(const struct rte_ring *ring, int consumer)
{
    struct pyd_process *me = pyd_process_me();
    uint32_t i;

    for (i = 0; me != NULL && i < PYD_MAX_CLAIMS; i++)
        if (is(&me->claims[i], ring, consumer)) {
            me->claims[i].held = 0;
            __atomic_store_n(&me->claims[i].ring, 0, __ATOMIC_RELEASE);
        }
}

/* Zero-copy reservations of this process, where the one who recovers sees them. */
#include "ledger.h"

int
pyd_claim(const struct rte_ring *ring, int consumer)
{
    struct pyd_process *me = pyd_ledger_me();
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
            return 0;
        }
    }
    return -ENOSPC;
}

int
pyd_claimed(const struct pyd_process *by, const struct rte_ring *ring, int consumer)
{
    uint32_t i;

    for (i = 0; i < PYD_MAX_CLAIMS; i++)
        if (by->claims[i].ring == (uintptr_t)ring && by->claims[i].consumer == (uint32_t)consumer)
            return 1;
    return 0;
}

void
pyd_unclaim(const struct rte_ring *ring, int consumer)
{
    struct pyd_process *me = pyd_ledger_me();
    uint32_t i;

    for (i = 0; me != NULL && i < PYD_MAX_CLAIMS; i++)
        if (me->claims[i].ring == (uintptr_t)ring && me->claims[i].consumer == (uint32_t)consumer)
            __atomic_store_n(&me->claims[i].ring, 0, __ATOMIC_RELEASE);
}

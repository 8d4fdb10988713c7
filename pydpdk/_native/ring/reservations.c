/* SPDX-License-Identifier: BSD-3-Clause */
/* Zero-copy reservations of this process, where the recovering process sees them. */
#include "core/process_table.h"

int
pyd_reserve(const struct rte_ring *ring, int consumer)
{
    struct pyd_process *me = pyd_process_me();
    const uint64_t address = (uintptr_t)ring;
    uint64_t expected;
    uint32_t i;

    if (me == NULL)
        return 0;
    for (i = 0; i < PYD_MAX_RESERVATIONS; i++) {
        expected = 0;
        if (__atomic_compare_exchange_n(&me->reservations[i].ring, &expected, address, 0,
                                        __ATOMIC_ACQ_REL, __ATOMIC_RELAXED)) {
            me->reservations[i].consumer = consumer;
            me->reservations[i].held = 0;
            return 0;
        }
    }
    return -ENOSPC;
}

static int
is(const struct pyd_reservation *reservation, const struct rte_ring *ring, int consumer)
{
    return reservation->ring == (uintptr_t)ring && reservation->consumer == (uint32_t)consumer;
}

void
pyd_reservation_hold(const struct rte_ring *ring, int consumer)
{
    struct pyd_process *me = pyd_process_me();
    uint32_t i;

    for (i = 0; me != NULL && i < PYD_MAX_RESERVATIONS; i++)
        if (is(&me->reservations[i], ring, consumer))
            __atomic_store_n(&me->reservations[i].held, 1, __ATOMIC_RELEASE);
}

int
pyd_is_reserved(const struct pyd_process *by, const struct rte_ring *ring, int consumer)
{
    uint32_t i;

    for (i = 0; i < PYD_MAX_RESERVATIONS; i++)
        if (by->reservations[i].held && is(&by->reservations[i], ring, consumer))
            return 1;
    return 0;
}

void
pyd_unreserve(const struct rte_ring *ring, int consumer)
{
    struct pyd_process *me = pyd_process_me();
    uint32_t i;

    for (i = 0; me != NULL && i < PYD_MAX_RESERVATIONS; i++)
        if (is(&me->reservations[i], ring, consumer)) {
            me->reservations[i].held = 0;
            __atomic_store_n(&me->reservations[i].ring, 0, __ATOMIC_RELEASE);
        }
}

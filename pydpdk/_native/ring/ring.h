/* SPDX-License-Identifier: BSD-3-Clause */
/* The way through the gate of one side of a ring. */
#ifndef PYD_RING_INLINE_H
#define PYD_RING_INLINE_H

#include "burst/burst.h"

/* 0, PYD_SHUT (the ring is closed), -EALREADY (somebody has this side to himself), or what
 * pyd_critical_enter says. */
static inline int
pyd_ring_enter(struct pyd_ring_side *side)
{
    int ret = side->alone ? pyd_enter_alone(&side->gate) : pyd_enter(&side->gate);

    if (likely(ret == 0))
        return 0;
    /* zc first: a reservation that ends here opens the gate before it says so */
    if (ret == PYD_SHUT && !__atomic_load_n(&side->zc, __ATOMIC_SEQ_CST) &&
        !__atomic_load_n(&side->gate.open, __ATOMIC_SEQ_CST))
        return PYD_SHUT;
    return ret == PYD_SHUT || ret == -EBUSY ? -EALREADY : ret;
}

int pyd_ring_take(struct pyd_ring *ring, struct rte_mbuf **mbufs, uint32_t n, int bulk);
const struct rte_ring *pyd_ring_in(const struct rte_memzone *mz);

static inline void
pyd_ring_leave(struct pyd_ring_side *side)
{
    if (side->alone)
        pyd_leave_alone(&side->gate);
    else
        pyd_leave(&side->gate);
}

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
/* Enter and leave the gate of one side of a ring. */
#ifndef PYD_RING_INLINE_H
#define PYD_RING_INLINE_H

#include "burst/burst.h"

/* Returns 0, PYD_SHUT (the ring is closed), -EALREADY (another call has this side exclusively), or
 * an error of pyd_critical_enter. */
static inline int
pyd_ring_enter(struct pyd_ring_side *side)
{
    int ret = side->alone ? pyd_enter_alone(&side->gate) : pyd_enter(&side->gate);

    if (likely(ret == 0))
        return 0;
    /* zc first: the end of a reservation opens the gate before it clears zc */
    if (ret == PYD_SHUT && !__atomic_load_n(&side->zc, __ATOMIC_SEQ_CST) &&
        !__atomic_load_n(&side->gate.open, __ATOMIC_SEQ_CST))
        return PYD_SHUT;
    return ret == PYD_SHUT || ret == -EBUSY ? -EALREADY : ret;
}

int pyd_ring_take(struct pyd_ring *ring, struct rte_mbuf **mbufs, uint32_t n, int bulk);

static inline void
pyd_ring_leave(struct pyd_ring_side *side)
{
    if (side->alone)
        pyd_leave_alone(&side->gate);
    else
        pyd_leave(&side->gate);
}

#endif

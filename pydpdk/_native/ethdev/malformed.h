/* SPDX-License-Identifier: BSD-3-Clause */
/* Packets whose lengths and segments contradict each other. Some drivers make them, and any program
 * with the shared memory can. Everything that comes out of a driver or a ring passes pyd_admit, so
 * code that reads a packet later may rely on its lengths. */
#ifndef PYD_MALFORMED_INLINE_H
#define PYD_MALFORMED_INLINE_H

#include "core/safepoint.h"

/* A burst of only malformed packets is not the end of a file: receive again, but not forever. */
#define PYD_MALFORMED_IN_A_ROW 4096

uint32_t pyd_drop_malformed(struct rte_mbuf **mbufs, uint32_t n, uint64_t *dropped);

/* Keep the sound packets, in order; free and count the others. Returns how many are kept. One test
 * for the whole burst: a branch for each packet costs more than the loads. Only packets that are
 * not a single complete segment are walked in pyd_drop_malformed. */
static inline uint32_t
pyd_admit(struct rte_mbuf **mbufs, uint32_t n, uint64_t *dropped)
{
    uint32_t i, lengths = 0, segments = 0;

    for (i = 0; i < n; i++) {
        const struct rte_mbuf *m = mbufs[i];

        lengths |= m->pkt_len ^ m->data_len;
        segments |= m->nb_segs ^ 1U;
    }
    return likely((lengths | segments) == 0) ? n : pyd_drop_malformed(mbufs, n, dropped);
}

/* As pyd_admit, for mbufs that any program may have written: also checks the data against the
 * buffer, and `next` of single segments, which is in another cache line. */
static inline uint32_t
pyd_admit_foreign(struct rte_mbuf **mbufs, uint32_t n, uint64_t *dropped)
{
    uint32_t i, lengths = 0, segments = 0, room = 0;
    uintptr_t next = 0;

    for (i = 0; i < n; i++) {
        const struct rte_mbuf *m = mbufs[i];

        lengths |= m->pkt_len ^ m->data_len;
        segments |= m->nb_segs ^ 1U;
        room |= (uint32_t)m->buf_len - m->data_off - m->data_len;
        next |= (uintptr_t)m->next;
    }
    return likely((lengths | segments | (room >> 31)) == 0 && next == 0)
               ? n : pyd_drop_malformed(mbufs, n, dropped);
}

/* Whether only processes of ours put things into this memory's rings: their packets were checked on
 * receive, so nothing is checked here. Read after the ring: eal/foreign.py reports a program before
 * it can write. */
static inline int
pyd_is_ours(void)
{
    return __atomic_load_n(pyd_foreign_word, __ATOMIC_RELAXED) == 0;
}

/* As pyd_admit, for a ring. */
static inline uint32_t
pyd_admit_shared(struct rte_mbuf **mbufs, uint32_t n, uint64_t *dropped)
{
    return likely(pyd_is_ours()) ? n : pyd_admit_foreign(mbufs, n, dropped);
}

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
/* Check and change received packets, by what their driver leaves undone. */
#include <rte_mbuf_dyn.h>

#include "ethdev/malformed.h"
#include "ethdev/receive.h"

static uint32_t
admit_from(struct pyd_queue *queue, struct rte_mbuf **mbufs, uint32_t n)
{
    uint32_t kept;

    if (likely(queue->check == PYD_CHECK_LENGTHS))
        return pyd_admit(mbufs, n, &queue->malformed);
    kept = pyd_admit_foreign(mbufs, n, &queue->malformed);
    if (queue->check == PYD_CHECK_AGAIN && kept != n)
        queue->check = PYD_CHECK_ALL; /* it comes again */
    else if (queue->check == PYD_CHECK_AGAIN && (queue->unseen -= RTE_MIN(n, queue->unseen)) == 0)
        queue->check = PYD_CHECK_NONE;
    return kept;
}

static void
stamp_in_ns(const struct pyd_queue *queue, struct rte_mbuf **mbufs, uint32_t n)
{
    uint32_t i;

    for (i = 0; i < n; i++)
        if (mbufs[i]->ol_flags & queue->stamp_flag)
            *RTE_MBUF_DYNFIELD(mbufs[i], queue->stamp_at, rte_mbuf_timestamp_t *) *= queue->stamp_ns;
}

/* Return the sound ones of n packets received; while there are none, receive again. */
uint32_t
pyd_admit_received(struct pyd_queue *queue, struct pyd_burst *burst, uint32_t n)
{
    struct rte_mbuf **mbufs = burst->storage->mbufs;
    uint32_t kept, in_a_row = 0;

    do {
        kept = admit_from(queue, mbufs, n);
        in_a_row += n;
        if (queue->stamp_flag != 0)
            stamp_in_ns(queue, mbufs, kept);
        if (likely(kept != 0) || in_a_row >= PYD_MALFORMED_IN_A_ROW)
            return kept;
        n = pyd_queue_receive(queue, mbufs, burst->size);
    } while (n != 0);
    return 0;
}

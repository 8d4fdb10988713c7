/* SPDX-License-Identifier: BSD-3-Clause */
/* rte_eth_rx_burst and rte_eth_tx_burst behind the gates of their queue and burst. Inline, as the
 * entries of the heap types then call the driver at once; all others call pyd_rx and pyd_tx. */
#ifndef PYD_POLL_INLINE_H
#define PYD_POLL_INLINE_H

#include "ethdev/receive.h"

/* -ENETDOWN means a stopped port; -EBADF, a closed burst. */
static inline int
pyd_queue_enter(struct pyd_queue *queue)
{
    int ret = pyd_pass_alone(&queue->gate);

    return unlikely(ret == PYD_SHUT) ? -ENETDOWN : unlikely(ret != 0) ? -EALREADY : 0;
}

static inline int
pyd_poll_rx(struct pyd_queue *queue, struct pyd_burst *burst)
{
    int ret = unlikely(queue->is_tx) ? -EINVAL : pyd_burst_enter_empty(burst);

    if (unlikely(ret != 0))
        return ret;
    ret = pyd_queue_enter(queue);
    if (likely(ret == 0)) {
        ret = pyd_receive(queue, burst);
        pyd_unpass_alone(&queue->gate);
    }
    return pyd_burst_leave_with(burst, ret);
}

/* With `drop`, what the port did not take is freed and counted. */
static __rte_always_inline int
pyd_poll_tx_or(struct pyd_queue *queue, struct pyd_burst *burst, int drop)
{
    int ret = unlikely(!queue->is_tx) ? -EINVAL : pyd_burst_enter(burst);

    if (unlikely(ret != 0))
        return ret;
    ret = pyd_queue_enter(queue);
    if (likely(ret == 0)) {
        ret = burst->n == 0 ? 0 : pyd_queue_send(queue, burst);
        if (drop && burst->n != 0)
            queue->dropped += pyd_burst_empty(burst);
        pyd_unpass_alone(&queue->gate);
    }
    return pyd_burst_leave_with(burst, ret);
}

static inline int
pyd_poll_tx(struct pyd_queue *queue, struct pyd_burst *burst)
{
    return pyd_poll_tx_or(queue, burst, 0);
}

#endif

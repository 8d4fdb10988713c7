/* SPDX-License-Identifier: BSD-3-Clause */
/* Receive from and send to drivers of the kernel's interfaces, and do what these leave undone. */
#ifndef PYD_BORDER_INLINE_H
#define PYD_BORDER_INLINE_H

#include "burst/burst.h"

uint16_t pyd_border_rx(struct pyd_queue *queue, struct rte_mbuf **mbufs, uint32_t n) __rte_cold;
uint32_t pyd_border_tx(struct pyd_border *border, struct pyd_burst *burst) __rte_cold;
void pyd_drop_long(struct pyd_queue *queue, struct pyd_burst *burst) __rte_cold;
int pyd_finish_sum(struct rte_mbuf *m, int is_known);

/* One load for ports without a border: nearly all. */
static inline uint16_t
pyd_queue_receive(struct pyd_queue *queue, struct rte_mbuf **mbufs, uint32_t n)
{
    if (likely(queue->border == NULL))
        return rte_eth_rx_burst(queue->port_id, queue->queue_id, mbufs, n);
    return pyd_border_rx(queue, mbufs, n);
}

/* Send the mbufs of the burst; it owns those that were not sent. */
static inline uint16_t
pyd_queue_send(struct pyd_queue *queue, struct pyd_burst *burst)
{
    uint16_t n;

    if (unlikely(queue->longest != 0))
        pyd_drop_long(queue, burst);
    if (unlikely(queue->border != NULL) && pyd_border_tx(queue->border, burst) == 0)
        return 0;
    n = rte_eth_tx_burst(queue->port_id, queue->queue_id, burst->storage->mbufs, burst->n);
    queue->packets += n;
    pyd_burst_sent(burst, n);
    return n;
}

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
/* rte_eth_rx_burst and rte_eth_tx_burst behind the gates of their queue and burst. */
#include "ethdev/malformed.h"
#include "ethdev/poll.h"

int
pyd_queue_shut(struct pyd_queue *queue)
{
    return pyd_shut(&queue->gate);
}

/* Free the packets in a queue that is shut, while its port still runs. */
void
pyd_queue_drain(struct pyd_queue *queue)
{
    struct rte_mbuf *mbufs[64];
    uint16_t n;

    if (pyd_critical_enter() != 0)
        return;
    do {
        n = rte_eth_rx_burst(queue->port_id, queue->queue_id, mbufs, RTE_DIM(mbufs));
        rte_pktmbuf_free_bulk(mbufs, pyd_admit_foreign(mbufs, n, &queue->malformed));
    } while (n != 0);
    pyd_critical_exit();
}

int
pyd_rx(struct pyd_queue *queue, struct pyd_burst *burst)
{
    return pyd_poll_rx(queue, burst);
}

int
pyd_tx(struct pyd_queue *queue, struct pyd_burst *burst)
{
    return pyd_poll_tx(queue, burst);
}

int
pyd_tx_drop(struct pyd_queue *queue, struct pyd_burst *burst)
{
    return pyd_poll_tx_or(queue, burst, 1);
}

static inline int
forward(struct pyd_queue *rx, struct pyd_queue *tx, struct pyd_burst *burst, int mode)
{
    const uint32_t n = pyd_receive(rx, burst);

    if (n == 0)
        return 0;
    if (mode == PYD_FORWARD_MACSWAP)
        pyd_swap_macs(burst->storage->mbufs, n);
    pyd_queue_send(tx, burst);
    if (unlikely(burst->n != 0))
        tx->dropped += pyd_burst_empty(burst);
    return n;
}

/* One hop, with the burst entered. */
static inline int
serve(struct pyd_queue *rx, struct pyd_queue *tx, struct pyd_burst *burst, int mode)
{
    int ret;

    if (unlikely(rx->is_tx || !tx->is_tx || mode < PYD_FORWARD_IO || mode > PYD_FORWARD_MACSWAP))
        return -EINVAL;
    ret = pyd_queue_enter(rx);
    if (likely(ret == 0)) {
        ret = pyd_queue_enter(tx);
        if (likely(ret == 0)) {
            ret = forward(rx, tx, burst, mode);
            pyd_unpass_alone(&tx->gate);
        }
        pyd_unpass_alone(&rx->gate);
    }
    return ret;
}

/* Every hop once: receive, send on, free what the port did not take. Stops at the first error. A
 * hop leaves the burst empty, so it is entered once for all hops. */
int
pyd_forward_round(struct pyd_round *round)
{
    struct pyd_burst *burst = round->burst;
    uint32_t i, total;
    int ret = pyd_burst_enter_empty(burst);

    if (unlikely(ret != 0))
        return ret;
    total = round->came;
    for (i = round->served; i < round->n; i++) {
        ret = serve(round->hops[i].rx, round->hops[i].tx, burst, round->mode);
        if (unlikely(ret < 0))
            break;
        total += ret;
    }
    round->served = ret < 0 ? i : 0;
    round->came = ret < 0 ? total : 0;
    return pyd_burst_leave_with(burst, ret < 0 ? ret : (int)total);
}

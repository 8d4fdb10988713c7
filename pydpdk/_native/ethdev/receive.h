/* SPDX-License-Identifier: BSD-3-Clause */
/* Receive from a queue: only packets whose lengths and segments are sound. */
#ifndef PYD_RECEIVE_INLINE_H
#define PYD_RECEIVE_INLINE_H

#include "ethdev/border.h"

uint32_t pyd_admit_received(struct pyd_queue *queue, struct pyd_burst *burst, uint32_t n)
    __attribute__((cold));

/* Receive into a burst that is empty and entered. */
static inline uint32_t
pyd_receive(struct pyd_queue *queue, struct pyd_burst *burst)
{
    uint32_t n = pyd_queue_receive(queue, burst->storage->mbufs, burst->size);

    if (unlikely(queue->check != PYD_CHECK_NONE) && n != 0)
        n = pyd_admit_received(queue, burst, n);
    queue->packets += n;
    pyd_burst_holds(burst, n);
    return n;
}

#endif

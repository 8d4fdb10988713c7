/* SPDX-License-Identifier: BSD-3-Clause */
/* A queue from callbacks of DPDK to a reader in Python. They run under DPDK's locks, or on the
 * thread that serves its requests, so they wait for nobody: an item is copied into libc memory, and
 * an eventfd wakes the reader. An item that finds no room is counted and dropped. */
#ifndef PYD_INBOX_INLINE_H
#define PYD_INBOX_INLINE_H

#include <pthread.h>
#include <stdint.h>

struct pyd_inbox_item;

/* `cost`: of all items, in a unit of the caller's; `cost_max` is the most. */
struct pyd_inbox {
    pthread_mutex_t lock;
    struct pyd_inbox_item *first, *last;
    uint32_t n, n_max;
    uint32_t cost, cost_max;
    uint64_t lost;
    int wake;
};

int pyd_inbox_open(struct pyd_inbox *inbox);
void pyd_inbox_close(struct pyd_inbox *inbox);
int pyd_inbox_put(struct pyd_inbox *inbox, const void *data, uint32_t len, uint32_t cost);
void pyd_inbox_lose(struct pyd_inbox *inbox);
int pyd_inbox_take(struct pyd_inbox *inbox, void *data);
uint32_t pyd_inbox_take_many(struct pyd_inbox *inbox, void *data, uint32_t len, uint32_t room);
uint64_t pyd_inbox_lost(struct pyd_inbox *inbox);

#endif

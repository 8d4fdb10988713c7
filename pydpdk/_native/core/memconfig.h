/* SPDX-License-Identifier: BSD-3-Clause */
/* DPDK's shared configuration as it lies in memory: all locks, heaps and lists. DPDK exports no
 * access to it; what is found is checked against public values. */
#ifndef PYD_MEMCONFIG_INLINE_H
#define PYD_MEMCONFIG_INLINE_H

#include <sys/queue.h>

#include <rte_fbarray.h>
#include <rte_rwlock.h>
#include <rte_spinlock.h>
#include <rte_tailq.h>

#include "pyd.h"

#define PYD_FREE_LISTS 13

enum { PYD_ELEM_FREE, PYD_ELEM_BUSY };

struct pyd_heap;

/* The head of a heap block: the next block begins where this one ends. */
struct pyd_elem {
    struct pyd_heap *heap;
    struct pyd_elem *volatile prev;
    struct pyd_elem *volatile next;
    LIST_ENTRY(pyd_elem) free_list;
    struct rte_memseg_list *msl;
    uint32_t state : 3;
    uint32_t dirty : 1; /* of a free block: it is not all zeros */
    uint32_t unused : 28;
    uint32_t pad;
    size_t size;
    struct pyd_elem *orig_elem;
    size_t orig_size;
} __attribute__((aligned(RTE_CACHE_LINE_SIZE)));

struct pyd_heap {
    rte_spinlock_t lock;
    LIST_HEAD(, pyd_elem) free_head[PYD_FREE_LISTS];
    struct pyd_elem *volatile first;
    struct pyd_elem *volatile last;
    unsigned int alloc_count;
    unsigned int socket_id;
    size_t total_size;
    char name[32];
} __attribute__((aligned(RTE_CACHE_LINE_SIZE)));

struct pyd_memconfig {
    volatile uint32_t magic;
    uint32_t version;
    uint32_t nchannel;
    uint32_t nrank;
    rte_rwlock_t mlock;
    rte_rwlock_t qlock;
    rte_rwlock_t mplock;
    rte_spinlock_t tlock;
    PYD_ETHDEV_LOCK
    rte_rwlock_t memory_hotplug_lock;
    uint8_t mp_status;
    struct rte_fbarray memzones;
    struct rte_memseg_list memsegs[RTE_MAX_MEMSEG_LISTS];
    struct rte_tailq_head tailq_head[RTE_MAX_TAILQ];
    struct pyd_heap heaps[RTE_MAX_HEAPS];
    int next_socket_id;
    uint64_t mem_cfg_addr;
};

/* NULL: this memory is not shared, or its layout is not the one we know. */
struct pyd_memconfig *pyd_memconfig(void);
int pyd_memconfig_unshare(struct pyd_memconfig *config, void (*change)(struct pyd_memconfig *));

/* A heap that a dead process had locked, with the lock still held: 0, or -1 where it cannot be
 * recovered. */
int pyd_rebuild_heap(struct pyd_memconfig *config, struct pyd_heap *heap);
int pyd_check_memzones(struct pyd_memconfig *config);
int pyd_check_tailqs(struct pyd_memconfig *config);
int pyd_pages_differ(const struct pyd_memconfig *config);

#endif

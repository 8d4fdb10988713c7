/* SPDX-License-Identifier: BSD-3-Clause */
/* Where everything lies, read under the lock that keeps it from being freed meanwhile: a primary
 * that we look at goes on allocating. Nothing here allocates in DPDK's memory. */
#include <stdlib.h>

#include <rte_eal_memconfig.h>
#include <rte_stack.h>
#include <rte_tailq.h>

#include "ring/ring.h"

TAILQ_HEAD(tailq_entries, rte_tailq_entry);

/* A pool leaves this list before its memory is freed, so the lock keeps it readable. */
static struct tailq_entries *
lock_pools(void)
{
    struct rte_tailq_head *head = rte_eal_tailq_lookup("RTE_MEMPOOL");

    if (head == NULL)
        return NULL;
    rte_mcfg_tailq_read_lock();
    return (struct tailq_entries *)&head->tailq_head;
}

static int
lies_in(const struct rte_mempool *mp, const char *prefix, size_t size)
{
    const struct rte_memzone *mz;
    char name[RTE_MEMZONE_NAMESIZE];

    if (snprintf(name, sizeof(name), "%s%s", prefix, mp->name) >= (int)sizeof(name))
        return 0;
    mz = rte_memzone_lookup(name);
    return mz != NULL && mz->addr == mp->pool_data && mz->len >= size;
}

/* The free objects of a pool that are in no lcore's cache. Rings and stacks are recognised by their
 * memzone; ops are called only in the primary, as their index refers to its own table. */
static void
count_common(struct rte_mempool *mp, struct pyd_explored_pool *entry, const uint32_t *caches)
{
    unsigned int i;

    if (lies_in(mp, "RG_MP_", sizeof(struct rte_ring))) {
        entry->kind = PYD_POOL_RING;
        entry->common = rte_ring_count(mp->pool_data);
    } else if (lies_in(mp, "STK_MP_", sizeof(struct rte_stack))) {
        entry->kind = PYD_POOL_STACK;
        entry->common = rte_stack_count(mp->pool_data);
    } else {
        entry->kind = PYD_POOL_OTHER;
        entry->common = -1;
        if (rte_eal_process_type() != RTE_PROC_PRIMARY || mp->populated_size == 0)
            return;
        entry->common = rte_mempool_avail_count(mp);
        for (i = 0; i < RTE_MAX_LCORE; i++)
            entry->common -= RTE_MIN(caches[i], (uint32_t)entry->common);
    }
}

static void
describe_pool(struct rte_mempool *mp, struct pyd_explored_pool *entry, uint32_t *caches)
{
    snprintf(entry->name, sizeof(entry->name), "%s", mp->name);
    entry->addr = (uintptr_t)mp;
    entry->pool_data = (uintptr_t)mp->pool_data;
    entry->size = mp->populated_size;
    entry->elt_size = mp->elt_size;
    entry->total_size = mp->header_size + mp->elt_size + mp->trailer_size;
    entry->cache_size = mp->cache_size;
    entry->socket_id = mp->socket_id;
    entry->is_pktmbuf = pyd_pool_is_pktmbuf(mp);
    pyd_pool_caches(mp, caches, RTE_MAX_LCORE);
    count_common(mp, entry, caches);
}

unsigned int
pyd_explore_pools(struct pyd_explored_pool *rows, uint32_t *caches, unsigned int room)
{
    struct tailq_entries *pools = lock_pools();
    struct rte_tailq_entry *entry;
    unsigned int n = 0;

    if (pools == NULL)
        return 0;
    TAILQ_FOREACH(entry, pools, next) {
        if (n < room)
            describe_pool(entry->data, &rows[n], &caches[(size_t)n * RTE_MAX_LCORE]);
        n++;
    }
    rte_mcfg_tailq_read_unlock();
    return n;
}

unsigned int
pyd_explore_chunks(struct pyd_explored_chunk *rows, unsigned int room)
{
    struct tailq_entries *pools = lock_pools();
    struct rte_tailq_entry *entry;
    struct rte_mempool_memhdr *chunk;
    unsigned int n = 0;

    if (pools == NULL)
        return 0;
    TAILQ_FOREACH(entry, pools, next) {
        struct rte_mempool *mp = entry->data;

        STAILQ_FOREACH(chunk, &mp->mem_list, next) {
            if (n < room)
                rows[n] = (struct pyd_explored_chunk){
                    (uintptr_t)mp, (uintptr_t)chunk->addr, chunk->iova, chunk->len,
                };
            n++;
        }
    }
    rte_mcfg_tailq_read_unlock();
    return n;
}

struct found {
    struct pyd_explored_ring *rows;
    unsigned int room;
    unsigned int n;
};

static void
ring(const struct rte_memzone *mz, void *arg)
{
    const struct rte_ring *r = pyd_ring_in(mz);
    struct found *found = arg;
    struct pyd_explored_ring *entry;

    if (r == NULL)
        return;
    if (found->n < found->room) {
        entry = &found->rows[found->n];
        snprintf(entry->name, sizeof(entry->name), "%s", r->name);
        entry->addr = (uintptr_t)r;
        entry->size = r->size;
        entry->capacity = r->capacity;
        entry->count = rte_ring_count(r);
        entry->flags = r->flags;
    }
    found->n++;
}

unsigned int
pyd_explore_rings(struct pyd_explored_ring *rows, unsigned int room)
{
    struct found found = {rows, room, 0};

    rte_memzone_walk(ring, &found);
    return found.n;
}

/* Every element of every malloc heap, as DPDK prints it (the same text from 22.11 to 25.11): the
 * heap's lock is held for about a microsecond per element. NULL: no memory for the text. */
char *
pyd_explore_heaps(void)
{
    char *text = NULL;
    size_t size = 0;
    FILE *sink = open_memstream(&text, &size);

    if (sink == NULL)
        return NULL;
    rte_malloc_dump_heaps(sink);
    if (fclose(sink) != 0) {
        free(text);
        return NULL;
    }
    return text;
}

void
pyd_explore_release(char *text)
{
    free(text);
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* Reclaim what dead processes certainly held: the caches of their lcores, and the mbufs in their
 * bursts. Anything else may be with a port or a program whose memory we cannot read. */
#include <stdlib.h>

#include "core/numbers.h"
#include "recovery/recover.h"

/* A process in this state that has the lcore; -1: there is none. */
static int
find_user(const struct pyd_snapshot *snapshot, uint32_t lcore, uint8_t state)
{
    int i;

    for (i = 0; i < PYD_MAX_PROCESSES; i++)
        if (snapshot->state[i] == state &&
            snapshot->table->processes[i].lcores[lcore / 64] >> (lcore % 64) & 1)
            return i;
    return -1;
}

/* If a call died, the cache's length may not match its objects: then only mark and sweep can find
 * their owners. */
static void
empty_cache(struct pyd_snapshot *snapshot, uint32_t pool, uint32_t lcore, int was_inside, int keep)
{
    struct rte_mempool *mp = snapshot->pools[pool];
    struct rte_mempool_cache *cache = &mp->local_cache[lcore];
    const uint32_t n = RTE_MIN(cache->len, (uint32_t)RTE_DIM(cache->objs));
    struct pyd_recovered *entry = &snapshot->found[pool];

    if (n == 0)
        return;
    if (keep && (was_inside || rte_mempool_ops_enqueue_bulk(mp, cache->objs, n) != 0))
        entry->in_doubt += n;
    else if (keep)
        entry->returned += n;
    cache->len = 0;
}

static void
empty_caches(struct pyd_snapshot *snapshot, int keep)
{
    uint32_t lcore, i;

    for (lcore = 0; lcore < RTE_MAX_LCORE; lcore++) {
        const int dead = find_user(snapshot, lcore, PYD_DEAD);

        if (dead < 0 || find_user(snapshot, lcore, PYD_LIVING) >= 0)
            continue;
        for (i = 0; i < snapshot->n_pools; i++)
            if (snapshot->pools[i]->cache_size != 0)
                empty_cache(snapshot, i, lcore, snapshot->was_inside[dead],
                            keep || !snapshot->sweeps[i]);
    }
}

/* Before mark and sweep, which finds what was in the caches of each pool that it can read. */
void
pyd_empty_caches(struct pyd_snapshot *snapshot)
{
    empty_caches(snapshot, 0);
}

static void
free_burst(struct pyd_snapshot *snapshot, struct pyd_storage *storage)
{
    const uint32_t n = RTE_MIN(storage->n, storage->size);
    struct pyd_recovered *entry;
    uint32_t i;

    for (i = 0; i < n; i++) {
        entry = pyd_snapshot_find(snapshot, storage->mbufs[i]->pool);
        if (entry == NULL) {
            snapshot->out->unlisted++;
        } else if (storage->inside) {
            entry->in_doubt++;
        } else {
            rte_pktmbuf_free(storage->mbufs[i]);
            entry->returned++;
        }
    }
    storage->n = 0;
}

/* The byte of an object names its owner. It is set after a get and cleared before a put, so an
 * object with a dead process's byte is out. */
static void
take_objects(struct pyd_snapshot *snapshot, uint32_t pool)
{
    struct rte_mempool *mp = snapshot->pools[pool];
    uint64_t *objects = snapshot->scratch;
    uint8_t *owners = pyd_objects_owners(mp);
    uint32_t i, n;

    n = owners == NULL ? 0 : pyd_pool_objects(mp, objects, mp->size);
    qsort(objects, n, sizeof(*objects), pyd_compare); /* ids ascend with addresses */
    for (i = 0; i < n; i++) {
        if (!pyd_is_of_the_dead(snapshot, owners[i]))
            continue;
        owners[i] = 0;
        pyd_give_back(snapshot, pool, (void *)(uintptr_t)objects[i]);
    }
}

void
pyd_reclaim(struct pyd_snapshot *snapshot)
{
    struct pyd_storage *storage;
    uint32_t i;

    empty_caches(snapshot, 1);
    for (i = 0; i < PYD_MAX_PROCESSES; i++)
        for (storage = snapshot->table->processes[i].storage;
             snapshot->state[i] == PYD_DEAD && storage != NULL; storage = storage->next)
            free_burst(snapshot, storage);
    for (i = 0; i < snapshot->n_pools; i++)
        take_objects(snapshot, i);
}

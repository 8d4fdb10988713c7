/* SPDX-License-Identifier: BSD-3-Clause */
/* The snapshot that the phases of a recovery share: which processes live, all rings and all
 * pools. */
#include <stdlib.h>

#include "recovery/recover.h"
#include "ring/ring.h"

struct found {
    void **rows;
    uint32_t n;
    uint32_t room;
    int failed;
};

static void
add(struct found *found, void *entry)
{
    if (found->n == found->room) {
        const uint32_t room = RTE_MAX(64U, found->room * 2);
        void **rows = realloc(found->rows, room * sizeof(*rows));

        if (rows == NULL) {
            found->failed = 1;
            return;
        }
        found->rows = rows;
        found->room = room;
    }
    found->rows[found->n++] = entry;
}

static void
add_ring(const struct rte_memzone *mz, void *found)
{
    const struct rte_ring *r = pyd_ring_in(mz);

    if (r != NULL)
        add(found, mz->addr);
}

/* Skip a pool that is being made: it does not have all its objects yet; its maker does. */
static void
add_pool(struct rte_mempool *mp, void *found)
{
    if (mp->size != 0 && mp->populated_size == mp->size &&
        (uint32_t)mp->ops_index < rte_mempool_ops_table.num_ops)
        add(found, mp);
}

static void
describe_pools(struct pyd_snapshot *snapshot)
{
    uint32_t i;

    snapshot->out->n_pools = snapshot->n_pools;
    for (i = 0; i < snapshot->n_pools; i++) {
        struct pyd_recovered *entry = &snapshot->out->pools[i];

        snprintf(entry->name, sizeof(entry->name), "%s", snapshot->pools[i]->name);
        entry->address = (uintptr_t)snapshot->pools[i];
        entry->mbufs = pyd_pool_is_pktmbuf(snapshot->pools[i]);
    }
}

/* List all rings and pools: -ENOMEM, and no list, where one does not fit. With a partial list,
 * objects of the rest would look unowned. */
int
pyd_snapshot_gather(struct pyd_snapshot *snapshot)
{
    struct found rings = {0}, pools = {0};

    free(snapshot->rings);
    free(snapshot->pools);
    snapshot->n_rings = snapshot->n_pools = 0;
    rte_memzone_walk(add_ring, &rings);
    rte_mempool_walk(add_pool, &pools);
    snapshot->rings = (struct rte_ring **)rings.rows;
    snapshot->pools = (struct rte_mempool **)pools.rows;
    if (rings.failed || pools.failed)
        return -ENOMEM;
    snapshot->n_rings = rings.n;
    snapshot->n_pools = RTE_MIN(pools.n, (uint32_t)PYD_RECOVERY_ROWS);
    describe_pools(snapshot);
    return 0;
}

int
pyd_snapshot_make_room(struct pyd_snapshot *snapshot)
{
    uint32_t largest = 1, i;

    for (i = 0; i < snapshot->n_pools; i++) {
        snapshot->room += snapshot->pools[i]->size;
        largest = RTE_MAX(largest, snapshot->pools[i]->size + 1);
    }
    snapshot->objects = malloc((snapshot->room + 1) * sizeof(*snapshot->objects));
    snapshot->scratch = malloc(largest * sizeof(uint64_t));
    snapshot->ids = calloc(snapshot->n_pools + 1, sizeof(*snapshot->ids));
    return snapshot->objects == NULL || snapshot->scratch == NULL || snapshot->ids == NULL
               ? -ENOMEM
               : 0;
}

void
pyd_snapshot_free(struct pyd_snapshot *snapshot)
{
    free(snapshot->rings);
    free(snapshot->pools);
    free(snapshot->objects);
    free(snapshot->scratch);
    free(snapshot->ids);
}

struct pyd_recovered *
pyd_pool_entry(struct pyd_snapshot *snapshot, const struct rte_mempool *mp)
{
    static struct pyd_recovered lost;
    uint32_t i;

    for (i = 0; i < snapshot->n_pools; i++)
        if (snapshot->pools[i] == mp)
            return &snapshot->out->pools[i];
    return &lost;
}

/* Update which processes live. One found dead stays dead. */
void
pyd_snapshot_look(struct pyd_snapshot *snapshot)
{
    uint32_t i;

    for (i = 0; i < PYD_MAX_PROCESSES; i++) {
        const struct pyd_process *p = &snapshot->table->processes[i];
        const uint64_t pid = __atomic_load_n(&p->pid, __ATOMIC_ACQUIRE);

        if (snapshot->state[i] == PYD_DEAD)
            continue;
        snapshot->state[i] = pid == 0                             ? PYD_NOBODY
                          : pyd_process_alive(pid, p->started) ? PYD_LIVING
                                                               : PYD_DEAD;
        snapshot->was_inside[i] = snapshot->state[i] == PYD_DEAD && pyd_process_inside(p);
    }
}

int
pyd_is_of_the_dead(const struct pyd_snapshot *snapshot, uint8_t owner)
{
    return owner != 0 && owner <= PYD_MAX_PROCESSES && snapshot->state[owner - 1] == PYD_DEAD;
}

/* Whether we can read the pool and know the owner of each of its objects. */
int
pyd_sweeps(struct rte_mempool *mp)
{
    return pyd_pool_waiting(mp, NULL, 0) >= 0 &&
           (pyd_pool_is_pktmbuf(mp) || pyd_objects_owners(mp) != NULL);
}

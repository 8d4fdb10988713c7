/* SPDX-License-Identifier: BSD-3-Clause */
/* The snapshot that the phases of a recovery share: which processes live, all rings and all
 * pools. */
#include <stdlib.h>

#include "memory/walk.h"
#include "recovery/recover.h"

struct found {
    void **rows;
    uint32_t n;
    uint32_t room;
    int failed;
    const struct rte_mempool *unknown;
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
    if (mp->size == 0 || mp->populated_size != mp->size)
        return;
    if ((uint32_t)mp->ops_index < rte_mempool_ops_table.num_ops)
        add(found, mp);
    else
        ((struct found *)found)->unknown = mp;
}

/* List all rings and pools: -ENOMEM, and no list, where there is no memory for all of one. With a
 * partial list, objects of the rest would look unowned, and what they refer to would go. */
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
    snapshot->n_pools = pools.n;
    snapshot->unknown = pools.unknown;
    return 0;
}

/* Whether we can read the pool and know the owner of each of its objects. */
static int
sweeps(struct rte_mempool *mp)
{
    return pyd_pool_waiting(mp, NULL, 0) >= 0 &&
           (pyd_pool_is_pktmbuf(mp) || pyd_objects_owners(mp) != NULL);
}

static void
describe_pools(struct pyd_snapshot *snapshot)
{
    uint32_t i;

    for (i = 0; i < snapshot->n_pools; i++) {
        struct pyd_recovered *entry = &snapshot->found[i];

        snprintf(entry->name, sizeof(entry->name), "%s", snapshot->pools[i]->name);
        entry->address = (uintptr_t)snapshot->pools[i];
        entry->mbufs = pyd_pool_is_pktmbuf(snapshot->pools[i]);
        snapshot->sweeps[i] = sweeps(snapshot->pools[i]);
    }
}

/* Allocate all that the phases need: -ENOMEM where that fails, before they have begun. */
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
    snapshot->sweeps = calloc(snapshot->n_pools + 1, sizeof(*snapshot->sweeps));
    snapshot->found = calloc(snapshot->n_pools + 1, sizeof(*snapshot->found));
    if (snapshot->objects == NULL || snapshot->scratch == NULL || snapshot->ids == NULL ||
        snapshot->sweeps == NULL || snapshot->found == NULL)
        return -ENOMEM;
    describe_pools(snapshot);
    return 0;
}

void
pyd_snapshot_free(struct pyd_snapshot *snapshot)
{
    free(snapshot->rings);
    free(snapshot->pools);
    free(snapshot->objects);
    free(snapshot->scratch);
    free(snapshot->ids);
    free(snapshot->sweeps);
    free(snapshot->found);
}

/* NULL for a pool that is not listed: it is being made, or its ops are unknown here. */
struct pyd_recovered *
pyd_snapshot_find(struct pyd_snapshot *snapshot, const struct rte_mempool *mp)
{
    uint32_t i;

    for (i = 0; i < snapshot->n_pools; i++)
        if (snapshot->pools[i] == mp)
            return &snapshot->found[i];
    return NULL;
}

/* Past the caches, which may be of dead processes. */
void
pyd_give_back(struct pyd_snapshot *snapshot, uint32_t pool, void *object)
{
    if (rte_mempool_ops_enqueue_bulk(snapshot->pools[pool], &object, 1) == 0)
        snapshot->found[pool].returned++;
    else
        snapshot->found[pool].in_doubt++;
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

/* Whether the port's driver keeps mbufs between two calls. The listed ones keep none, or (net_ring)
 * keep them in rings. */
static int
keeps_mbufs(uint16_t port_id, char *name, uint32_t room)
{
    static const char *const none[] = {"net_null", "net_ring", "net_pcap", "net_af_packet"};
    struct rte_eth_dev_info info;
    uint32_t i;

    if (rte_eth_dev_info_get(port_id, &info) != 0 || info.driver_name == NULL)
        return 0;
    if (info.nb_rx_queues == 0 && info.nb_tx_queues == 0)
        return 0;
    for (i = 0; i < RTE_DIM(none); i++)
        if (strcmp(info.driver_name, none[i]) == 0)
            return 0;
    snprintf(name, room, "port %u (%s)", port_id, info.driver_name);
    return 1;
}

static int
ports_keep_mbufs(char *name, uint32_t room)
{
    uint16_t port_id;

    RTE_ETH_FOREACH_DEV(port_id)
        if (keeps_mbufs(port_id, name, room))
            return 1;
    return 0;
}

/* Whether mbufs may be where no list shows them: `name` says where. */
int
pyd_is_any_hidden(const struct pyd_snapshot *snapshot, char *name, uint32_t room)
{
    if (snapshot->unknown == NULL)
        return ports_keep_mbufs(name, room);
    snprintf(name, room, "pool %s, whose ops are unknown here,", snapshot->unknown->name);
    return 1;
}

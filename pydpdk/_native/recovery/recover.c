/* SPDX-License-Identifier: BSD-3-Clause */
/* Recovery from dead processes, in the primary: see docs/processes.md, Crashes. */
#include <stdlib.h>

#include "core/safepoint.h"
#include "recovery/recover.h"
#include "ring/ring.h"

struct found {
    void **rows;
    uint32_t n;
    uint32_t room;
    int failed;
};

static void
add(struct found *found, void *row)
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
    found->rows[found->n++] = row;
}

static void
add_ring(const struct rte_memzone *mz, void *found)
{
    const struct rte_ring *r = pyd_ring_in(mz);

    if (r != NULL)
        add(found, mz->addr);
}

/* A pool that is being made does not have all its objects yet, and its maker has them. */
static void
add_pool(struct rte_mempool *mp, void *found)
{
    if (mp->size != 0 && mp->populated_size == mp->size &&
        (uint32_t)mp->ops_index < rte_mempool_ops_table.num_ops)
        add(found, mp);
}

static void
describe_pools(struct pyd_world *world)
{
    uint32_t i;

    world->out->n_pools = world->n_pools;
    for (i = 0; i < world->n_pools; i++) {
        struct pyd_recovered *row = &world->out->pools[i];

        snprintf(row->name, sizeof(row->name), "%s", world->pools[i]->name);
        row->address = (uintptr_t)world->pools[i];
        row->mbufs = pyd_pool_is_pktmbuf(world->pools[i]);
    }
}

/* List all rings and pools: -ENOMEM, and no list, where one was left out. In a part of them others
 * would look as if nobody had them. */
int
pyd_world_gather(struct pyd_world *world)
{
    struct found rings = {0}, pools = {0};

    free(world->rings);
    free(world->pools);
    world->n_rings = world->n_pools = 0;
    rte_memzone_walk(add_ring, &rings);
    rte_mempool_walk(add_pool, &pools);
    world->rings = (struct rte_ring **)rings.rows;
    world->pools = (struct rte_mempool **)pools.rows;
    if (rings.failed || pools.failed)
        return -ENOMEM;
    world->n_rings = rings.n;
    world->n_pools = RTE_MIN(pools.n, (uint32_t)PYD_RECOVERY_ROWS);
    describe_pools(world);
    return 0;
}

static int
make_room(struct pyd_world *world)
{
    uint32_t largest = 1, i;

    for (i = 0; i < world->n_pools; i++) {
        world->room += world->pools[i]->size;
        largest = RTE_MAX(largest, world->pools[i]->size + 1);
    }
    world->objects = malloc((world->room + 1) * sizeof(*world->objects));
    world->scratch = malloc(largest * sizeof(uint64_t));
    world->ids = calloc(world->n_pools + 1, sizeof(*world->ids));
    return world->objects == NULL || world->scratch == NULL || world->ids == NULL ? -ENOMEM : 0;
}

static void
release_room(struct pyd_world *world)
{
    free(world->rings);
    free(world->pools);
    free(world->objects);
    free(world->scratch);
    free(world->ids);
}

struct pyd_recovered *
pyd_pool_entry(struct pyd_world *world, const struct rte_mempool *mp)
{
    static struct pyd_recovered lost;
    uint32_t i;

    for (i = 0; i < world->n_pools; i++)
        if (world->pools[i] == mp)
            return &world->out->pools[i];
    return &lost;
}

/* Who lives. Who has been found dead stays so. */
void
pyd_world_look(struct pyd_world *world)
{
    uint32_t i;

    for (i = 0; i < PYD_MAX_PROCESSES; i++) {
        const struct pyd_process *p = &world->table->processes[i];
        const uint64_t pid = __atomic_load_n(&p->pid, __ATOMIC_ACQUIRE);

        if (world->state[i] == PYD_DEAD)
            continue;
        world->state[i] = pid == 0                             ? PYD_NOBODY
                          : pyd_process_alive(pid, p->started) ? PYD_LIVING
                                                               : PYD_DEAD;
        world->was_inside[i] = world->state[i] == PYD_DEAD && pyd_process_inside(p);
    }
}

/* A port whose driver keeps mbufs between two calls. These keep none, or, net_ring, in rings. */
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
ports_keep_mbufs(struct pyd_recovery *out)
{
    uint16_t port_id;

    RTE_ETH_FOREACH_DEV(port_id)
        if (keeps_mbufs(port_id, out->holds_mbufs, sizeof(out->holds_mbufs)))
            return 1;
    return 0;
}

static void
count_gone(struct pyd_world *world)
{
    uint32_t i;

    for (i = 0; i < PYD_MAX_PROCESSES; i++)
        if (world->state[i] == PYD_DEAD)
            world->out->gone[world->out->n_gone++] = (struct pyd_gone){
                .pid = world->table->processes[i].pid, .inside = world->was_inside[i],
            };
}

/* With the world paused. A foreign program may be inside anything, so rings stay as they are. */
static int
repair(struct pyd_world *world, int foreign)
{
    struct pyd_recovery *out = world->out;
    int ret = 0;

    out->exact = !foreign && !ports_keep_mbufs(out);
    if (!foreign) {
        pyd_roll_back_rings(world);
        pyd_relink_stacks(world);
    }
    if (out->exact) {
        pyd_empty_caches(world);
        ret = pyd_sweep(world);
    } else {
        pyd_reclaim(world);
    }
    world->table->doubt = ret != 0 || (!out->exact && out->n_gone != 0) ||
                           (world->table->doubt && !out->exact);
    return ret;
}

/* Their memory, after which their places are free. */
static void
remove(struct pyd_world *world)
{
    uint32_t i;

    for (i = 0; i < PYD_MAX_PROCESSES; i++) {
        struct pyd_process *p = &world->table->processes[i];

        if (world->state[i] != PYD_DEAD)
            continue;
        pyd_process_clear(p);
        __atomic_store_n(&p->pid, 0, __ATOMIC_RELEASE);
    }
}

static uint64_t
now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* 0; -EBUSY where somebody stays inside (out->culprit), -ENOMEM: nothing was changed; -ENOTSUP in a
 * secondary.
 * `foreign`: programs that are not ours share the memory. `everything`: sweep although nobody
 * died, for what an earlier recovery left in doubt. */
int
pyd_recover(struct pyd_recovery *out, int foreign, int everything, uint32_t timeout_ms)
{
    struct pyd_world world = {.table = pyd_process_table(), .out = out};
    uint64_t start;
    int ret, ready;

    if (world.table == NULL || rte_eal_process_type() != RTE_PROC_PRIMARY)
        return -ENOTSUP;
    pyd_world_look(&world);
    if (!everything && !world.table->doubt &&
        memchr(world.state, PYD_DEAD, sizeof(world.state)) == NULL)
        return 0;
    start = now_ns();
    ret = pyd_stop_world(&world, timeout_ms, &out->culprit);
    if (ret == 0) {
        ready = pyd_world_gather(&world) == 0 && make_room(&world) == 0;
        if (ready) {
            count_gone(&world);
            ret = repair(&world, foreign);
        }
        pyd_resume_world(&world);
        out->stopped_ns = now_ns() - start;
        if (!ready)
            ret = -ENOMEM;
        else
            remove(&world);
    }
    release_room(&world);
    return ret;
}

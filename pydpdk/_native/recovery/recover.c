/* SPDX-License-Identifier: BSD-3-Clause */
/* Recovery from dead processes, in the primary: see docs/processes.md, Crashes. */
#include <stdlib.h>

#include "core/clock.h"
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

static int
make_room(struct pyd_snapshot *snapshot)
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

static void
release_room(struct pyd_snapshot *snapshot)
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
ports_keep_mbufs(struct pyd_recovery *out)
{
    uint16_t port_id;

    RTE_ETH_FOREACH_DEV(port_id)
        if (keeps_mbufs(port_id, out->holds_mbufs, sizeof(out->holds_mbufs)))
            return 1;
    return 0;
}

static void
count_gone(struct pyd_snapshot *snapshot)
{
    uint32_t i;

    for (i = 0; i < PYD_MAX_PROCESSES; i++)
        if (snapshot->state[i] == PYD_DEAD)
            snapshot->out->gone[snapshot->out->n_gone++] = (struct pyd_gone){
                .pid = snapshot->table->processes[i].pid, .inside = snapshot->was_inside[i],
            };
}

/* With the world stopped. A foreign program may be inside any call: then rings stay as they are. */
static int
run_recovery(struct pyd_snapshot *snapshot, int foreign)
{
    struct pyd_recovery *out = snapshot->out;
    int ret = 0;

    out->exact = !foreign && !ports_keep_mbufs(out);
    if (!foreign) {
        pyd_roll_back_rings(snapshot);
        pyd_relink_stacks(snapshot);
    }
    if (out->exact) {
        pyd_empty_caches(snapshot);
        ret = pyd_sweep(snapshot);
    } else {
        pyd_reclaim(snapshot);
    }
    snapshot->table->doubt = ret != 0 || (!out->exact && out->n_gone != 0) ||
                           (snapshot->table->doubt && !out->exact);
    return ret;
}

/* Free their memory, then their entries. */
static void
remove_dead(struct pyd_snapshot *snapshot)
{
    uint32_t i;

    for (i = 0; i < PYD_MAX_PROCESSES; i++) {
        struct pyd_process *p = &snapshot->table->processes[i];

        if (snapshot->state[i] != PYD_DEAD)
            continue;
        pyd_process_clear(p);
        __atomic_store_n(&p->pid, 0, __ATOMIC_RELEASE);
    }
}

/* 0; -EBUSY where a thread stays inside (out->culprit), -ENOMEM: nothing was changed; -ENOTSUP in a
 * secondary.
 * `foreign`: programs other than pydpdk share the memory. `everything`: mark and sweep although no
 * process died, for what an earlier recovery left in doubt. */
int
pyd_recover(struct pyd_recovery *out, int foreign, int everything, uint32_t timeout_ms)
{
    struct pyd_snapshot snapshot = {.table = pyd_process_table(), .out = out};
    uint64_t start;
    int ret, ready;

    if (snapshot.table == NULL || rte_eal_process_type() != RTE_PROC_PRIMARY)
        return -ENOTSUP;
    pyd_snapshot_look(&snapshot);
    if (!everything && !snapshot.table->doubt &&
        memchr(snapshot.state, PYD_DEAD, sizeof(snapshot.state)) == NULL)
        return 0;
    start = pyd_now_ns();
    ret = pyd_stop_world(&snapshot, timeout_ms, &out->culprit);
    if (ret == 0) {
        ready = pyd_snapshot_gather(&snapshot) == 0 && make_room(&snapshot) == 0;
        if (ready) {
            count_gone(&snapshot);
            ret = run_recovery(&snapshot, foreign);
        }
        pyd_resume_world(&snapshot);
        out->stopped_ns = pyd_now_ns() - start;
        if (!ready)
            ret = -ENOMEM;
        else
            remove_dead(&snapshot);
    }
    release_room(&snapshot);
    return ret;
}

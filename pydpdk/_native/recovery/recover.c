/* SPDX-License-Identifier: BSD-3-Clause */
/* Recovery from dead processes, in the primary: see docs/recovery.md. */
#include <stdlib.h>

#include "core/clock.h"
#include "core/safepoint.h"
#include "recovery/recover.h"

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

    out->exact =
        !foreign && !pyd_is_any_hidden(snapshot, out->holds_mbufs, sizeof(out->holds_mbufs));
    if (!foreign) {
        pyd_roll_back_rings(snapshot);
        pyd_relink_stacks(snapshot);
    }
    if (out->exact) {
        pyd_empty_caches(snapshot);
        ret = pyd_sweep(snapshot, NULL);
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
    pyd_process_count(snapshot->table);
}

/* The list of pools now belongs to the caller. */
static void
report(struct pyd_snapshot *snapshot)
{
    snapshot->out->n_pools = snapshot->n_pools;
    snapshot->out->pools = snapshot->found;
    snapshot->found = NULL;
}

void
pyd_recovery_free(struct pyd_recovery *out)
{
    free(out->pools);
    out->pools = NULL;
    out->n_pools = 0;
}

/* 0; -EBUSY where a thread stays inside (out->culprit), -ENOMEM: nothing was changed but what
 * pyd_release had to, which `undone` lists; -ENOTSUP in a secondary.
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
        ready = pyd_snapshot_gather(&snapshot) == 0 && pyd_snapshot_make_room(&snapshot) == 0;
        if (ready) {
            count_gone(&snapshot);
            ret = run_recovery(&snapshot, foreign);
        }
        pyd_resume_world(&snapshot);
        out->stopped_ns = pyd_now_ns() - start;
        if (ready) {
            remove_dead(&snapshot);
            report(&snapshot);
        } else {
            ret = -ENOMEM;
        }
    }
    pyd_snapshot_free(&snapshot);
    return ret;
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* Take back the mbufs that a driver kept when its port was closed: AF_XDP leaves some with the
 * kernel. */
#include "recovery/recover.h"

static int
is_any_dead(const struct pyd_snapshot *snapshot)
{
    return memchr(snapshot->state, PYD_DEAD, sizeof(snapshot->state)) != NULL;
}

static int
take_back(struct pyd_snapshot *snapshot, struct rte_mempool *mp)
{
    const struct pyd_recovered *entry;
    char name[64];
    int ret;

    if (is_any_dead(snapshot))
        return -EAGAIN;
    if (pyd_snapshot_gather(snapshot) != 0 || pyd_snapshot_make_room(snapshot) != 0)
        return -ENOMEM;
    if (pyd_is_any_hidden(snapshot, name, sizeof(name)))
        return -EAGAIN;
    entry = pyd_snapshot_find(snapshot, mp);
    if (entry == NULL)
        return -ENOENT;
    ret = pyd_sweep(snapshot, mp);
    return ret == 0 ? (int)entry->returned : ret;
}

/* Give back the mbufs of a pool that no pool, ring or burst has; all else stays as it is. Returns
 * how many. -EAGAIN: another port, or a process that died, may have them; -EBUSY: a thread stays
 * inside a call. Nothing was done then. */
int
pyd_take_back(struct rte_mempool *mp, uint32_t timeout_ms)
{
    struct pyd_snapshot snapshot = {.table = pyd_process_table()};
    uint64_t culprit;
    int ret;

    if (snapshot.table == NULL || rte_eal_process_type() != RTE_PROC_PRIMARY)
        return -ENOTSUP;
    ret = pyd_stop_world(&snapshot, timeout_ms, &culprit);
    if (ret == 0) {
        ret = take_back(&snapshot, mp);
        pyd_resume_world(&snapshot);
    }
    pyd_snapshot_free(&snapshot);
    return ret;
}

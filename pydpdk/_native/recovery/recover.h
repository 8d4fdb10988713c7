/* SPDX-License-Identifier: BSD-3-Clause */
/* Shared by the parts of recovery. */
#ifndef PYD_RECOVER_INLINE_H
#define PYD_RECOVER_INLINE_H

#include "core/process_table.h"

/* A thread with this much CPU time inside one call is not about to finish it. */
#define PYD_SPINS_NS UINT64_C(10000000)

enum { PYD_NOBODY, PYD_LIVING, PYD_DEAD };

/* Sorted by address, which comes first. */
struct pyd_object {
    uint64_t address;
    uint32_t pool;
    uint16_t refs; /* packets that hold it, and packets that share its memory */
    uint8_t waits;
};

/* Shared memory while the world is stopped. A recovery allocates everything it needs before it
 * changes anything, so it is done completely or not at all. */
struct pyd_snapshot {
    struct pyd_process_table *table;
    uint8_t state[PYD_MAX_PROCESSES];
    uint8_t was_inside[PYD_MAX_PROCESSES]; /* the process died inside a call */
    struct rte_ring **rings;
    uint32_t n_rings;
    struct rte_mempool **pools;
    uint32_t n_pools;
    const struct rte_mempool *unknown; /* a pool that is not listed: its ops are unknown here */
    struct pyd_object *objects; /* room for every object of the pools */
    uint32_t room;
    void *scratch; /* room for the addresses of one pool's objects, or for its stack's marks */
    uint32_t *ids; /* of each pool, the next of its objects */
    uint8_t *sweeps; /* whether each pool can be read */
    struct pyd_recovered *found; /* of each pool */
    struct pyd_recovery *out; /* NULL: nothing is recovered, so nothing is released either */
};

/* snapshot.c */
void pyd_snapshot_look(struct pyd_snapshot *snapshot);
int pyd_snapshot_gather(struct pyd_snapshot *snapshot);
int pyd_snapshot_make_room(struct pyd_snapshot *snapshot);
void pyd_snapshot_free(struct pyd_snapshot *snapshot);
struct pyd_recovered *pyd_snapshot_find(struct pyd_snapshot *snapshot, const struct rte_mempool *mp);
void pyd_give_back(struct pyd_snapshot *snapshot, uint32_t pool, void *object);
int pyd_is_of_the_dead(const struct pyd_snapshot *snapshot, uint8_t owner);
int pyd_is_any_hidden(const struct pyd_snapshot *snapshot, char *name, uint32_t room);

/* stop_world.c */
int pyd_stop_world(struct pyd_snapshot *snapshot, uint32_t timeout_ms, uint64_t *culprit);
void pyd_resume_world(struct pyd_snapshot *snapshot);

/* roll_back.c */
int pyd_release(struct pyd_snapshot *snapshot);
void pyd_roll_back_rings(struct pyd_snapshot *snapshot);
void pyd_relink_stacks(struct pyd_snapshot *snapshot);

/* reclaim.c, mark_sweep.c */
void pyd_reclaim(struct pyd_snapshot *snapshot);
void pyd_empty_caches(struct pyd_snapshot *snapshot);
int pyd_sweep(struct pyd_snapshot *snapshot, const struct rte_mempool *only);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
/* With the world stopped, roll back what a dead process left half-done in rings and stacks. */

#include <rte_stack.h>

#include "memory/walk.h"
#include "recovery/recover.h"
#include "ring/ring.h"

static void
note(struct pyd_snapshot *snapshot, const struct rte_ring *r, int consumer, uint32_t sync,
     uint32_t n)
{
    struct pyd_recovery *out = snapshot->out;

    if (out->n_undone < PYD_UNDONE_MAX) {
        struct pyd_undone *entry = &out->undone[out->n_undone];

        snprintf(entry->name, sizeof(entry->name), "%s", r->name);
        entry->consumer = consumer;
        entry->sync = sync;
        entry->n = n;
    }
    out->n_undone++;
}

static int
reserved(const struct pyd_snapshot *snapshot, const struct rte_ring *r, int consumer)
{
    uint32_t i;

    for (i = 0; i < PYD_MAX_PROCESSES; i++)
        if (snapshot->state[i] == PYD_LIVING &&
            pyd_is_reserved(&snapshot->table->processes[i], r, consumer))
            return 1;
    return 0;
}

/* RTS tails do not say which of several operations were complete. Elements that consumers took stay
 * taken; those that producers put behind the dead process's slots are dropped, and mark and sweep
 * finds them. */
static uint32_t
undo_rts(struct rte_ring_rts_headtail *side, int consumer)
{
    const uint32_t n = side->head.val.pos - side->tail.val.pos;

    if (side->head.raw == side->tail.raw)
        return 0;
    if (consumer)
        side->tail.raw = side->head.raw;
    else
        side->head.raw = side->tail.raw;
    return n == 0 ? 1 : n;
}

/* Roll back: elements on their way in are out, elements on their way out are in. */
static void
undo_side(struct pyd_snapshot *snapshot, struct rte_ring *r, int consumer)
{
    struct rte_ring_headtail *side = consumer ? &r->cons : &r->prod;
    const uint32_t sync = side->sync_type;
    uint32_t n;

    if (reserved(snapshot, r, consumer))
        return;
    if (sync == RTE_RING_SYNC_MT_RTS) {
        n = undo_rts(consumer ? &r->rts_cons : &r->rts_prod, consumer);
    } else {
        n = side->head - side->tail;
        side->head = side->tail;
    }
    if (n != 0)
        note(snapshot, r, consumer, sync, n);
}

void
pyd_roll_back_rings(struct pyd_snapshot *snapshot)
{
    uint32_t i;

    for (i = 0; i < snapshot->n_rings; i++) {
        undo_side(snapshot, snapshot->rings[i], 0);
        undo_side(snapshot, snapshot->rings[i], 1);
    }
}

/* Living threads spin for what belongs to no living process: let them go on. Head and tail of an
 * HTS side are one word, so they see all of the change or none. */
static void
release_side(struct pyd_snapshot *snapshot, struct rte_ring *r, int consumer)
{
    struct rte_ring_hts_headtail *side = consumer ? &r->hts_cons : &r->hts_prod;
    union __rte_ring_hts_pos was, undone;

    if (side->sync_type != RTE_RING_SYNC_MT_HTS || reserved(snapshot, r, consumer))
        return;
    was.raw = __atomic_load_n(&side->ht.raw, __ATOMIC_ACQUIRE);
    undone = was;
    undone.pos.head = was.pos.tail;
    if (was.raw != undone.raw && __atomic_compare_exchange_n(&side->ht.raw, &was.raw, undone.raw, 0,
                                                             __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
        note(snapshot, r, consumer, RTE_RING_SYNC_MT_HTS, was.pos.head - was.pos.tail);
}

/* Returns how many operations and locks were released, or -ENOMEM: none. */
int
pyd_release(struct pyd_snapshot *snapshot)
{
    const uint32_t before = snapshot->out->n_undone;
    int stacks = 0;
    uint32_t i;

    if (pyd_snapshot_gather(snapshot) != 0)
        return -ENOMEM;
    for (i = 0; i < snapshot->n_rings; i++) {
        release_side(snapshot, snapshot->rings[i], 0);
        release_side(snapshot, snapshot->rings[i], 1);
    }
    for (i = 0; i < snapshot->n_pools; i++) {
        struct rte_stack *s = pyd_stack_of(snapshot->pools[i]);

        if (s != NULL && !(s->flags & RTE_STACK_F_LF) && s->stack_std.lock.locked) {
            rte_spinlock_unlock(&s->stack_std.lock);
            stacks++;
        }
    }
    return stacks + (snapshot->out->n_undone - before);
}

static void
set_list(struct rte_stack_lf_list *list, struct rte_stack_lf_elem *top, uint64_t len)
{
    list->head.top = top;
    list->head.cnt++; /* as every change does: this head must not look like the old one */
    list->len = len;
}

static uint64_t
length(const struct rte_stack_lf_list *list, uint32_t capacity)
{
    const struct rte_stack_lf_elem *elem;
    uint64_t n = 0;

    for (elem = list->head.top; elem != NULL && n < capacity; elem = elem->next)
        n++;
    return n;
}

/* All nodes that carry no object become the free list. */
static void
rebuild_lf(struct rte_stack *s, uint8_t *used)
{
    struct rte_stack_lf *lf = &s->stack_lf;
    struct rte_stack_lf_elem *elem, *top = NULL;
    uint32_t i, n = 0;

    memset(used, 0, s->capacity);
    for (elem = lf->used.head.top; elem != NULL && n < s->capacity; elem = elem->next, n++)
        used[elem - lf->elems] = 1;
    for (i = s->capacity; i-- != 0;)
        if (!used[i]) {
            lf->elems[i].next = top;
            top = &lf->elems[i];
        }
    set_list(&lf->used, lf->used.head.top, n);
    set_list(&lf->free, top, s->capacity - n);
}

/* Nodes that the dead process had taken are in neither list, and a length may be ahead of its list,
 * for which a pop would wait forever. Returns how many nodes were lost, at least 1; 0 where the
 * stack is sound. */
static uint32_t
relink_lf(struct rte_stack *s, uint8_t *scratch)
{
    const struct rte_stack_lf *lf = &s->stack_lf;
    const uint64_t used = length(&lf->used, s->capacity);
    const uint64_t unused = length(&lf->free, s->capacity);

    if (used + unused == s->capacity && lf->used.len == used && lf->free.len == unused)
        return 0;
    rebuild_lf(s, scratch);
    return RTE_MAX((uint64_t)1, s->capacity - RTE_MIN(used + unused, (uint64_t)s->capacity));
}

void
pyd_relink_stacks(struct pyd_snapshot *snapshot)
{
    uint32_t i;

    for (i = 0; i < snapshot->n_pools; i++) {
        struct rte_stack *s = pyd_stack_of(snapshot->pools[i]);

        if (s == NULL)
            continue;
        if (s->flags & RTE_STACK_F_LF)
            snapshot->found[i].relinked = relink_lf(s, snapshot->scratch);
        else
            rte_spinlock_unlock(&s->stack_std.lock);
    }
}

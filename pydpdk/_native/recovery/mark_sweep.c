/* SPDX-License-Identifier: BSD-3-Clause */
/* Mark and sweep, the exact recovery: every object that no living process can reach goes back to
 * its pool. */
#include <stdlib.h>

#include "burst/burst.h"
#include "core/numbers.h"
#include "recovery/recover.h"

struct sweep {
    struct pyd_snapshot *snapshot;
    struct pyd_object *objects;
    uint32_t n;
    uint32_t pool; /* the pool being read */
    const struct rte_mempool *only;
};

static void
add(struct rte_mempool *mp, void *arg, void *object, unsigned int index)
{
    struct sweep *sweep = arg;

    (void)mp;
    (void)index;
    if (sweep->n < sweep->snapshot->room)
        sweep->objects[sweep->n++] = (struct pyd_object){
            .address = (uintptr_t)object, .pool = sweep->pool,
        };
}

static void
list_all(struct sweep *sweep)
{
    struct pyd_snapshot *snapshot = sweep->snapshot;
    uint32_t i;

    for (i = 0; i < snapshot->n_pools; i++) {
        sweep->pool = i;
        rte_mempool_obj_iter(snapshot->pools[i], add, sweep);
    }
    for (i = 1; i < sweep->n && sweep->objects[i - 1].address < sweep->objects[i].address; i++)
        ;
    if (i < sweep->n)
        qsort(sweep->objects, sweep->n, sizeof(*sweep->objects), pyd_compare);
}

static struct pyd_object *
find(const struct sweep *sweep, const void *address)
{
    const struct pyd_object key = {.address = (uintptr_t)address};

    return bsearch(&key, sweep->objects, sweep->n, sizeof(key), pyd_compare);
}

static int
is_mbuf(const struct sweep *sweep, const struct pyd_object *object)
{
    return sweep->snapshot->found[object->pool].mbufs;
}

static int
mark_waiting(struct sweep *sweep, uint32_t pool)
{
    struct rte_mempool *mp = sweep->snapshot->pools[pool];
    uint64_t *waiting = sweep->snapshot->scratch;
    struct pyd_object *object;
    int i, n;

    n = pyd_pool_waiting(mp, waiting, mp->size);
    for (i = 0; i < RTE_MIN(n, (int)mp->size); i++) {
        object = find(sweep, (void *)(uintptr_t)waiting[i]);
        if (object != NULL)
            object->waits = 1;
    }
    return n < 0 ? n : 0;
}

/* Mark a packet that is held: its segments, and the mbufs whose memory they share. */
static void
mark_packet(struct sweep *sweep, const void *address)
{
    struct pyd_object *object = find(sweep, address), *seen;
    struct rte_mbuf *m;
    uint32_t left;

    if (object == NULL || !is_mbuf(sweep, object) || object->waits)
        return;
    m = (struct rte_mbuf *)object->address;
    for (left = m->nb_segs; left != 0 && object != NULL && is_mbuf(sweep, object); left--) {
        m = (struct rte_mbuf *)object->address;
        object->refs++;
        seen = RTE_MBUF_CLONED(m)       ? find(sweep, rte_mbuf_from_indirect(m))
               : RTE_MBUF_HAS_EXTBUF(m) ? find(sweep, m->shinfo->fcb_opaque)
                                        : NULL;
        if (seen != NULL && seen != object)
            seen->refs++;
        object = m->next == NULL ? NULL : find(sweep, m->next);
    }
}

static int
is_of_a_pool(const struct pyd_snapshot *snapshot, const struct rte_ring *r)
{
    uint32_t i;

    for (i = 0; i < snapshot->n_pools; i++)
        if (snapshot->pools[i]->pool_data == r)
            return 1;
    return 0;
}

/* Our rings record what they carry; in others, every word may be an mbuf. */
static void
mark_ring(struct sweep *sweep, const struct rte_ring *r)
{
    void *const *slots = (void *const *)&r[1];
    const uint32_t esize = (uint32_t)r->flags >> PYD_RING_ESIZE_SHIFT & PYD_RING_ESIZE_MASK;
    const uint32_t n = RTE_MIN(r->prod.tail - r->cons.tail, r->capacity);
    uint32_t i;

    if ((esize != 0 && !(r->flags & PYD_RING_MBUFS)) || is_of_a_pool(sweep->snapshot, r) ||
        r->memzone == NULL || rte_ring_get_memsize(r->size) > (ssize_t)r->memzone->len)
        return;
    for (i = 0; i < n; i++)
        mark_packet(sweep, slots[(r->cons.tail + i) & r->mask]);
}

static void
mark_bursts(struct sweep *sweep, const struct pyd_process *p)
{
    const struct pyd_storage *storage;
    uint32_t i;

    for (storage = p->storage; storage != NULL; storage = storage->next)
        for (i = 0; i < RTE_MIN(storage->n, storage->size); i++)
            mark_packet(sweep, storage->mbufs[i]);
}

/* Reset to the state in which it left its pool. A pinned buffer stays with its mbuf; everything
 * else is set anew. */
static void
reset(struct rte_mempool *mp, struct rte_mbuf *m)
{
    if (!pyd_pool_is_external(mp)) {
        rte_pktmbuf_init(mp, NULL, m, 0);
        return;
    }
    rte_mbuf_refcnt_set(m, 1);
    rte_mbuf_ext_refcnt_set(m->shinfo, 1);
    m->ol_flags = RTE_MBUF_F_EXTERNAL;
    m->next = NULL;
    m->nb_segs = 1;
}

/* Drop the references of dead processes. */
static uint32_t
recount(struct rte_mempool *mp, struct rte_mbuf *m, uint16_t refs)
{
    if (pyd_pool_is_external(mp)) {
        if (rte_mbuf_ext_refcnt_read(m->shinfo) == refs)
            return 0;
        rte_mbuf_ext_refcnt_set(m->shinfo, refs);
        return 1;
    }
    if (rte_mbuf_refcnt_read(m) == refs)
        return 0;
    rte_mbuf_refcnt_set(m, refs);
    return 1;
}

static void
settle_mbuf(struct pyd_snapshot *snapshot, struct pyd_object *object)
{
    struct rte_mempool *mp = snapshot->pools[object->pool];
    struct rte_mbuf *m = (struct rte_mbuf *)object->address;

    if (object->refs != 0) {
        snapshot->found[object->pool].recounted += recount(mp, m, object->refs);
        return;
    }
    reset(mp, m);
    pyd_give_back(snapshot, object->pool, m);
}

/* Owner byte 0, but not in the pool: a call died between the two steps. */
static void
settle_plain(struct pyd_snapshot *snapshot, struct pyd_object *object, uint32_t id)
{
    uint8_t *owner = pyd_objects_owners(snapshot->pools[object->pool]) + id;

    if (*owner != 0 && !pyd_is_of_the_dead(snapshot, *owner))
        return;
    *owner = 0;
    pyd_give_back(snapshot, object->pool, (void *)object->address);
}

static int
is_swept(const struct sweep *sweep, uint32_t pool)
{
    const struct pyd_snapshot *snapshot = sweep->snapshot;

    return snapshot->sweeps[pool] &&
           (sweep->only == NULL || snapshot->pools[pool] == sweep->only);
}

static void
settle(struct sweep *sweep)
{
    struct pyd_snapshot *snapshot = sweep->snapshot;
    uint32_t i, id;

    for (i = 0; i < sweep->n; i++) {
        struct pyd_object *object = &sweep->objects[i];

        id = snapshot->ids[object->pool]++; /* ids ascend with addresses */
        if (object->waits || !is_swept(sweep, object->pool))
            continue;
        if (is_mbuf(sweep, object))
            settle_mbuf(snapshot, object);
        else
            settle_plain(snapshot, object, id);
    }
}

/* `only`: nothing is changed but objects of this pool; NULL: all pools. */
int
pyd_sweep(struct pyd_snapshot *snapshot, const struct rte_mempool *only)
{
    struct sweep sweep = {.snapshot = snapshot, .objects = snapshot->objects, .only = only};
    int ret = 0;
    uint32_t i;

    list_all(&sweep);
    for (i = 0; ret == 0 && i < snapshot->n_pools; i++)
        if (snapshot->sweeps[i])
            ret = mark_waiting(&sweep, i);
    for (i = 0; ret == 0 && i < snapshot->n_rings; i++)
        mark_ring(&sweep, snapshot->rings[i]);
    for (i = 0; ret == 0 && i < PYD_MAX_PROCESSES; i++)
        if (snapshot->state[i] == PYD_LIVING)
            mark_bursts(&sweep, &snapshot->table->processes[i]);
    if (ret == 0)
        settle(&sweep);
    return ret;
}

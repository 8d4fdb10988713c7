/* SPDX-License-Identifier: BSD-3-Clause */
/* Free-list scan: which mbufs are out. Stock DPDK keeps no list of them; it keeps one of all
 * objects and another of the free ones. Draining a pool to count it would starve its users, so
 * the free objects are read in place. A pool in use changes meanwhile: the answer is only a
 * snapshot. */
#include <stdlib.h>

#include <rte_stack.h>

#include "burst/burst.h"

struct listing {
    uint64_t *rows;
    uint32_t room;
    uint32_t n;
};

static void
add(struct listing *list, const void *object)
{
    if (list->n < list->room)
        list->rows[list->n] = (uintptr_t)object;
    list->n++;
}

static void
add_object(struct rte_mempool *mp, void *list, void *object, unsigned int index)
{
    (void)mp;
    (void)index;
    add(list, object);
}

/* Every object of the pool; returns how many, also where that is over room. */
int
pyd_pool_objects(struct rte_mempool *mp, uint64_t *objects, uint32_t room)
{
    struct listing list = {.rows = objects, .room = room};

    rte_mempool_obj_iter(mp, add_object, &list);
    return list.n;
}

static void
add_ring(struct listing *list, const struct rte_ring *r)
{
    void *const *slots = (void *const *)&r[1];
    const uint32_t start = r->cons.tail;
    const uint32_t n = RTE_MIN(r->prod.tail - start, r->capacity);
    uint32_t i;

    for (i = 0; i < n; i++)
        add(list, slots[(start + i) & r->mask]);
}

static void
add_stack(struct listing *list, const struct rte_stack *s)
{
    const struct rte_stack_lf_elem *elem;
    uint32_t i;

    if (s->flags & RTE_STACK_F_LF) {
        elem = s->stack_lf.used.head.top;
        for (i = 0; elem != NULL && i < s->capacity; i++, elem = elem->next)
            add(list, elem->data);
        return;
    }
    for (i = 0; i < RTE_MIN(s->stack_std.len, s->capacity); i++)
        add(list, s->stack_std.objs[i]);
}

static int
add_shared(struct listing *list, const struct rte_mempool *mp)
{
    const char *ops = rte_mempool_get_ops(mp->ops_index)->name;

    if (strncmp(ops, "ring_", 5) == 0)
        add_ring(list, mp->pool_data);
    else if (strcmp(ops, "stack") == 0 || strcmp(ops, "lf_stack") == 0)
        add_stack(list, mp->pool_data);
    else
        return -ENOTSUP;
    return 0;
}

static void
add_caches(struct listing *list, const struct rte_mempool *mp)
{
    const struct rte_mempool_cache *cache;
    uint32_t lcore, i, n;

    for (lcore = 0; mp->cache_size != 0 && lcore < RTE_MAX_LCORE; lcore++) {
        cache = &mp->local_cache[lcore];
        n = RTE_MIN(cache->len, (uint32_t)RTE_DIM(cache->objs));
        for (i = 0; i < n; i++)
            add(list, cache->objs[i]);
    }
}

/* Every object that can be taken; -ENOTSUP for pool ops that we cannot read. */
int
pyd_pool_waiting(struct rte_mempool *mp, uint64_t *objects, uint32_t room)
{
    struct listing list = {.rows = objects, .room = room};
    int ret = add_shared(&list, mp);

    add_caches(&list, mp);
    return ret != 0 ? ret : (int)list.n;
}

static int
compare(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

struct verdict {
    struct rte_mempool *mp;
    uint64_t *sorted;
    uint32_t n;
    char *reason;
    uint32_t room;
};

static int
find_doubles(struct verdict *v)
{
    uint32_t i;

    for (i = 1; i < v->n; i++)
        if (v->sorted[i] == v->sorted[i - 1]) {
            snprintf(v->reason, v->room, "the mbuf at %#" PRIx64 " is in it twice", v->sorted[i]);
            return 1;
        }
    return 0;
}

static int
find_waiting(struct verdict *v)
{
    const uint32_t room = v->mp->size;
    uint64_t *waiting = malloc(room * sizeof(*waiting));
    int i, n, found = 0;

    if (waiting == NULL)
        return -ENOMEM;
    n = pyd_pool_waiting(v->mp, waiting, room);
    for (i = 0; i < RTE_MIN(n, (int)room) && !found; i++)
        if (bsearch(&waiting[i], v->sorted, v->n, sizeof(*waiting), compare) != NULL) {
            snprintf(v->reason, v->room, "the mbuf at %#" PRIx64 " is free already, in pool %s",
                     waiting[i], v->mp->name);
            found = 1;
        }
    free(waiting);
    return found;
}

static int
verify(struct rte_mbuf **mbufs, struct verdict *v)
{
    const char *why = NULL;
    uint32_t i;
    int ret;

    for (i = 0; i < v->n; i++)
        v->sorted[i] = (uintptr_t)mbufs[i];
    qsort(v->sorted, v->n, sizeof(v->sorted[0]), compare);
    ret = find_doubles(v);
    for (i = 0; ret == 0 && i < v->n; i++) {
        if (rte_mbuf_check(mbufs[i], 1, &why) != 0) {
            snprintf(v->reason, v->room, "packet %u: %s", i, why);
            return 1;
        }
        if (mbufs[i]->pool == v->mp)
            continue; /* adjacent objects are mostly of one pool: scan each once */
        v->mp = mbufs[i]->pool;
        ret = find_waiting(v);
    }
    return ret;
}

/* Returns 1 and the reason where the burst holds what it cannot own: an mbuf twice, or a free
 * one. */
int
pyd_burst_verify(struct pyd_burst *burst, char *reason, uint32_t room)
{
    struct verdict v = {.reason = reason, .room = room};
    int ret = pyd_burst_enter(burst);

    if (ret != 0)
        return ret;
    v.n = burst->n;
    v.sorted = malloc((v.n + 1) * sizeof(v.sorted[0]));
    ret = v.sorted == NULL ? -ENOMEM : verify(burst->slots->mbufs, &v);
    free(v.sorted);
    pyd_burst_leave(burst);
    return ret;
}

uint32_t
pyd_now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    return (uint32_t)((uint64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000);
}

/* Stamp every segment of the packets from `first` on with the place that took them. */
int
pyd_burst_stamp(struct pyd_burst *burst, uint32_t first, uint32_t offset, uint32_t site,
                uint32_t pid)
{
    const struct pyd_stamp stamp = {.pid = pid, .site = site, .ms = pyd_now_ms()};
    int ret = pyd_burst_enter(burst);
    struct rte_mbuf *m;
    uint32_t i;

    if (ret != 0)
        return ret;
    for (i = first; i < burst->n; i++)
        for (m = burst->slots->mbufs[i]; m != NULL; m = m->next)
            memcpy((char *)m + offset, &stamp, sizeof(stamp));
    pyd_burst_leave(burst);
    return 0;
}

/* The stamps of mbufs whose pool is known to be open. */
int
pyd_read_stamps(const uint64_t *mbufs, uint32_t n, uint32_t offset, struct pyd_stamp *stamps)
{
    uint32_t i;

    for (i = 0; i < n; i++)
        memcpy(&stamps[i], (const char *)(uintptr_t)mbufs[i] + offset, sizeof(stamps[i]));
    return n;
}

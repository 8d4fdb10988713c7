/* SPDX-License-Identifier: BSD-3-Clause */
/* Free-list scan: which objects are out. Stock DPDK keeps no list of them; it keeps one of all
 * objects and another of the free ones. Draining a pool to count it would starve its users, so
 * the free objects are read in place. A pool in use changes meanwhile: the answer is only a
 * snapshot. */
#include <rte_stack.h>

#include "memory/walk.h"

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

/* The stack of a pool whose free objects are in one; NULL for others. */
struct rte_stack *
pyd_stack_of(const struct rte_mempool *mp)
{
    const char *ops = rte_mempool_get_ops(mp->ops_index)->name;

    return strcmp(ops, "stack") == 0 || strcmp(ops, "lf_stack") == 0 ? mp->pool_data : NULL;
}

static int
add_shared(struct listing *list, const struct rte_mempool *mp)
{
    const char *ops = rte_mempool_get_ops(mp->ops_index)->name;

    if (strncmp(ops, "ring_", 5) == 0)
        add_ring(list, mp->pool_data);
    else if (pyd_stack_of(mp) != NULL)
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

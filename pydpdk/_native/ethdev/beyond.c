/* SPDX-License-Identifier: BSD-3-Clause */
/* Before DPDK 24.07, net_af_xdp shows the kernel as much memory as the mbufs of a pool would take
 * side by side. The pool is longer, as no mbuf spans two pages. The kernel rejects a descriptor
 * behind that end and never completes it, so the mbuf is lost: such mbufs are taken out of the pool
 * first. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "compat.h"
#include "core/gate.h"

struct search {
    uintptr_t end;
    uint32_t found;
};

static void
look(struct rte_mempool *mp, void *opaque, void *obj, unsigned int index)
{
    struct search *search = opaque;

    (void)mp;
    (void)index;
    search->found += (uintptr_t)obj >= search->end;
}

static uintptr_t
end_of(const struct rte_mempool *mp)
{
    const size_t each = mp->header_size + mp->elt_size + mp->trailer_size;

    return (uintptr_t)STAILQ_FIRST(&mp->mem_list)->addr + mp->populated_size * each;
}

/* How many mbufs of a pool in one piece net_af_xdp cannot reach. */
uint32_t
pyd_beyond_count(struct rte_mempool *mp)
{
    struct search search = {end_of(mp), 0};

    if (PYD_AF_XDP_REACHES_ALL)
        return 0;
    rte_mempool_obj_iter(mp, look, &search);
    return search.found;
}

/* Move the objects before `end` to the front; returns how many there are. */
static uint32_t
split(void **objects, uint32_t n, uintptr_t end)
{
    uint32_t i, near = 0;
    void *object;

    for (i = 0; i < n; i++) {
        if ((uintptr_t)objects[i] >= end)
            continue;
        object = objects[near];
        objects[near++] = objects[i];
        objects[i] = object;
    }
    return near;
}

static uint32_t
take_all(struct rte_mempool *mp, void **objects, uint32_t room)
{
    uint32_t n = 0;

    while (n < room && rte_mempool_generic_get(mp, &objects[n], 1, NULL) == 0)
        n++;
    return n;
}

/* Take the unreachable mbufs out of their pool; -EBUSY where the pool does not have them all. */
static int
take(struct pyd_beyond *beyond, uint32_t wanted, void **objects)
{
    struct rte_mempool *mp = beyond->mp;
    struct rte_mempool_cache *cache = rte_mempool_default_cache(mp, rte_lcore_id());
    uint32_t n, near;

    if (cache != NULL)
        rte_mempool_cache_flush(cache, mp);
    n = take_all(mp, objects, mp->size);
    near = split(objects, n, end_of(mp));
    rte_mempool_generic_put(mp, objects, near, NULL);
    if (n - near != wanted) {
        rte_mempool_generic_put(mp, objects + near, n - near, NULL);
        return -EBUSY;
    }
    memcpy(beyond->mbufs, objects + near, wanted * sizeof(*objects));
    beyond->n = wanted;
    return 0;
}

int
pyd_beyond_take(struct pyd_beyond *beyond, struct pyd_gate *gate)
{
    uint32_t wanted;
    void **objects;
    int ret = pyd_enter(gate);

    if (ret != 0)
        return ret;
    wanted = pyd_beyond_count(beyond->mp);
    objects = wanted == 0 ? NULL : malloc(beyond->mp->size * sizeof(*objects));
    if (objects != NULL)
        ret = take(beyond, wanted, objects);
    else if (wanted != 0)
        ret = -ENOMEM;
    free(objects);
    return pyd_leave_with(gate, ret);
}

/* Give them back, where the port does not use the pool after all. */
void
pyd_beyond_give(struct pyd_beyond *beyond)
{
    if (beyond->n != 0)
        rte_mempool_generic_put(beyond->mp, beyond->mbufs, beyond->n, NULL);
    beyond->n = 0;
}

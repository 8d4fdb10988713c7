/* SPDX-License-Identifier: BSD-3-Clause */
/* Whether a burst holds only what it can own. */
#include <stdlib.h>

#include "burst/burst.h"
#include "core/numbers.h"

#define LOOKS 4

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

/* An mbuf of the burst among those that wait in the pool. */
static int
look_for_waiting(struct verdict *v)
{
    const uint32_t room = v->mp->size;
    uint64_t *waiting = malloc(room * sizeof(*waiting));
    int i, n, found = 0;

    if (waiting == NULL)
        return -ENOMEM;
    n = pyd_pool_waiting(v->mp, waiting, room);
    for (i = 0; i < RTE_MIN(n, (int)room) && !found; i++)
        if (bsearch(&waiting[i], v->sorted, v->n, sizeof(*waiting), pyd_compare) != NULL) {
            snprintf(v->reason, v->room, "the mbuf at %#" PRIx64 " is free already, in pool %s",
                     waiting[i], v->mp->name);
            found = 1;
        }
    free(waiting);
    return found;
}

/* Other threads use the pool meanwhile: a walk along a lock-free stack can end up among its spare
 * elements, which still name mbufs that were taken long ago. A free mbuf is there each time. */
static int
find_waiting(struct verdict *v)
{
    int looks, found = 1;

    for (looks = 0; looks < LOOKS && found > 0; looks++)
        found = look_for_waiting(v);
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
    qsort(v->sorted, v->n, sizeof(v->sorted[0]), pyd_compare);
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
    ret = v.sorted == NULL ? -ENOMEM : verify(burst->storage->mbufs, &v);
    free(v.sorted);
    return pyd_burst_leave_with(burst, ret);
}

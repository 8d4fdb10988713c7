/* SPDX-License-Identifier: BSD-3-Clause */
/* Partitions of a burst, without a branch for each packet: masks of real traffic are random. */
#include "burst/burst.h"

#define CHUNK 64

/* Free the packets whose `mask` is not `keep`; returns how many are left. */
uint32_t
pyd_burst_part(struct pyd_burst *burst, const uint8_t *mask, int keep)
{
    struct rte_mbuf **mbufs = burst->storage->mbufs, *gone[CHUNK];
    uint32_t start, i, end, kept = 0, freed;

    for (start = 0; start < burst->n; start = end) {
        end = RTE_MIN(start + CHUNK, burst->n);
        freed = 0;
        for (i = start; i < end; i++) {
            const uint32_t stays = (mask[i] != 0) == keep;
            struct rte_mbuf *m = mbufs[i];

            mbufs[kept] = m;
            gone[freed] = m;
            kept += stays;
            freed += !stays;
        }
        rte_pktmbuf_free_bulk(gone, freed);
    }
    pyd_burst_holds(burst, kept);
    return kept;
}

static int
part(struct pyd_burst *burst, const uint8_t *mask, uint32_t n, int which)
{
    int ret = pyd_burst_enter_all(burst, n);

    if (likely(ret == 0))
        ret = pyd_burst_leave_with(burst, pyd_burst_part(burst, mask, which));
    return ret;
}

int
pyd_burst_keep(struct pyd_burst *burst, uint32_t n, const uint8_t *mask)
{
    return part(burst, mask, n, 1);
}

int
pyd_burst_drop(struct pyd_burst *burst, uint32_t n, const uint8_t *mask)
{
    return part(burst, mask, n, 0);
}

int
pyd_burst_move(struct pyd_burst *burst, const uint8_t *mask, struct pyd_burst *into)
{
    struct rte_mbuf **from = burst->storage->mbufs, **to = into->storage->mbufs;
    uint32_t i, count = 0, kept = 0, n = into->n;

    for (i = 0; i < burst->n; i++)
        count += mask[i] != 0;
    if (count > into->size - into->n)
        return -ENOSPC;
    for (i = 0; i < burst->n; i++) {
        struct rte_mbuf *m = from[i];

        if (mask[i])
            to[n++] = m;
        else
            from[kept++] = m;
    }
    pyd_burst_holds(burst, kept);
    pyd_burst_holds(into, n);
    return count;
}

/* Move the packets of the mask behind those of the other burst: all of them or none. */
int
pyd_burst_take(struct pyd_burst *burst, uint32_t n, const uint8_t *mask, struct pyd_burst *into)
{
    int ret = pyd_burst_enter_two(burst, into);

    if (unlikely(ret != 0))
        return ret;
    ret = n == burst->n && burst != into ? pyd_burst_move(burst, mask, into) : -EMSGSIZE;
    return pyd_burst_leave_two(burst, into, ret);
}

/* Classes are few and counting is cheap, so each has a pass of its own. */
static int
fits(const uint32_t *classes, uint32_t n, struct pyd_burst **into, uint32_t count)
{
    uint32_t i, class, needed;

    for (i = 0; i < n; i++)
        if (classes[i] >= count)
            return -ERANGE;
    for (class = 0; class < count; class++) {
        needed = 0;
        for (i = 0; i < n; i++)
            needed += classes[i] == class;
        if (needed > into[class]->size - into[class]->n)
            return -ENOSPC;
    }
    return 0;
}

static int
split(struct pyd_burst *burst, const uint32_t *classes, struct pyd_burst **into, uint32_t count)
{
    const uint32_t n = burst->n;
    uint32_t i;
    int ret = fits(classes, n, into, count);

    if (ret != 0)
        return ret;
    for (i = 0; i < n; i++) {
        struct pyd_burst *to = into[classes[i]];

        to->storage->mbufs[to->n++] = burst->storage->mbufs[i];
    }
    for (i = 0; i < count; i++)
        pyd_burst_holds(into[i], into[i]->n);
    pyd_burst_holds(burst, 0);
    return n;
}

/* Move packet i behind the packets of burst classes[i]: all packets or none. */
int
pyd_burst_split(struct pyd_burst *burst, uint32_t n, const uint32_t *classes,
                struct pyd_burst **into, uint32_t count)
{
    int ret = pyd_burst_enter_all(burst, n);
    uint32_t entered;

    if (unlikely(ret != 0))
        return ret;
    for (entered = 0; entered < count && ret == 0; entered++)
        ret = pyd_burst_enter(into[entered]);
    if (ret != 0)
        entered--;
    else
        ret = split(burst, classes, into, count);
    while (entered > 0)
        pyd_burst_leave(into[--entered]);
    return pyd_burst_leave_with(burst, ret);
}

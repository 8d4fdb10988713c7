/* SPDX-License-Identifier: BSD-3-Clause */
/* Find packets whose lengths and segments contradict each other, and free them without a crash. */
#include <sys/queue.h>

#include <rte_eal_memconfig.h>

#include "core/process_table.h"
#include "ethdev/malformed.h"

static int
is_in(const struct rte_mempool *mp, uintptr_t address)
{
    const struct rte_mempool_memhdr *chunk;

    STAILQ_FOREACH(chunk, &mp->mem_list, next)
        if (address - (uintptr_t)chunk->addr < chunk->len)
            return 1;
    return 0;
}

static int
is_mapped(const void *start, size_t len)
{
    int ret;

    rte_mcfg_mem_read_lock();
    ret = pyd_mapped(start, len);
    rte_mcfg_mem_read_unlock();
    return ret;
}

/* Whether a pointer to a segment can be followed: it is an object of the pool that it names. That
 * is nearly always the pool of the segment before it. */
static int
may_follow(const struct rte_mbuf *from, const struct rte_mbuf *to)
{
    const void *header = RTE_PTR_SUB(to, sizeof(struct rte_mempool_objhdr));

    if ((uintptr_t)to % sizeof(void *) != 0)
        return 0;
    if (!is_in(from->pool, (uintptr_t)header) &&
        !is_mapped(header, sizeof(struct rte_mempool_objhdr) + sizeof(*to)))
        return 0;
    return to->pool == ((const struct rte_mempool_objhdr *)header)->mp;
}

static int
fits(const struct rte_mbuf *segment)
{
    return (uint32_t)segment->data_off + segment->data_len <= segment->buf_len;
}

static int
is_sound(const struct rte_mbuf *m)
{
    const struct rte_mbuf *segment = m;
    uint64_t length = m->data_len;
    uint32_t left;

    for (left = m->nb_segs; left > 1 && fits(segment); left--) {
        if (segment->next == NULL || !may_follow(segment, segment->next))
            return 0;
        segment = segment->next;
        length += segment->data_len;
    }
    return left == 1 && fits(segment) && segment->next == NULL && length == m->pkt_len;
}

/* Cut off what cannot be followed; it stays out of its pool. A cyclic chain is cut where it comes
 * back to its head, or anywhere. */
static void
free_malformed(struct rte_mbuf *m)
{
    struct rte_mbuf *segment = m;
    uint32_t left;

    for (left = RTE_MBUF_MAX_NB_SEGS; segment->next != NULL; left--) {
        if (left == 0 || segment->next == m || !may_follow(segment, segment->next))
            segment->next = NULL;
        else
            segment = segment->next;
    }
    rte_pktmbuf_free(m);
}

uint32_t
pyd_drop_malformed(struct rte_mbuf **mbufs, uint32_t n, uint64_t *dropped)
{
    uint32_t i, kept = 0;

    for (i = 0; i < n; i++) {
        if (likely(is_sound(mbufs[i])))
            mbufs[kept++] = mbufs[i];
        else
            free_malformed(mbufs[i]);
    }
    if (unlikely(kept != n))
        __atomic_fetch_add(dropped, n - kept, __ATOMIC_RELAXED);
    return kept;
}

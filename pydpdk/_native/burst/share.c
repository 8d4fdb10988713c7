/* SPDX-License-Identifier: BSD-3-Clause */
/* Mbufs that share the memory of others, and packets made from others. */
#include "burst/burst.h"

static int
attach(struct pyd_burst *burst, uint32_t i, struct pyd_burst *other, uint32_t j)
{
    struct rte_mbuf *mi = burst->storage->mbufs[i], *m = other->storage->mbufs[j];

    if (!RTE_MBUF_DIRECT(mi) || rte_mbuf_refcnt_read(mi) != 1 || mi->nb_segs != 1)
        return -EPERM;
    if (pyd_sharers(m) >= UINT16_MAX)
        return -EOVERFLOW;
    rte_pktmbuf_attach(mi, m);
    return 0;
}

/* Packet i drops its data and shares the first segment of packet j. */
int
pyd_mbuf_attach(struct pyd_burst *burst, uint32_t i, struct pyd_burst *other, uint32_t j)
{
    return pyd_burst_pair(burst, i, other, j, attach);
}

static int
is_pinned(struct rte_mempool *mp)
{
    return (rte_pktmbuf_priv_flags(mp) & RTE_PKTMBUF_POOL_F_PINNED_EXT_BUF) != 0;
}

/* rte_pktmbuf_detach leaves the packet's length as it was. */
int
pyd_mbuf_detach(struct pyd_burst *burst, uint32_t i)
{
    int ret;
    struct rte_mbuf *m = pyd_burst_enter_packet(burst, i, &ret);

    if (m == NULL)
        return ret;
    if (RTE_MBUF_DIRECT(m) || is_pinned(m->pool) || m->nb_segs != 1) {
        ret = -EPERM;
    } else {
        rte_pktmbuf_detach(m);
        m->pkt_len = 0;
    }
    pyd_burst_leave(burst);
    return ret;
}

/* Reference counts have 16 bits and DPDK lets them wrap. */
static struct rte_mbuf *
clone_of(struct rte_mbuf *m, struct rte_mempool *mp, int *ret)
{
    struct rte_mbuf *seg, *made;

    *ret = -EOVERFLOW;
    for (seg = m; seg != NULL; seg = seg->next)
        if (pyd_sharers(seg) >= UINT16_MAX)
            return NULL;
    *ret = -EPERM;
    if (is_pinned(mp))
        return NULL;
    made = rte_pktmbuf_clone(m, mp);
    *ret = made == NULL ? -ENOBUFS : 0;
    return made;
}

/* rte_pktmbuf_copy counts segments in 16 bits, and clears the flag of external memory in the head,
 * which would free other memory later. */
static struct rte_mbuf *
copy_of(struct rte_mbuf *m, struct rte_mempool *mp, uint32_t off, uint32_t len, int *ret)
{
    const uint32_t size = rte_pktmbuf_data_room_size(mp);
    const uint32_t room = size - RTE_MIN(size, (uint32_t)RTE_PKTMBUF_HEADROOM);
    struct rte_mbuf *made;

    *ret = -EMSGSIZE;
    if (off >= m->pkt_len || len == 0)
        return NULL;
    len = RTE_MIN(len, m->pkt_len - off);
    if (room == 0 || len / room >= RTE_MBUF_MAX_NB_SEGS)
        return NULL;
    made = rte_pktmbuf_copy(m, mp, off, len);
    *ret = made == NULL ? -ENOBUFS : 0;
    if (made == NULL)
        return NULL;
    if (is_pinned(mp))
        made->ol_flags |= RTE_MBUF_F_EXTERNAL;
    if (pyd_tx_headers(made) != 0)
        pyd_tx_forget(made);
    return made;
}

static struct rte_mbuf *
derive(struct rte_mbuf *m, struct pyd_pool *pool, int how, uint32_t off, uint32_t len, int *ret)
{
    return how == PYD_MBUF_CLONE ? clone_of(m, pool->mp, ret) : copy_of(m, pool->mp, off, len, ret);
}

/* Its other packets stay as they are, so its generation does, too. */
static void
holds_more(struct pyd_burst *burst, uint32_t n)
{
    burst->n += n;
    burst->storage->n = burst->n;
}

/* Append a clone or copy of packet i to `into`. */
int
pyd_mbuf_derive(struct pyd_burst *burst, uint32_t i, struct pyd_burst *into, struct pyd_pool *pool,
                int how, uint32_t off, uint32_t len)
{
    struct rte_mbuf *made = NULL;
    int ret = pyd_burst_enter_two(burst, into);

    if (ret != 0)
        return ret;
    ret = pyd_enter(&pool->gate);
    if (ret == 0) {
        if (i >= burst->n)
            ret = -ERANGE;
        else if (into->n == into->size)
            ret = -ENOSPC;
        else
            made = derive(burst->storage->mbufs[i], pool, how, off, len, &ret);
        pyd_leave(&pool->gate);
    } else {
        ret = -ENODEV;
    }
    if (made != NULL) {
        into->storage->mbufs[into->n] = made;
        holds_more(into, 1);
    }
    pyd_burst_leave_two(burst, into);
    return ret;
}

static int
derive_all(struct pyd_burst *burst, struct pyd_burst *into, struct pyd_pool *pool, int how,
           uint32_t off, uint32_t len)
{
    struct rte_mbuf **made = into->storage->mbufs + into->n;
    uint32_t i;
    int ret = 0;

    for (i = 0; i < burst->n; i++) {
        made[i] = derive(burst->storage->mbufs[i], pool, how, off, len, &ret);
        if (made[i] == NULL) {
            rte_pktmbuf_free_bulk(made, i);
            return ret;
        }
    }
    holds_more(into, burst->n);
    return burst->n;
}

/* Append clones or copies of all packets, or of none, to another burst. */
int
pyd_burst_derive(struct pyd_burst *burst, struct pyd_burst *into, struct pyd_pool *pool, int how,
                 uint32_t off, uint32_t len)
{
    int ret = burst == into ? -EINVAL : pyd_burst_enter_two(burst, into);

    if (ret != 0)
        return ret;
    if (burst->n > into->size - into->n)
        ret = -ENOSPC;
    else
        ret = pyd_enter(&pool->gate) != 0 ? -ENODEV : 0;
    if (ret == 0) {
        ret = derive_all(burst, into, pool, how, off, len);
        pyd_leave(&pool->gate);
    }
    pyd_burst_leave_two(burst, into);
    return ret;
}

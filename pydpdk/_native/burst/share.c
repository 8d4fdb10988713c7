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

/* rte_pktmbuf_detach leaves the packet's length as it was. */
int
pyd_mbuf_detach(struct pyd_burst *burst, uint32_t i)
{
    int ret;
    struct rte_mbuf *m = pyd_burst_enter_packet(burst, i, &ret);

    if (m == NULL)
        return ret;
    if (RTE_MBUF_DIRECT(m) || pyd_pool_is_external(m->pool) || m->nb_segs != 1) {
        ret = -EPERM;
    } else {
        rte_pktmbuf_detach(m);
        m->pkt_len = 0;
    }
    return pyd_burst_leave_with(burst, ret);
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
    if (pyd_pool_is_external(mp))
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
    if (pyd_pool_is_external(mp))
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

/* The other packets of `into` stay as they are, so its generation does, too. */
static int
derive_all(struct rte_mbuf **mbufs, uint32_t n, struct pyd_burst *into, struct pyd_pool *pool,
           int how, uint32_t off, uint32_t len)
{
    struct rte_mbuf **made = into->storage->mbufs + into->n;
    uint32_t i;
    int ret = 0;

    for (i = 0; i < n; i++) {
        made[i] = derive(mbufs[i], pool, how, off, len, &ret);
        if (made[i] == NULL) {
            rte_pktmbuf_free_bulk(made, i);
            return ret;
        }
    }
    into->n += n;
    into->storage->n = into->n;
    return n;
}

/* With both bursts entered. */
static int
derive_from(struct pyd_burst *burst, uint32_t first, uint32_t n, struct pyd_burst *into,
            struct pyd_pool *pool, int how, uint32_t off, uint32_t len)
{
    int ret = 0;

    if (pyd_enter(&pool->gate) != 0)
        return -ENODEV;
    if (n > burst->n || first > burst->n - n)
        ret = -ERANGE;
    else if (n > into->size - into->n)
        ret = -ENOSPC;
    else
        ret = derive_all(burst->storage->mbufs + first, n, into, pool, how, off, len);
    return pyd_leave_with(&pool->gate, ret);
}

/* Append a clone or copy of packet i to `into`. */
int
pyd_mbuf_derive(struct pyd_burst *burst, uint32_t i, struct pyd_burst *into, struct pyd_pool *pool,
                int how, uint32_t off, uint32_t len)
{
    int ret = pyd_burst_enter_two(burst, into);

    if (ret == 0)
        ret = pyd_burst_leave_two(burst, into, derive_from(burst, i, 1, into, pool, how, off, len));
    return ret;
}

/* Append clones or copies of all packets, or of none, to another burst. */
int
pyd_burst_derive(struct pyd_burst *burst, struct pyd_burst *into, struct pyd_pool *pool, int how,
                 uint32_t off, uint32_t len)
{
    int ret = burst == into ? -EINVAL : pyd_burst_enter_two(burst, into);

    if (ret == 0)
        ret = pyd_burst_leave_two(
            burst, into, derive_from(burst, 0, burst->n, into, pool, how, off, len));
    return ret;
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* Mbufs of several segments. */
#include "burst/burst.h"

static void
describe(struct rte_mbuf *m, struct pyd_segment *entry)
{
    entry->mbuf = (uintptr_t)m;
    entry->addr = rte_pktmbuf_mtod(m, uintptr_t);
    entry->room_addr = (uintptr_t)m->buf_addr;
    entry->pool = RTE_MBUF_CLONED(m) ? rte_mbuf_from_indirect(m)->pool : m->pool;
    entry->len = m->data_len;
    entry->pkt_len = m->pkt_len;
    entry->sharers = pyd_sharers(m);
    entry->headroom = rte_pktmbuf_headroom(m);
    entry->tailroom = rte_pktmbuf_tailroom(m);
    entry->nb_segs = m->nb_segs;
    entry->refcnt = rte_mbuf_refcnt_read(m);
}

/* Describe the first `room` segments; returns how many there are. */
int
pyd_mbuf_segments(struct pyd_burst *burst, uint32_t i, struct pyd_segment *rows, uint32_t room)
{
    int ret;
    struct rte_mbuf *m = pyd_burst_enter_packet(burst, i, &ret);
    uint32_t k;

    if (unlikely(m == NULL))
        return ret;
    ret = m->nb_segs;
    for (k = 0; k < room && m != NULL; k++, m = m->next)
        describe(m, &rows[k]);
    return pyd_burst_leave_with(burst, ret);
}

/* rte_pktmbuf_read adds 32-bit numbers, and reads past the chain when asked for 0 bytes at its
 * end. */
int
pyd_mbuf_read(struct pyd_burst *burst, uint32_t i, uint32_t off, uint32_t len, char *data)
{
    int ret;
    const struct rte_mbuf *m = pyd_burst_enter_packet(burst, i, &ret);

    if (unlikely(m == NULL))
        return ret;
    if ((uint64_t)off + len > m->pkt_len)
        ret = -EMSGSIZE;
    else if (len != 0)
        ret = pyd_span_read(m, off, len, data);
    return pyd_burst_leave_with(burst, ret);
}

/* Returns 1 and the reason where DPDK finds the mbuf unsound. */
int
pyd_mbuf_check(struct pyd_burst *burst, uint32_t i, char *reason, uint32_t room)
{
    int ret;
    const struct rte_mbuf *m = pyd_burst_enter_packet(burst, i, &ret);
    const char *found = "";

    if (unlikely(m == NULL))
        return ret;
    ret = rte_mbuf_check(m, 1, &found) != 0;
    snprintf(reason, room, "%s", found);
    return pyd_burst_leave_with(burst, ret);
}

static void
take_out(struct pyd_burst *burst, uint32_t j)
{
    struct rte_mbuf **mbufs = burst->storage->mbufs;

    memmove(mbufs + j, mbufs + j + 1, (burst->n - j - 1) * sizeof(mbufs[0]));
    pyd_burst_holds(burst, burst->n - 1);
}

static int
chain(struct pyd_burst *burst, uint32_t i, struct pyd_burst *from, uint32_t j)
{
    struct rte_mbuf *head = burst->storage->mbufs[i], *tail = from->storage->mbufs[j];
    int ret;

    if ((uint64_t)head->pkt_len + tail->pkt_len > PYD_PKT_LEN_MAX)
        return -EOVERFLOW;
    ret = rte_pktmbuf_chain(head, tail);
    if (ret == 0)
        take_out(from, j);
    return ret;
}

/* Packet j leaves its burst and becomes the end of packet i. */
int
pyd_mbuf_chain(struct pyd_burst *burst, uint32_t i, struct pyd_burst *from, uint32_t j)
{
    return pyd_burst_pair(burst, i, from, j, chain);
}

/* rte_pktmbuf_linearize writes behind the first segment without a check that its memory is
 * shared. */
int
pyd_mbuf_linearize(struct pyd_burst *burst, uint32_t i)
{
    int ret;
    struct rte_mbuf *m = pyd_burst_enter_packet(burst, i, &ret);

    if (m == NULL)
        return ret;
    if (m->nb_segs > 1 && pyd_sharers(m) != 1)
        ret = -EPERM;
    else if (rte_pktmbuf_linearize(m) != 0)
        ret = -ENOSPC;
    return pyd_burst_leave_with(burst, ret);
}

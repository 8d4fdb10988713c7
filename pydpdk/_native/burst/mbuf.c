/* SPDX-License-Identifier: BSD-3-Clause */
/* One packet of a burst: its metadata, and its length at either end. */
#include "burst/burst.h"

/* DPDK keeps lengths in 16 bits and checks only the room: a longer request must not wrap. */
static int
may_put(struct rte_mbuf *m, struct rte_mbuf *seg, int how, uint32_t length)
{
    if (length > UINT16_MAX || seg->data_len + length > UINT16_MAX ||
        m->pkt_len + length > PYD_PKT_LEN_MAX)
        return -ENOSPC;
    if (pyd_sharers(seg) != 1)
        return -EPERM;
    return how == PYD_MBUF_PREPEND && (m->ol_flags & RTE_MBUF_F_TX_OFFLOAD_MASK) != 0 ? -EMSGSIZE : 0;
}

/* `data` may be of the packet itself. */
static int
put(struct rte_mbuf *m, int how, const char *data, uint32_t length)
{
    const int ret = may_put(m, how == PYD_MBUF_APPEND ? rte_pktmbuf_lastseg(m) : m, how, length);
    char *to;

    if (ret != 0)
        return ret;
    to = how == PYD_MBUF_APPEND ? rte_pktmbuf_append(m, length) : rte_pktmbuf_prepend(m, length);
    if (to == NULL)
        return -ENOSPC;
    memmove(to, data, length);
    return 0;
}

/* Put bytes at an end of packet i. */
int
pyd_mbuf_put(struct pyd_burst *burst, uint32_t i, int how, const char *data, uint32_t length)
{
    int ret;
    struct rte_mbuf *m = pyd_burst_enter_packet(burst, i, &ret);

    return m == NULL ? ret : pyd_burst_leave_with(burst, put(m, how, data, length));
}

/* Headers that offloads refer to must stay. */
static int
may_cut(struct rte_mbuf *m, int how, uint32_t length)
{
    struct rte_mbuf probe;

    if (likely((m->ol_flags & RTE_MBUF_F_TX_OFFLOAD_MASK) == 0))
        return 0;
    if (length > m->data_len || (how == PYD_MBUF_TRIM && m != rte_pktmbuf_lastseg(m)))
        return 0;
    probe = *m;
    probe.data_len -= length;
    return pyd_tx_headers(&probe);
}

static int
cut(struct rte_mbuf *m, int how, uint32_t length)
{
    const int ret = may_cut(m, how, length);

    if (ret != 0)
        return ret;
    if (length > UINT16_MAX)
        return -ENOSPC;
    if (how == PYD_MBUF_ADJ)
        return rte_pktmbuf_adj(m, length) == NULL ? -ENOSPC : 0;
    return rte_pktmbuf_trim(m, length) != 0 ? -ENOSPC : 0;
}

/* Remove bytes from an end of packet i. */
int
pyd_mbuf_cut(struct pyd_burst *burst, uint32_t i, int how, uint32_t length)
{
    int ret;
    struct rte_mbuf *m = pyd_burst_enter_packet(burst, i, &ret);

    return m == NULL ? ret : pyd_burst_leave_with(burst, cut(m, how, length));
}

int
pyd_mbuf_get(struct pyd_burst *burst, uint32_t i, struct pyd_meta *meta)
{
    int ret;
    struct rte_mbuf *m = pyd_burst_enter_packet(burst, i, &ret);

    if (m == NULL)
        return ret;
    meta->ol_flags = m->ol_flags;
    meta->packet_type = m->packet_type;
    meta->rss_hash = m->hash.rss;
    meta->port = m->port;
    meta->vlan_tci = m->vlan_tci;
    meta->vlan_tci_outer = m->vlan_tci_outer;
    return pyd_burst_leave_with(burst, 0);
}

/* Flags for the owner of the buffer stay as they are: changing them frees other memory. So do
 * offloads, which pyd_mbuf_tx_set checks. */
int
pyd_mbuf_set(struct pyd_burst *burst, uint32_t i, const struct pyd_meta *meta)
{
    const uint64_t fixed = RTE_MBUF_F_INDIRECT | RTE_MBUF_F_EXTERNAL |
                           (RTE_MBUF_F_TX_OFFLOAD_MASK & ~RTE_MBUF_F_TX_VLAN);
    int ret;
    struct rte_mbuf *m = pyd_burst_enter_packet(burst, i, &ret);

    if (m == NULL)
        return ret;
    m->ol_flags = (m->ol_flags & fixed) | (meta->ol_flags & ~fixed);
    m->packet_type = meta->packet_type;
    m->hash.rss = meta->rss_hash;
    m->port = meta->port;
    m->vlan_tci = meta->vlan_tci;
    m->vlan_tci_outer = meta->vlan_tci_outer;
    return pyd_burst_leave_with(burst, 0);
}

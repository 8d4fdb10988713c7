/* SPDX-License-Identifier: BSD-3-Clause */
/* One packet of a burst: its metadata, and its length at either end. */
#include "burst/burst.h"

/* Shared bytes may not be written, and headers that offloads refer to must stay. */
static int
may_resize(struct rte_mbuf *m, int how, uint32_t length)
{
    struct rte_mbuf *last = rte_pktmbuf_lastseg(m);
    struct rte_mbuf probe;

    if (how == PYD_MBUF_APPEND || how == PYD_MBUF_PREPEND) {
        if (m->pkt_len + length > PYD_PKT_LEN_MAX)
            return -ENOSPC;
        return pyd_sharers(how == PYD_MBUF_APPEND ? last : m) == 1 ? 0 : -EPERM;
    }
    if (likely((m->ol_flags & RTE_MBUF_F_TX_OFFLOAD_MASK) == 0))
        return 0;
    if (length > m->data_len || (how == PYD_MBUF_TRIM && m != last))
        return 0;
    probe = *m;
    probe.data_len -= length;
    return pyd_tx_headers(&probe);
}

/* DPDK keeps lengths in 16 bits and checks only the room: a longer request must not wrap. */
static int
resize(struct rte_mbuf *m, int how, uint32_t length)
{
    int ret = may_resize(m, how, length);

    if (ret != 0)
        return ret;
    if (length > UINT16_MAX)
        return -ENOSPC;
    if (m->nb_segs > 1 && how == PYD_MBUF_APPEND &&
        rte_pktmbuf_lastseg(m)->data_len + length > UINT16_MAX)
        return -ENOSPC;
    switch (how) {
    case PYD_MBUF_APPEND:
        return rte_pktmbuf_append(m, length) == NULL ? -ENOSPC : 0;
    case PYD_MBUF_PREPEND:
        return rte_pktmbuf_prepend(m, length) == NULL ? -ENOSPC : 0;
    case PYD_MBUF_ADJ:
        return rte_pktmbuf_adj(m, length) == NULL ? -ENOSPC : 0;
    case PYD_MBUF_TRIM:
        return rte_pktmbuf_trim(m, length) != 0 ? -ENOSPC : 0;
    }
    return -EINVAL;
}

int
pyd_mbuf_resize(struct pyd_burst *burst, uint32_t i, int how, uint32_t length)
{
    int ret;
    struct rte_mbuf *m = pyd_burst_enter_packet(burst, i, &ret);

    if (m == NULL)
        return ret;
    ret = resize(m, how, length);
    pyd_burst_leave(burst);
    return ret;
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
    pyd_burst_leave(burst);
    return 0;
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
    pyd_burst_leave(burst);
    return 0;
}

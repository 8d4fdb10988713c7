/* SPDX-License-Identifier: BSD-3-Clause */
/* The lengths of headers that a port needs to compute checksums and to segment TCP. */
#include <rte_tcp.h>
#include <rte_udp.h>

#include "columns/place.h"

#define L2_MOST 127 /* what the fields of struct rte_mbuf hold */
#define L3_MOST 511
#define L4_MOST 255

static uint32_t
l4_length(const struct pyd_place *place)
{
    if (place->at[PYD_TCP] != PYD_NOWHERE)
        return (pyd_read8(place, place->at[PYD_TCP] + offsetof(struct rte_tcp_hdr, data_off)) >> 4) * 4;
    return place->at[PYD_UDP] != PYD_NOWHERE ? sizeof(struct rte_udp_hdr) : 0;
}

static uint32_t
l3_length(const struct pyd_place *place, uint32_t ip)
{
    if (place->at[PYD_L4] != PYD_NOWHERE)
        return place->at[PYD_L4] - ip;
    if (place->at[PYD_IPV4] != PYD_NOWHERE)
        return (pyd_read8(place, ip) & RTE_IPV4_HDR_IHL_MASK) * RTE_IPV4_IHL_MULTIPLIER;
    return sizeof(struct rte_ipv6_hdr);
}

/* `done`: the packets that are IP, whose lengths fit into their fields, and whose headers are in the
 * first segment, where drivers look for them. A packet that has TX offloads keeps their lengths. */
int
pyd_mbufs_set_header_lengths(struct rte_mbuf **mbufs, uint32_t n, uint8_t *done)
{
    struct pyd_place place;
    uint32_t i;

    for (i = 0; i < n; i++)
        if (mbufs[i]->ol_flags & RTE_MBUF_F_TX_OFFLOAD_MASK)
            return 1 + i;
    for (i = 0; i < n; i++) {
        struct rte_mbuf *m = mbufs[i];
        uint32_t ip, l3, l4;

        pyd_locate(&place, m, PYD_DEPTH_OUTER);
        ip = RTE_MIN(place.at[PYD_IPV4], place.at[PYD_IPV6]);
        l3 = ip == PYD_NOWHERE ? 0 : l3_length(&place, ip);
        l4 = l4_length(&place);
        done[i] = ip <= L2_MOST && l3 <= L3_MOST && l4 <= L4_MOST &&
                  ip + l3 + l4 <= m->data_len;
        m->l2_len = done[i] ? ip : 0;
        m->l3_len = done[i] ? l3 : 0;
        m->l4_len = done[i] ? l4 : 0;
    }
    return 0;
}

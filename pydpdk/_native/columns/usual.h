/* SPDX-License-Identifier: BSD-3-Clause */
/* The fast path to the headers of the most common packets. */
#ifndef PYD_USUAL_INLINE_H
#define PYD_USUAL_INLINE_H

#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_tcp.h>
#include <rte_udp.h>
#include <rte_vxlan.h>

#include <netinet/in.h>

#include "columns/place.h"

#define L3_AT sizeof(struct rte_ether_hdr)
#define L4_AT (L3_AT + sizeof(struct rte_ipv4_hdr))
#define NOT_ELSEWHERE                                                                            \
    [PYD_VLAN ... PYD_ARP] = PYD_NOWHERE, [PYD_IPV4] = L3_AT,                                    \
    [PYD_IPV6 ... PYD_IPV6_FRAGMENT] = PYD_NOWHERE, [PYD_L4] = L4_AT,                            \
    [PYD_SCTP ... PYD_STACK - 1] = PYD_NOWHERE

/* The protocol of a packet that is untagged, IPv4 without options, UDP or TCP, in one piece, and
 * has the bytes of a TCP header in its first segment; 0 for any other. */
static inline int
pyd_usual_proto(const char *data, uint32_t data_len)
{
    const struct rte_ether_hdr *ether = (const void *)data;
    const struct rte_ipv4_hdr *ip = (const void *)(data + L3_AT);

    if (unlikely(data_len < L4_AT + sizeof(struct rte_tcp_hdr) ||
                 ether->ether_type != rte_cpu_to_be_16(RTE_ETHER_TYPE_IPV4) ||
                 ip->version_ihl != RTE_IPV4_VHL_DEF ||
                 ip->fragment_offset & rte_cpu_to_be_16(PYD_FRAGMENT)))
        return 0;
    return ip->next_proto_id == IPPROTO_UDP || ip->next_proto_id == IPPROTO_TCP
               ? ip->next_proto_id : 0;
}

/* Most packets: untagged, IPv4 without options, in one piece. 6 ns instead of 39. */
static inline int
is_usual(struct pyd_place *place)
{
    static const uint16_t udp_at[PYD_STACK] = {
        NOT_ELSEWHERE, [PYD_TCP] = PYD_NOWHERE, [PYD_UDP] = L4_AT};
    static const uint16_t tcp_at[PYD_STACK] = {
        NOT_ELSEWHERE, [PYD_TCP] = L4_AT, [PYD_UDP] = PYD_NOWHERE};
    const int proto = pyd_usual_proto(place->data, place->data_len);

    if (proto == IPPROTO_UDP)
        memcpy(place->at, udp_at, sizeof(udp_at));
    else if (proto == IPPROTO_TCP)
        memcpy(place->at, tcp_at, sizeof(tcp_at));
    else
        return 0;
    place->proto[0] = proto;
    place->proto[1] = 0;
    return 1;
}

static inline int
is_usual_tunnel(const struct pyd_place *place)
{
    const struct rte_udp_hdr *udp = (const void *)(place->data + L4_AT);

    return place->at[PYD_UDP] != PYD_NOWHERE &&
           udp->dst_port == rte_cpu_to_be_16(RTE_VXLAN_DEFAULT_PORT);
}

#endif

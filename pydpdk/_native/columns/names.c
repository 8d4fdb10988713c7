/* SPDX-License-Identifier: BSD-3-Clause */
/* Names of columns: DPDK's structs and fields, without rte_ and _hdr. */
#include <rte_arp.h>
#include <rte_ether.h>
#include <rte_gre.h>
#include <rte_icmp.h>
#include <rte_ip.h>
#include <rte_sctp.h>
#include <rte_tcp.h>
#include <rte_udp.h>
#include <rte_vxlan.h>

#include "columns/place.h"

#define SIZE(type, field) sizeof(((type *)0)->field)
#define AT(id, name, type, field, big)                                                           \
    {name, #field, {.how = PYD_COLUMN_FIELD, .header = (id), .offset = offsetof(type, field),    \
     .width = SIZE(type, field), .swap = (big), .write = PYD_WRITE_ALWAYS}}
#define IN(id, type, field) AT(PYD_##id, NULL, struct type, field, 1)
#define RAW(id, type, field) AT(PYD_##id, NULL, struct type, field, 0)
#define HAS(id, name) {name, NULL, {.how = PYD_COLUMN_HAS, .header = PYD_##id, .width = 1}}
#define MBUF(name_, field, may_write, needs)                                                     \
    {NULL, name_, {.how = PYD_COLUMN_MBUF, .offset = offsetof(struct rte_mbuf, field),           \
     .width = SIZE(struct rte_mbuf, field), .write = (may_write), .flags = (needs)}}

#define RX_OR_TX_VLAN (RTE_MBUF_F_RX_VLAN | RTE_MBUF_F_TX_VLAN)
#define RX_OR_TX_QINQ (RTE_MBUF_F_RX_QINQ | RTE_MBUF_F_TX_QINQ)

/* An entry with a header names it for those that follow. */
static const struct pyd_field fields[] = {
    {"mbuf", NULL, {.how = PYD_COLUMN_HAS, .header = PYD_HEADERS, .width = 1}},
    MBUF("pkt_len", pkt_len, PYD_WRITE_NEVER, 0),
    MBUF("data_len", data_len, PYD_WRITE_NEVER, 0),
    MBUF("nb_segs", nb_segs, PYD_WRITE_NEVER, 0),
    MBUF("port", port, PYD_WRITE_ALWAYS, 0),
    MBUF("packet_type", packet_type, PYD_WRITE_ALWAYS, 0),
    MBUF("ol_flags", ol_flags, PYD_WRITE_FLAGS, 0),
    MBUF("hash.rss", hash.rss, PYD_WRITE_ALWAYS, RTE_MBUF_F_RX_RSS_HASH),
    MBUF("vlan_tci", vlan_tci, PYD_WRITE_NEVER, RX_OR_TX_VLAN),
    MBUF("vlan_tci_outer", vlan_tci_outer, PYD_WRITE_NEVER, RX_OR_TX_QINQ),
    HAS(ETHER, "ether"),
    RAW(ETHER, rte_ether_hdr, dst_addr),
    RAW(ETHER, rte_ether_hdr, src_addr),
    IN(ETHER, rte_ether_hdr, ether_type),
    HAS(VLAN, "vlan"),
    IN(VLAN, rte_vlan_hdr, vlan_tci),
    IN(VLAN, rte_vlan_hdr, eth_proto),
    HAS(VLAN1, "vlan[1]"),
    IN(VLAN1, rte_vlan_hdr, vlan_tci),
    IN(VLAN1, rte_vlan_hdr, eth_proto),
    HAS(ARP, "arp"),
    IN(ARP, rte_arp_hdr, arp_hardware),
    IN(ARP, rte_arp_hdr, arp_protocol),
    IN(ARP, rte_arp_hdr, arp_hlen),
    IN(ARP, rte_arp_hdr, arp_plen),
    IN(ARP, rte_arp_hdr, arp_opcode),
    RAW(ARP, rte_arp_hdr, arp_data.arp_sha),
    IN(ARP, rte_arp_hdr, arp_data.arp_sip),
    RAW(ARP, rte_arp_hdr, arp_data.arp_tha),
    IN(ARP, rte_arp_hdr, arp_data.arp_tip),
    HAS(IPV4, "ipv4"),
    IN(IPV4, rte_ipv4_hdr, version_ihl),
    IN(IPV4, rte_ipv4_hdr, type_of_service),
    IN(IPV4, rte_ipv4_hdr, total_length),
    IN(IPV4, rte_ipv4_hdr, packet_id),
    IN(IPV4, rte_ipv4_hdr, fragment_offset),
    IN(IPV4, rte_ipv4_hdr, time_to_live),
    IN(IPV4, rte_ipv4_hdr, next_proto_id),
    IN(IPV4, rte_ipv4_hdr, hdr_checksum),
    IN(IPV4, rte_ipv4_hdr, src_addr),
    IN(IPV4, rte_ipv4_hdr, dst_addr),
    HAS(IPV6, "ipv6"),
    IN(IPV6, rte_ipv6_hdr, vtc_flow),
    IN(IPV6, rte_ipv6_hdr, payload_len),
    IN(IPV6, rte_ipv6_hdr, proto),
    IN(IPV6, rte_ipv6_hdr, hop_limits),
    RAW(IPV6, rte_ipv6_hdr, src_addr),
    RAW(IPV6, rte_ipv6_hdr, dst_addr),
    HAS(IPV6_FRAGMENT, "ipv6_fragment_ext"),
    IN(IPV6_FRAGMENT, rte_ipv6_fragment_ext, next_header),
    IN(IPV6_FRAGMENT, rte_ipv6_fragment_ext, frag_data),
    IN(IPV6_FRAGMENT, rte_ipv6_fragment_ext, id),
    HAS(L4, "l4"), /* TCP, UDP and SCTP have their ports at the same offsets */
    IN(L4, rte_udp_hdr, src_port),
    IN(L4, rte_udp_hdr, dst_port),
    HAS(TCP, "tcp"),
    IN(TCP, rte_tcp_hdr, src_port),
    IN(TCP, rte_tcp_hdr, dst_port),
    IN(TCP, rte_tcp_hdr, sent_seq),
    IN(TCP, rte_tcp_hdr, recv_ack),
    IN(TCP, rte_tcp_hdr, data_off),
    IN(TCP, rte_tcp_hdr, tcp_flags),
    IN(TCP, rte_tcp_hdr, rx_win),
    IN(TCP, rte_tcp_hdr, cksum),
    IN(TCP, rte_tcp_hdr, tcp_urp),
    HAS(UDP, "udp"),
    IN(UDP, rte_udp_hdr, src_port),
    IN(UDP, rte_udp_hdr, dst_port),
    IN(UDP, rte_udp_hdr, dgram_len),
    IN(UDP, rte_udp_hdr, dgram_cksum),
    HAS(SCTP, "sctp"),
    IN(SCTP, rte_sctp_hdr, src_port),
    IN(SCTP, rte_sctp_hdr, dst_port),
    IN(SCTP, rte_sctp_hdr, tag),
    IN(SCTP, rte_sctp_hdr, cksum),
    HAS(ICMP, "icmp"),
    IN(ICMP, rte_icmp_hdr, icmp_type),
    IN(ICMP, rte_icmp_hdr, icmp_code),
    IN(ICMP, rte_icmp_hdr, icmp_cksum),
    IN(ICMP, rte_icmp_hdr, icmp_ident),
    IN(ICMP, rte_icmp_hdr, icmp_seq_nb),
    HAS(ICMP6, "icmp6"),
    IN(ICMP6, rte_icmp_hdr, icmp_type),
    IN(ICMP6, rte_icmp_hdr, icmp_code),
    IN(ICMP6, rte_icmp_hdr, icmp_cksum),
    HAS(VXLAN, "vxlan"),
    IN(VXLAN, rte_vxlan_hdr, vx_flags),
    IN(VXLAN, rte_vxlan_hdr, vx_vni),
    HAS(GRE, "gre"),
    IN(GRE, rte_gre_hdr, proto),
    {"flow", "tuple", {.how = PYD_COLUMN_TUPLE, .width = PYD_FLOW_BYTES}},
    {NULL, "hash", {.how = PYD_COLUMN_HASH, .width = sizeof(uint32_t)}},
    {NULL, "proto", {.how = PYD_COLUMN_PROTO, .width = sizeof(uint8_t)}},
    {"net", "packet_type", {.how = PYD_COLUMN_PTYPE, .width = sizeof(uint32_t)}},
};

/* NULL behind the last. */
const struct pyd_field *
pyd_field_at(uint32_t i)
{
    return i < RTE_DIM(fields) ? &fields[i] : NULL;
}

/* The same header in the packet inside a tunnel; -1 where there is none. */
int
pyd_header_inside(uint32_t header)
{
    return header < PYD_STACK ? (int)header + PYD_STACK : -1;
}

/* How deep a packet must be searched for a header; -1: no such header. */
int
pyd_header_depth(uint32_t header)
{
    if (header >= PYD_HEADERS)
        return header == PYD_HEADERS ? PYD_DEPTH_MBUF : -1;
    return header < PYD_STACK ? PYD_DEPTH_OUTER : PYD_DEPTH_INNER;
}

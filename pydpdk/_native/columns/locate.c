/* SPDX-License-Identifier: BSD-3-Clause */
/* Find the headers of a packet, as far as its bytes go, in the steps of rte_net_get_ptype. */
#include <rte_arp.h>
#include <rte_ether.h>
#include <rte_gre.h>
#include <rte_icmp.h>
#include <rte_ip.h>
#include <rte_sctp.h>
#include <rte_tcp.h>
#include <rte_udp.h>
#include <rte_vxlan.h>

#include "columns/usual.h"

#define ICMP6_LEAST 4         /* type, code and checksum: all that every ICMPv6 message has */
#define VXLAN_HAS_VNI 0x08000000

/* A header at `off`, if the packet has all of it. */
static inline const void *
found(struct pyd_place *place, uint32_t header, uint32_t off, uint32_t len, void *copy)
{
    const void *bytes;

    if (unlikely(off + len > PYD_NOWHERE))
        return NULL;
    bytes = pyd_place_read(place, off, len, copy);
    if (likely(bytes != NULL))
        place->at[header] = off;
    return bytes;
}

/* The protocol that follows; -1 where a first fragment does not have all of its header's fixed
 * part. */
static __rte_noinline int
proto_of_first(const struct pyd_place *place, uint8_t proto, uint32_t off)
{
    const uint32_t least = proto == IPPROTO_TCP    ? sizeof(struct rte_tcp_hdr)
                           : proto == IPPROTO_SCTP ? sizeof(struct rte_sctp_hdr)
                                                   : sizeof(struct rte_udp_hdr);

    return off + least <= pyd_ip_end(place, 0) ? proto : -1;
}

/* Whether headers follow this one: offset 0 without further fragments is a packet in one piece (RFC
 * 6946). */
static __rte_noinline int
has_headers(struct pyd_place *place, uint32_t stack, uint32_t depth, uint32_t off)
{
    struct rte_ipv6_fragment_ext copy;
    const struct rte_ipv6_fragment_ext *fragment;
    int is_whole = 1;
    uint16_t said;

    if (depth == PYD_DEPTH_FIRST)
        pyd_fragment_start(place, &is_whole);
    if (!is_whole) /* it is in a fragment itself */
        return 0;
    fragment = found(place, stack + PYD_IPV6_FRAGMENT, off, sizeof(copy), &copy);
    if (fragment == NULL)
        return 0;
    place->proto[stack != 0] = fragment->next_header;
    said = rte_be_to_cpu_16(fragment->frag_data) & RTE_IPV6_FRAG_USED_MASK;
    return said == 0 || (said == RTE_IPV6_EHDR_MF_MASK && depth == PYD_DEPTH_FIRST);
}

/* Skip hop-by-hop, routing, destination and fragment headers. -1: there is no L4 to find. */
static inline int
skip_extensions(struct pyd_place *place, uint32_t stack, uint32_t depth, int proto, uint32_t *off)
{
    int i;

    for (i = 0; i < PYD_EXTENSIONS_MAX; i++) {
        if (proto == IPPROTO_FRAGMENT && !has_headers(place, stack, depth, *off))
            return -1;
        proto = pyd_skip_extension(place, proto, off);
        if (proto < 0 || likely(!pyd_is_extension(proto)))
            return proto;
    }
    return -1;
}

/* Returns the protocol in the packet, *off behind the header; -1: nothing known follows. */
static int
locate_ipv4(struct pyd_place *place, uint32_t stack, uint32_t depth, uint32_t *off)
{
    struct rte_ipv4_hdr copy;
    const struct rte_ipv4_hdr *ip = found(place, stack + PYD_IPV4, *off, sizeof(copy), &copy);

    if (ip == NULL)
        return -1;
    if (unlikely(ip->version_ihl >> 4 != 4 || rte_ipv4_hdr_len(ip) < sizeof(*ip))) {
        place->at[stack + PYD_IPV4] = PYD_NOWHERE;
        return -1;
    }
    *off += rte_ipv4_hdr_len(ip);
    place->proto[stack != 0] = ip->next_proto_id;
    if (likely((ip->fragment_offset & rte_cpu_to_be_16(PYD_FRAGMENT)) == 0))
        return ip->next_proto_id;
    if (depth != PYD_DEPTH_FIRST || ip->fragment_offset & rte_cpu_to_be_16(RTE_IPV4_HDR_OFFSET_MASK))
        return -1;
    return proto_of_first(place, ip->next_proto_id, *off);
}

static int
locate_ipv6(struct pyd_place *place, uint32_t stack, uint32_t depth, uint32_t *off)
{
    struct rte_ipv6_hdr copy;
    const struct rte_ipv6_hdr *ip = found(place, stack + PYD_IPV6, *off, sizeof(copy), &copy);
    int proto, is_whole;

    if (ip == NULL)
        return -1;
    if (unlikely(*(const uint8_t *)ip >> 4 != 6)) {
        place->at[stack + PYD_IPV6] = PYD_NOWHERE;
        return -1;
    }
    *off += sizeof(*ip);
    place->proto[stack != 0] = ip->proto;
    if (likely(!pyd_is_extension(ip->proto)))
        return ip->proto;
    proto = skip_extensions(place, stack, depth, ip->proto, off);
    if (proto < 0)
        return -1;
    place->proto[stack != 0] = proto;
    if (likely(depth != PYD_DEPTH_FIRST || place->at[PYD_IPV6_FRAGMENT] == PYD_NOWHERE))
        return proto;
    pyd_fragment_start(place, &is_whole);
    return is_whole ? proto : proto_of_first(place, proto, *off);
}

/* Returns the ether_type of a tunnel's packet, which begins at *off; 0: no tunnel. */
static uint16_t
locate_l4(struct pyd_place *place, uint32_t stack, int proto, uint32_t *off)
{
    char copy[RTE_MAX(sizeof(struct rte_tcp_hdr), sizeof(struct rte_icmp_hdr))];
    const struct rte_udp_hdr *udp;
    const struct rte_gre_hdr *gre;

    switch (proto) {
    case IPPROTO_TCP:
        if (found(place, stack + PYD_TCP, *off, sizeof(struct rte_tcp_hdr), copy))
            place->at[stack + PYD_L4] = *off;
        return 0;
    case IPPROTO_UDP:
        udp = found(place, stack + PYD_UDP, *off, sizeof(*udp), copy);
        if (udp == NULL)
            return 0;
        place->at[stack + PYD_L4] = *off;
        *off += sizeof(*udp);
        return udp->dst_port == rte_cpu_to_be_16(RTE_VXLAN_DEFAULT_PORT) ? RTE_ETHER_TYPE_TEB : 0;
    case IPPROTO_SCTP:
        if (found(place, stack + PYD_SCTP, *off, sizeof(struct rte_sctp_hdr), copy))
            place->at[stack + PYD_L4] = *off;
        return 0;
    case IPPROTO_ICMP:
        found(place, stack + PYD_ICMP, *off, sizeof(struct rte_icmp_hdr), copy);
        return 0;
    case IPPROTO_ICMPV6:
        found(place, stack + PYD_ICMP6, *off, ICMP6_LEAST, copy);
        return 0;
    case IPPROTO_IPIP:
        return RTE_ETHER_TYPE_IPV4;
    case IPPROTO_IPV6:
        return RTE_ETHER_TYPE_IPV6;
    case IPPROTO_GRE:
        if (stack != 0)
            return 0;
        gre = found(place, PYD_GRE, *off, sizeof(*gre), copy);
        if (gre == NULL || ((const uint8_t *)gre)[0] & 0x40) /* source routing: length unknown */
            return 0;
        *off += sizeof(*gre) + 4 * (gre->c + gre->k + gre->s);
        return rte_be_to_cpu_16(gre->proto);
    }
    return 0;
}

static uint16_t
locate_l3(struct pyd_place *place, uint32_t stack, uint32_t depth, uint16_t ether_type,
          uint32_t *off)
{
    struct rte_arp_hdr copy;
    int proto;

    switch (ether_type) {
    case RTE_ETHER_TYPE_IPV4:
        proto = locate_ipv4(place, stack, depth, off);
        break;
    case RTE_ETHER_TYPE_IPV6:
        proto = locate_ipv6(place, stack, depth, off);
        break;
    case RTE_ETHER_TYPE_ARP:
        found(place, stack + PYD_ARP, *off, sizeof(copy), &copy);
        return 0;
    default:
        return 0;
    }
    return proto < 0 ? 0 : locate_l4(place, stack, proto, off);
}

/* The ether_type; 0 where the packet is too short. */
static uint16_t
locate_l2(struct pyd_place *place, uint32_t stack, uint32_t *off)
{
    struct rte_ether_hdr copy;
    const struct rte_ether_hdr *ether = found(place, stack + PYD_ETHER, *off, sizeof(copy), &copy);

    if (unlikely(ether == NULL))
        return 0;
    *off += sizeof(*ether);
    return rte_be_to_cpu_16(ether->ether_type);
}

/* Up to two tags, as DPDK's QinQ; returns the type of what is behind them. */
static uint16_t
locate_tags(struct pyd_place *place, uint32_t stack, uint16_t type, uint32_t *off)
{
    struct rte_vlan_hdr copy;
    const struct rte_vlan_hdr *tag;
    uint32_t header;

    for (header = PYD_VLAN; header <= PYD_VLAN1; header++) {
        if (likely(type != RTE_ETHER_TYPE_VLAN && type != RTE_ETHER_TYPE_QINQ))
            return type;
        tag = found(place, stack + header, *off, sizeof(*tag), &copy);
        if (tag == NULL)
            return 0;
        *off += sizeof(*tag);
        type = rte_be_to_cpu_16(tag->eth_proto);
    }
    return type;
}

static int
is_vxlan(struct pyd_place *place, uint32_t *off)
{
    struct rte_vxlan_hdr copy;
    const struct rte_vxlan_hdr *vxlan = found(place, PYD_VXLAN, *off, sizeof(copy), &copy);

    if (vxlan == NULL)
        return 0;
    *off += sizeof(*vxlan);
    if (vxlan->vx_flags & rte_cpu_to_be_32(VXLAN_HAS_VNI))
        return 1;
    place->at[PYD_VXLAN] = PYD_NOWHERE;
    return 0;
}

/* From the first byte on. */
static void
locate(struct pyd_place *place, uint32_t depth)
{
    uint32_t off = 0;
    uint16_t type;

    memset(place->proto, 0, sizeof(place->proto));
    memset(place->at, 0xff, PYD_STACK * sizeof(place->at[0]));
    type = locate_l2(place, 0, &off);
    type = locate_l3(place, 0, depth, locate_tags(place, 0, type, &off), &off);
    if (likely(depth != PYD_DEPTH_INNER || type == 0))
        return;
    if (place->at[PYD_UDP] != PYD_NOWHERE && !is_vxlan(place, &off))
        return;
    if (type == RTE_ETHER_TYPE_TEB)
        type = locate_l2(place, PYD_STACK, &off);
    locate_l3(place, PYD_STACK, depth, locate_tags(place, PYD_STACK, type, &off), &off);
}

void
pyd_locate(struct pyd_place *place, struct rte_mbuf *m, uint32_t depth)
{
    place->m = m;
    place->data = rte_pktmbuf_mtod(m, char *);
    place->data_len = m->data_len;
    if (depth == PYD_DEPTH_INNER)
        memset(place->at + PYD_STACK, 0xff, sizeof(place->at) - PYD_STACK * sizeof(place->at[0]));
    if (likely(is_usual(place)) && (depth != PYD_DEPTH_INNER || !is_usual_tunnel(place)))
        return;
    locate(place, depth);
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* Where checksums lie, and how to update them when what they cover changes. */
#ifndef PYD_HEADERS_INLINE_H
#define PYD_HEADERS_INLINE_H

#include <rte_icmp.h>
#include <rte_ip.h>
#include <rte_tcp.h>
#include <rte_udp.h>

#include "columns/place.h"

uint16_t pyd_raw_sum(const struct rte_mbuf *m, uint32_t off, uint32_t len);

/* A sum of 16-bit words with its carries added, as checksums have it. */
static inline uint16_t
pyd_fold(uint32_t sum)
{
    sum = (sum & UINT16_MAX) + (sum >> 16);
    return (sum & UINT16_MAX) + (sum >> 16);
}

/* The checksum of L4; with `of_addresses`, only one that also covers the addresses of L3; 0: there
 * is none. */
static inline uint32_t
pyd_l4_sum_at(const struct pyd_place *place, int of_addresses)
{
    if (place->at[PYD_TCP] != PYD_NOWHERE)
        return place->at[PYD_TCP] + offsetof(struct rte_tcp_hdr, cksum);
    if (place->at[PYD_UDP] != PYD_NOWHERE)
        return place->at[PYD_UDP] + offsetof(struct rte_udp_hdr, dgram_cksum);
    if (place->at[PYD_ICMP6] != PYD_NOWHERE)
        return place->at[PYD_ICMP6] + offsetof(struct rte_icmp_hdr, icmp_cksum);
    if (place->at[PYD_ICMP] != PYD_NOWHERE && !of_addresses)
        return place->at[PYD_ICMP] + offsetof(struct rte_icmp_hdr, icmp_cksum);
    return 0;
}

/* Both addresses lie side by side in a header of IP, the source first. */
static inline uint32_t
pyd_src_at(int is_ipv4)
{
    return is_ipv4 ? offsetof(struct rte_ipv4_hdr, src_addr)
                   : offsetof(struct rte_ipv6_hdr, src_addr);
}

static inline uint32_t
pyd_address_bytes(int is_ipv4)
{
    return is_ipv4 ? sizeof(rte_be32_t) : sizeof(((struct rte_ipv6_hdr *)0)->src_addr);
}

/* An address of the pseudo header: `kept` is how many of its first bytes equal those in IP's
 * header. */
struct pyd_address {
    uint32_t kept;
    char bytes[16];
};
struct pyd_pseudo {
    struct pyd_address src;
    struct pyd_address dst;
};

/* Where the checksum lies in a header of L4 whose checksum covers the addresses; 0: it has none. */
static inline uint32_t
pyd_sum_in(uint8_t proto)
{
    switch (proto) {
    case IPPROTO_TCP:
        return offsetof(struct rte_tcp_hdr, cksum);
    case IPPROTO_UDP:
        return offsetof(struct rte_udp_hdr, dgram_cksum);
    case IPPROTO_ICMPV6:
        return offsetof(struct rte_icmp_hdr, icmp_cksum);
    case IPPROTO_UDPLITE: /* RFC 3828 */
    case IPPROTO_DCCP:    /* RFC 4340 */
        return 6;
    }
    return 0;
}

void pyd_find_pseudo(const struct pyd_place *place, struct pyd_pseudo *pseudo);
uint32_t pyd_datagram_sum_at(const struct pyd_place *place);

/* Whether the IP header certainly has both addresses of the pseudo header, as most do. */
static inline int
pyd_has_own_pseudo(const struct pyd_place *place)
{
    const uint32_t ipv4 = place->at[PYD_IPV4], ipv6 = place->at[PYD_IPV6];

    if (likely(ipv4 != PYD_NOWHERE))
        return pyd_read8(place, ipv4) == RTE_IPV4_VHL_DEF;
    return !pyd_is_extension(pyd_read8(place, ipv6 + offsetof(struct rte_ipv6_hdr, proto)));
}

/* Bytes that the packet has. */
static inline void
pyd_place_write(const struct pyd_place *place, uint32_t off, uint32_t len, const char *bytes)
{
    if (likely(off + len <= place->data_len))
        memcpy(place->data + off, bytes, len);
    else
        pyd_span_write(place->m, off, len, bytes);
}

static inline void
pyd_write16(const struct pyd_place *place, uint32_t off, uint16_t value)
{
    pyd_place_write(place, off, sizeof(value), (const char *)&value);
}

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
/* Where the headers of a packet lie, and how their bytes are read across its segments. */
#ifndef PYD_PLACE_INLINE_H
#define PYD_PLACE_INLINE_H

#include <netinet/in.h>

#include <rte_ip.h>

#include "burst/burst.h"

#define PYD_NOWHERE UINT16_MAX
#define PYD_EXTENSIONS_MAX 8 /* headers between an IPv6 header and L4 */
#define PYD_FRAGMENT (RTE_IPV4_HDR_OFFSET_MASK | RTE_IPV4_HDR_MF_FLAG)
#define PYD_DEPTH_FIRST 3 /* as PYD_DEPTH_OUTER, and into the L4 header of a first fragment */

/* The headers of one stack; those of the stack inside a tunnel follow in the same order. */
enum pyd_header {
    PYD_ETHER,
    PYD_VLAN,
    PYD_VLAN1,
    PYD_ARP,
    PYD_IPV4,
    PYD_IPV6,
    PYD_IPV6_FRAGMENT,
    PYD_L4,
    PYD_TCP,
    PYD_UDP,
    PYD_SCTP,
    PYD_ICMP,
    PYD_ICMP6,
    PYD_STACK,
    PYD_VXLAN = 2 * PYD_STACK,
    PYD_GRE,
    PYD_HEADERS,
};

/* One packet: its first segment, and the offset of each header or PYD_NOWHERE. A header only counts
 * where the packet has all of its fixed part. */
struct pyd_place {
    struct rte_mbuf *m;
    char *data;
    uint16_t data_len;
    uint8_t proto[2];
    uint16_t at[PYD_HEADERS];
};

struct pyd_extension {
    uint8_t next_header;
    uint8_t length;
};

void pyd_locate(struct pyd_place *place, struct rte_mbuf *m, uint32_t depth);

/* Bytes that the packet has: in place, or in `copy` where they cross segments. */
static inline const char *
pyd_place_read(const struct pyd_place *place, uint32_t off, uint32_t len, char *copy)
{
    if (likely(off + len <= place->data_len))
        return place->data + off;
    return rte_pktmbuf_read(place->m, off, len, copy);
}

static inline uint8_t
pyd_read8(const struct pyd_place *place, uint32_t off)
{
    char copy;
    const char *byte = pyd_place_read(place, off, 1, &copy);

    return likely(byte != NULL) ? (uint8_t)*byte : 0;
}

static inline uint16_t
pyd_read16(const struct pyd_place *place, uint32_t off)
{
    uint16_t value = 0, copy;
    const char *bytes = pyd_place_read(place, off, sizeof(value), (char *)&copy);

    if (likely(bytes != NULL))
        memcpy(&value, bytes, sizeof(value));
    return value;
}

/* A number as the packet has it: in place, or in `wire` where its bytes are swapped. */
static inline const char *
pyd_to_wire(const char *data, uint32_t width, int swap, char *wire)
{
    uint16_t value16;
    uint32_t value32;

    if (!swap || width == 1)
        return data;
    if (width == sizeof(value16)) {
        memcpy(&value16, data, sizeof(value16));
        value16 = rte_cpu_to_be_16(value16);
        return memcpy(wire, &value16, sizeof(value16));
    }
    memcpy(&value32, data, sizeof(value32));
    value32 = rte_cpu_to_be_32(value32);
    return memcpy(wire, &value32, sizeof(value32));
}

/* Where the IP packet of a stack ends, from its header. */
static inline uint32_t
pyd_ip_end(const struct pyd_place *place, uint32_t stack)
{
    const uint32_t ipv4 = place->at[stack + PYD_IPV4], ipv6 = place->at[stack + PYD_IPV6];

    if (ipv4 != PYD_NOWHERE)
        return ipv4 + rte_be_to_cpu_16(
            pyd_read16(place, ipv4 + offsetof(struct rte_ipv4_hdr, total_length)));
    return ipv6 + sizeof(struct rte_ipv6_hdr) + rte_be_to_cpu_16(
        pyd_read16(place, ipv6 + offsetof(struct rte_ipv6_hdr, payload_len)));
}

static inline int
pyd_is_extension(uint8_t proto)
{
    const uint64_t extensions = UINT64_C(1) << IPPROTO_HOPOPTS | UINT64_C(1) << IPPROTO_ROUTING |
                                UINT64_C(1) << IPPROTO_FRAGMENT | UINT64_C(1) << IPPROTO_DSTOPTS;

    return proto < 64 && (extensions >> proto & 1);
}

/* Skip an IPv6 extension header at *off: returns the next protocol, and moves *off behind the
 * header; -1 where it is cut. */
static inline int
pyd_skip_extension(const struct pyd_place *place, uint8_t proto, uint32_t *off)
{
    struct pyd_extension copy;
    const struct pyd_extension *header =
        (const void *)pyd_place_read(place, *off, sizeof(*header), (char *)&copy);

    if (header == NULL)
        return -1;
    *off += proto == IPPROTO_FRAGMENT ? 8 : (header->length + 1) * 8;
    return header->next_header;
}

/* Offset of this fragment in its datagram [bytes]; *is_whole where there are no other fragments. */
static inline uint32_t
pyd_fragment_start(const struct pyd_place *place, int *is_whole)
{
    const uint32_t ipv4 = place->at[PYD_IPV4], fragment = place->at[PYD_IPV6_FRAGMENT];
    uint16_t said = 0;

    if (ipv4 != PYD_NOWHERE) {
        said = rte_be_to_cpu_16(
            pyd_read16(place, ipv4 + offsetof(struct rte_ipv4_hdr, fragment_offset)));
        *is_whole = (said & PYD_FRAGMENT) == 0;
        return (said & RTE_IPV4_HDR_OFFSET_MASK) * RTE_IPV4_HDR_OFFSET_UNITS;
    }
    if (fragment != PYD_NOWHERE)
        said = rte_be_to_cpu_16(
            pyd_read16(place, fragment + offsetof(struct rte_ipv6_fragment_ext, frag_data)));
    *is_whole = (said & RTE_IPV6_FRAG_USED_MASK) == 0;
    return said & RTE_IPV6_EHDR_FO_MASK;
}

#endif

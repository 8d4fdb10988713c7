/* SPDX-License-Identifier: BSD-3-Clause */
/* A flow: addresses, ports and protocol of the IP packet in a stack of headers. */
#include <rte_ip.h>
#include <rte_tcp.h>
#include <rte_thash.h>
#include <rte_udp.h>

#include "columns/flow.h"

/* The key of Microsoft's specification of RSS, the default of most cards. */
static const uint8_t rss_key[PYD_RSS_KEY_BYTES] = {
    0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67, 0x25, 0x3d, 0x43, 0xa3,
    0x8f, 0xb0, 0xd0, 0xca, 0x2b, 0xcb, 0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3,
    0x80, 0x30, 0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa,
};

/* The record that Python sees: IPv4 addresses at the end of their 16 bytes, in network order. */
struct flow {
    uint8_t src_addr[16];
    uint8_t dst_addr[16];
    uint16_t src_port;
    uint16_t dst_port;
    uint8_t proto;
    uint8_t version;
    uint8_t reserved[2];
};

_Static_assert(sizeof(struct flow) == PYD_FLOW_BYTES, "as the dtype has it");

static void
read_ports(const struct pyd_place *place, uint32_t stack, struct flow *flow)
{
    struct rte_udp_hdr copy;
    const struct rte_udp_hdr *l4;

    if (place->at[stack + PYD_L4] == PYD_NOWHERE)
        return;
    l4 = (const void *)pyd_place_read(place, place->at[stack + PYD_L4], 4, (char *)&copy);
    flow->src_port = rte_be_to_cpu_16(l4->src_port);
    flow->dst_port = rte_be_to_cpu_16(l4->dst_port);
}

static void
read_flow(const struct pyd_place *place, uint32_t stack, struct flow *flow)
{
    const uint32_t ipv4 = place->at[stack + PYD_IPV4], ipv6 = place->at[stack + PYD_IPV6];
    char copy[32];
    const char *addresses;

    memset(flow, 0, sizeof(*flow));
    if (ipv4 != PYD_NOWHERE) {
        addresses = pyd_place_read(place, ipv4 + offsetof(struct rte_ipv4_hdr, src_addr), 8, copy);
        memcpy(flow->src_addr + 12, addresses, 4);
        memcpy(flow->dst_addr + 12, addresses + 4, 4);
        flow->version = 4;
    } else if (ipv6 != PYD_NOWHERE) {
        addresses = pyd_place_read(place, ipv6 + offsetof(struct rte_ipv6_hdr, src_addr), 32, copy);
        memcpy(flow->src_addr, addresses, sizeof(flow->src_addr));
        memcpy(flow->dst_addr, addresses + 16, sizeof(flow->dst_addr));
        flow->version = 6;
    } else {
        return;
    }
    flow->proto = place->proto[stack != 0];
    read_ports(place, stack, flow);
}

void
pyd_flow_tuple(const struct pyd_place *place, uint32_t stack, char *record)
{
    struct flow flow;

    read_flow(place, stack, &flow);
    memcpy(record, &flow, sizeof(flow));
}

/* As cards compute it: over addresses and ports, or over addresses where there are no ports. */
uint32_t
pyd_flow_hash(const struct pyd_place *place, uint32_t stack)
{
    uint32_t words[RTE_THASH_V6_L4_LEN], n, i;
    struct flow flow;

    read_flow(place, stack, &flow);
    if (flow.version == 0)
        return 0;
    n = flow.version == 4 ? 1 : 4;
    memcpy(words, flow.src_addr + 16 - 4 * n, 4 * n);
    memcpy(words + n, flow.dst_addr + 16 - 4 * n, 4 * n);
    n *= 2;
    for (i = 0; i < n; i++)
        words[i] = rte_be_to_cpu_32(words[i]);
    if (place->at[stack + PYD_L4] != PYD_NOWHERE)
        words[n++] = (uint32_t)flow.src_port << 16 | flow.dst_port;
    return rte_softrss(words, n, rss_key);
}

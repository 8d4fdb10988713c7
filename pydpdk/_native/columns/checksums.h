/* SPDX-License-Identifier: BSD-3-Clause */
/* Checksums of the most common packets, by DPDK's own functions for them. */
#ifndef PYD_CHECKSUMS_H
#define PYD_CHECKSUMS_H

#include "columns/usual.h"

/* A packet of one segment that is not shared. Returns 0 and changes nothing where it, or one of its
 * lengths, is not a usual one. */
static inline int
pyd_compute_usual(struct rte_mbuf *m)
{
    struct pyd_place place = {.m = m, .data = rte_pktmbuf_mtod(m, char *), .data_len = m->data_len};
    struct rte_ipv4_hdr *ip = (void *)(place.data + L3_AT);
    struct rte_tcp_hdr *tcp = (void *)(place.data + L4_AT);
    struct rte_udp_hdr *udp = (void *)(place.data + L4_AT);
    uint32_t length;

    if (!is_usual(&place))
        return 0;
    length = rte_be_to_cpu_16(ip->total_length);
    if (L3_AT + length > m->data_len ||
        length < sizeof(*ip) + (ip->next_proto_id == IPPROTO_TCP ? sizeof(*tcp) : sizeof(*udp)))
        return 0;
    if (ip->next_proto_id == IPPROTO_UDP &&
        rte_be_to_cpu_16(udp->dgram_len) != length - sizeof(*ip))
        return 0;
    pyd_tx_forget(m);
    ip->hdr_checksum = 0;
    ip->hdr_checksum = rte_ipv4_cksum(ip);
    if (ip->next_proto_id == IPPROTO_TCP) {
        tcp->cksum = 0;
        tcp->cksum = rte_ipv4_udptcp_cksum(ip, tcp);
    } else {
        udp->dgram_cksum = 0;
        udp->dgram_cksum = rte_ipv4_udptcp_cksum(ip, udp);
    }
    return 1;
}

#endif

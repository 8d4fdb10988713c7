/* SPDX-License-Identifier: BSD-3-Clause */
/* Finish checksums that the kernel left to a NIC: CHECKSUM_PARTIAL in an skb.
 *
 * The field then has the sum of the pseudo header, not complemented, and the sum over all of L4
 * with the field in it is the right checksum. That also holds for a packet with a right checksum
 * that happens to equal its pseudo header's sum: computed again, it is the same. A packet whose
 * wrong checksum happens to be that sum is not detected, one in 65,535 of those. */
#include <netinet/in.h>

#include "columns/headers.h"
#include "ethdev/border.h"

/* The L4 of one stack that may be unfinished. */
struct part {
    uint32_t ip_at;
    uint32_t l4_at;
    uint32_t l4_len;
    uint32_t sum_at;
    uint8_t is_ipv4;
    uint8_t proto;
};

/* UDP has its own length field. */
static uint32_t
length_of(const struct pyd_place *place, const struct part *part, uint32_t end)
{
    const uint32_t rest = end - part->l4_at;
    uint32_t length;

    if (part->proto != IPPROTO_UDP)
        return rest;
    length = rte_be_to_cpu_16(pyd_read16(
        place, part->l4_at + offsetof(struct rte_udp_hdr, dgram_len)));
    return length < sizeof(struct rte_udp_hdr) || length > rest ? rest : length;
}

/* 0: neither TCP nor UDP, or incomplete. */
static int
find_part(const struct pyd_place *place, uint32_t stack, struct part *part)
{
    const uint16_t *at = place->at + stack;
    const int is_tcp = at[PYD_TCP] != PYD_NOWHERE;
    uint32_t end;

    if (!is_tcp && at[PYD_UDP] == PYD_NOWHERE)
        return 0;
    part->is_ipv4 = at[PYD_IPV4] != PYD_NOWHERE;
    part->ip_at = at[part->is_ipv4 ? PYD_IPV4 : PYD_IPV6];
    part->l4_at = at[is_tcp ? PYD_TCP : PYD_UDP];
    part->proto = is_tcp ? IPPROTO_TCP : IPPROTO_UDP;
    part->sum_at = part->l4_at + (is_tcp ? offsetof(struct rte_tcp_hdr, cksum)
                                         : offsetof(struct rte_udp_hdr, dgram_cksum));
    if (part->ip_at == PYD_NOWHERE)
        return 0;
    end = pyd_ip_end(place, stack);
    if (end > place->m->pkt_len || end < part->sum_at + 2)
        return 0;
    part->l4_len = length_of(place, part, end);
    return part->l4_at + part->l4_len >= part->sum_at + 2;
}

/* Of the outer stack, the last destination and the first source, as the kernel takes them. */
static uint16_t
addresses_sum(const struct pyd_place *place, uint32_t stack, const struct part *part)
{
    const uint32_t width = pyd_address_bytes(part->is_ipv4);
    struct pyd_pseudo pseudo;

    if (likely(stack != 0 || pyd_has_own_pseudo(place)))
        return pyd_raw_sum(place->m, part->ip_at + pyd_src_at(part->is_ipv4), 2 * width);
    pyd_find_pseudo(place, &pseudo);
    return pyd_fold(rte_raw_cksum(pseudo.src.bytes, width) +
                    rte_raw_cksum(pseudo.dst.bytes, width));
}

static uint16_t
pseudo_sum(const struct pyd_place *place, uint32_t stack, const struct part *part)
{
    return pyd_fold(addresses_sum(place, stack, part) + rte_cpu_to_be_16(part->proto) +
                    rte_cpu_to_be_16(part->l4_len));
}

/* The complement is never 0 on the wire: for UDP 0 means no checksum, for TCP both are the same. */
static int
finish_stack(const struct pyd_place *place, uint32_t stack)
{
    struct part part;
    uint16_t sum;

    if (!find_part(place, stack, &part) ||
        pyd_read16(place, part.sum_at) != pseudo_sum(place, stack, &part) ||
        !pyd_span_is_own(place->m, part.sum_at, sizeof(sum)))
        return 0;
    sum = ~pyd_raw_sum(place->m, part.l4_at, part.l4_len);
    pyd_write16(place, part.sum_at, sum == 0 ? UINT16_MAX : sum);
    return 1;
}

/* CRC-32C, four bits a step: SCTP through the kernel's own interfaces is rare. */
static uint32_t
crc32c(uint32_t crc, const uint8_t *data, uint32_t n)
{
    static const uint32_t steps[16] = {
        0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1, 0x417b1dbc, 0x5125dad3, 0x61c69362,
        0x7198540d, 0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9, 0xc38d26c4, 0xd3d3e1ab,
        0xe330a81a, 0xf36e6f75,
    };
    uint32_t i;

    for (i = 0; i < n; i++) {
        crc ^= data[i];
        crc = crc >> 4 ^ steps[crc & 15];
        crc = crc >> 4 ^ steps[crc & 15];
    }
    return crc;
}

/* Only one segment, and only where the kernel reports it: the field is 0, which proves nothing. */
static int
finish_sctp(const struct pyd_place *place)
{
    const uint32_t at = place->at[PYD_SCTP], sum_at = at + 8;
    const uint32_t end = pyd_ip_end(place, 0);
    uint32_t crc, zero = 0;

    if (end > place->data_len || end < sum_at + 4 ||
        memcmp(place->data + sum_at, &zero, sizeof(zero)) != 0)
        return 0;
    crc = rte_cpu_to_le_32(~crc32c(UINT32_MAX, (const uint8_t *)place->data + at, end - at));
    memcpy(place->data + sum_at, &crc, sizeof(crc));
    return 1;
}

/* Finish the checksum of a packet, if its memory is not shared; returns 1 where it was unfinished.
 * `is_known`: the kernel has reported that it is. */
int
pyd_finish_sum(struct rte_mbuf *m, int is_known)
{
    struct pyd_place place;

    pyd_locate(&place, m, PYD_DEPTH_INNER);
    if (finish_stack(&place, 0) || finish_stack(&place, PYD_STACK))
        return 1;
    return is_known && place.at[PYD_SCTP] != PYD_NOWHERE && finish_sctp(&place);
}

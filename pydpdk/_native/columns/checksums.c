/* SPDX-License-Identifier: BSD-3-Clause */
/* Checksums of IPv4, TCP, UDP, ICMP and ICMPv6: verified, computed, or left to the port. */
#include <rte_net.h>

#include <netinet/in.h>

#include "columns/headers.h"
#include "columns/usual.h"

enum { IP_BAD = 1, L4_BAD = 2 };

#define L3_LEN_MAX 511 /* 9 bits of the mbuf */

/* One IP packet: its checksummed parts. */
struct sums {
    struct pyd_place place;
    uint32_t ip_at;
    uint32_t ip_len;
    uint32_t l4_at;
    uint32_t l4_len;
    uint32_t l4_sum_at;
    struct pyd_pseudo pseudo;
    uint8_t proto;
    uint8_t is_ipv4;
    uint8_t is_cut;
    uint8_t is_own; /* the pseudo header has IP's own addresses */
};

/* As rte_raw_cksum_mbuf, which in 22.11 loses carries of segments that start at an odd byte. */
uint16_t
pyd_raw_sum(const struct rte_mbuf *m, uint32_t off, uint32_t len)
{
    uint32_t total = 0, done = 0, n;
    uint16_t sum;

    for (; m != NULL && done < len; m = m->next) {
        if (off >= m->data_len) {
            off -= m->data_len;
            continue;
        }
        n = RTE_MIN(len - done, m->data_len - off);
        sum = rte_raw_cksum(rte_pktmbuf_mtod_offset(m, const char *, off), n);
        total += done & 1 ? rte_bswap16(sum) : sum;
        done += n;
        off = 0;
    }
    return pyd_fold(total);
}

static inline uint16_t
sum_of(const struct pyd_place *place, uint32_t off, uint32_t len)
{
    if (likely(off + len <= place->data_len))
        return rte_raw_cksum(place->data + off, len);
    return pyd_raw_sum(place->m, off, len);
}

/* UDP has its own length field, which IP's length may exceed (RFC 768, RFC 9868). */
static inline void
take_udp_length(struct sums *sums)
{
    const uint32_t length = rte_be_to_cpu_16(
        pyd_read16(&sums->place, sums->l4_at + offsetof(struct rte_udp_hdr, dgram_len)));

    if (length < sizeof(struct rte_udp_hdr) || length > sums->l4_len)
        sums->is_cut = 1;
    else
        sums->l4_len = length;
}

static void
find_lengths(struct sums *sums)
{
    const struct pyd_place *place = &sums->place;
    const uint32_t end = pyd_ip_end(place, 0);

    sums->ip_len = sizeof(struct rte_ipv6_hdr);
    if (sums->is_ipv4)
        sums->ip_len = (pyd_read8(place, sums->ip_at) & 0xf) * 4;
    sums->is_cut = RTE_MAX(end, sums->ip_at + sums->ip_len) > place->m->pkt_len ||
                   end < sums->ip_at + sums->ip_len;
    sums->l4_len = end > sums->l4_at ? end - sums->l4_at : 0;
    if (sums->l4_sum_at != 0 && sums->l4_sum_at + 2 > sums->l4_at + sums->l4_len)
        sums->is_cut = 1;
    if (place->at[PYD_UDP] != PYD_NOWHERE)
        take_udp_length(sums);
}

/* 0: no IP packet. */
static int
find_sums(struct sums *sums, struct rte_mbuf *m)
{
    const struct pyd_place *place = &sums->place;
    uint32_t header;

    pyd_locate(&sums->place, m, PYD_DEPTH_OUTER);
    sums->is_ipv4 = place->at[PYD_IPV4] != PYD_NOWHERE;
    sums->ip_at = place->at[sums->is_ipv4 ? PYD_IPV4 : PYD_IPV6];
    if (sums->ip_at == PYD_NOWHERE)
        return 0;
    sums->l4_at = sums->ip_at;
    for (header = PYD_TCP; header <= PYD_ICMP6; header++)
        if (header != PYD_SCTP && place->at[header] != PYD_NOWHERE)
            sums->l4_at = place->at[header];
    sums->proto = place->proto[0];
    sums->l4_sum_at = pyd_l4_sum_at(place, 0);
    sums->is_own = sums->l4_sum_at == 0 || pyd_has_own_pseudo(place);
    if (unlikely(!sums->is_own))
        pyd_find_pseudo(place, &sums->pseudo);
    find_lengths(sums);
    return 1;
}

static uint32_t
addresses_sum(const struct sums *sums)
{
    const uint32_t width = pyd_address_bytes(sums->is_ipv4);

    if (likely(sums->is_own))
        return sum_of(&sums->place, sums->ip_at + pyd_src_at(sums->is_ipv4), 2 * width);
    return rte_raw_cksum(sums->pseudo.src.bytes, width) +
           rte_raw_cksum(sums->pseudo.dst.bytes, width);
}

/* Addresses, protocol and length; ICMP of IPv4 has none of it. */
static uint32_t
pseudo_sum(const struct sums *sums)
{
    if (sums->proto == IPPROTO_ICMP)
        return 0;
    return addresses_sum(sums) + rte_cpu_to_be_16(sums->proto) + rte_cpu_to_be_16(sums->l4_len);
}

static uint16_t
l4_sum(const struct sums *sums)
{
    return pyd_fold(sum_of(&sums->place, sums->l4_at, sums->l4_len) + pseudo_sum(sums));
}

static uint8_t
verify(struct rte_mbuf *m)
{
    struct sums sums;
    uint8_t bad = 0;

    if (!find_sums(&sums, m))
        return 0;
    if (sums.is_ipv4 && sum_of(&sums.place, sums.ip_at, sums.ip_len) != UINT16_MAX)
        bad |= IP_BAD;
    if (sums.l4_sum_at == 0)
        return bad;
    if (sums.place.at[PYD_UDP] != PYD_NOWHERE && sums.is_ipv4 &&
        pyd_read16(&sums.place, sums.l4_sum_at) == 0)
        return bad;
    if (sums.is_cut || l4_sum(&sums) != UINT16_MAX)
        bad |= L4_BAD;
    return bad;
}

int
pyd_mbufs_verify_checksums(struct rte_mbuf **mbufs, uint32_t n, uint8_t *ip_bad, uint8_t *l4_bad)
{
    uint32_t i;

    for (i = 0; i < n; i++) {
        const uint8_t bad = verify(mbufs[i]);

        ip_bad[i] = (bad & IP_BAD) != 0;
        l4_bad[i] = (bad & L4_BAD) != 0;
    }
    return 0;
}

/* Whether IP's header and the end of the packet determine all that the checksum of L4 covers:
 * drivers and cards use only these (rte_ipv6_phdr_cksum does not look behind extension headers). */
static int
is_known_to_port(const struct sums *sums)
{
    if (!sums->is_own && (!sums->is_ipv4 || sums->pseudo.dst.kept == 0))
        return 0;
    return sums->l4_at + sums->l4_len == sums->place.m->pkt_len;
}

/* Offload flags for this packet; the port can only offload headers in one piece. */
static uint64_t
flags_of(const struct sums *sums, uint32_t offload)
{
    const int is_known = is_known_to_port(sums);
    const int is_tcp = is_known && sums->place.at[PYD_TCP] != PYD_NOWHERE;
    const int is_udp = is_known && sums->place.at[PYD_UDP] != PYD_NOWHERE;
    uint64_t flags = 0;

    if (sums->l4_at - sums->ip_at > L3_LEN_MAX ||
        sums->l4_at + (is_tcp ? sizeof(struct rte_tcp_hdr) : sizeof(struct rte_udp_hdr)) >
            sums->place.data_len)
        return 0;
    if (is_tcp && offload & PYD_OFFLOAD_TCP)
        flags |= RTE_MBUF_F_TX_TCP_CKSUM;
    if (is_udp && offload & PYD_OFFLOAD_UDP)
        flags |= RTE_MBUF_F_TX_UDP_CKSUM;
    if (sums->is_ipv4 && offload & PYD_OFFLOAD_IPV4 && sums->l4_at != sums->ip_at)
        flags |= RTE_MBUF_F_TX_IP_CKSUM;
    if (flags != 0)
        flags |= sums->is_ipv4 ? RTE_MBUF_F_TX_IPV4 : RTE_MBUF_F_TX_IPV6;
    return flags;
}

static int
ask_port(const struct sums *sums, uint64_t flags)
{
    struct rte_mbuf *m = sums->place.m;
    char copy;

    m->l2_len = sums->ip_at;
    m->l3_len = sums->l4_at - sums->ip_at;
    m->l4_len = sizeof(struct rte_udp_hdr);
    if (sums->place.at[PYD_TCP] != PYD_NOWHERE)
        m->l4_len = (uint8_t)*pyd_place_read(
            &sums->place, sums->l4_at + offsetof(struct rte_tcp_hdr, data_off), 1, &copy) >> 4 << 2;
    m->ol_flags |= flags;
    if (pyd_tx_headers(m) == 0 && rte_net_intel_cksum_prepare(m) == 0)
        return 1;
    pyd_tx_forget(m);
    return 0;
}

static void
compute_ip(const struct sums *sums)
{
    const uint32_t at = sums->ip_at + offsetof(struct rte_ipv4_hdr, hdr_checksum);

    pyd_write16(&sums->place, at, 0);
    pyd_write16(&sums->place, at, ~sum_of(&sums->place, sums->ip_at, sums->ip_len));
}

static void
compute_l4(const struct sums *sums)
{
    uint16_t sum;

    pyd_write16(&sums->place, sums->l4_sum_at, 0);
    sum = ~l4_sum(sums);
    if (sum == 0 && sums->place.at[PYD_UDP] != PYD_NOWHERE)
        sum = UINT16_MAX;
    pyd_write16(&sums->place, sums->l4_sum_at, sum);
}

static uint8_t
compute(struct rte_mbuf *m, uint32_t offload)
{
    struct sums sums;
    uint64_t flags;

    if (!find_sums(&sums, m) || sums.is_cut || sums.ip_at + sums.ip_len > m->pkt_len)
        return 0;
    pyd_tx_forget(m);
    flags = offload != 0 ? flags_of(&sums, offload) : 0;
    if (flags != 0 && !ask_port(&sums, flags))
        flags = 0;
    if (sums.is_ipv4 && !(flags & RTE_MBUF_F_TX_IP_CKSUM))
        compute_ip(&sums);
    if (sums.l4_sum_at != 0 && !(flags & RTE_MBUF_F_TX_L4_MASK))
        compute_l4(&sums);
    return 1;
}

/* Of a packet of one segment that is not shared, by DPDK's own functions. Returns 0 and changes
 * nothing where it, or one of its lengths, is not a usual one. */
static inline int
compute_usual(struct rte_mbuf *m)
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

/* Whether no packet can be shared, from the mbufs alone: true for most bursts. */
static int
are_whole(struct rte_mbuf **mbufs, uint32_t n)
{
    uint32_t i;

    for (i = 0; i < n; i++) {
        rte_prefetch0(rte_pktmbuf_mtod(mbufs[i], void *));
        if (!RTE_MBUF_DIRECT(mbufs[i]) || rte_mbuf_refcnt_read(mbufs[i]) != 1 ||
            mbufs[i]->nb_segs != 1)
            return 0;
    }
    return 1;
}

/* Returns 0, or 1 + i of the first packet whose bytes are shared. */
static int
find_shared(struct rte_mbuf **mbufs, uint32_t n)
{
    struct sums sums;
    uint32_t i;

    for (i = 0; i < n; i++)
        if (find_sums(&sums, mbufs[i]) && !sums.is_cut &&
            !pyd_span_is_own(mbufs[i], 0, RTE_MAX(sums.l4_sum_at, sums.ip_at + 10) + 2))
            return 1 + i;
    return 0;
}

int
pyd_mbufs_compute_checksums(struct rte_mbuf **mbufs, uint32_t n, uint32_t offload, uint8_t *done)
{
    const int whole = are_whole(mbufs, n);
    const int shared = whole ? 0 : find_shared(mbufs, n);
    uint32_t i;

    if (shared != 0)
        return shared;
    for (i = 0; i < n; i++) {
        done[i] = whole && offload == 0 && compute_usual(mbufs[i]);
        if (!done[i])
            done[i] = compute(mbufs[i], offload);
    }
    return 0;
}

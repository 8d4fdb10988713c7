/* SPDX-License-Identifier: BSD-3-Clause */
/* Change fields, and update the checksums over them by the difference alone (RFC 1624, equation
 * 3). */
#include "columns/headers.h"

#define WORDS_MAX 10 /* an IPv6 address, and a word at either end */

/* How the checksum of L4 covers a field. */
enum covered { NOT_COVERED, IN_L4, AS_SOURCE, AS_DESTINATION };

/* One field, the whole words that it lies in, and what covers it: the same for all packets. */
struct change {
    const struct pyd_column *column;
    uint32_t from;
    uint32_t n_words;
    enum covered covered;
};

/* The checksums that a change in one packet affects: up to two. */
struct touch {
    uint32_t at;
    uint32_t ip_sum_at;
    uint32_t l4_sum_at;
    uint32_t end;
};

static enum covered
how_covered(const struct pyd_column *column)
{
    const int is_ipv4 = column->header == PYD_IPV4;
    const uint32_t src = pyd_src_at(is_ipv4);

    if (column->header >= PYD_L4)
        return IN_L4;
    if ((!is_ipv4 && column->header != PYD_IPV6) || column->offset < src)
        return NOT_COVERED;
    return column->offset == src ? AS_SOURCE : AS_DESTINATION;
}

static struct change
change_of(const struct pyd_column *column)
{
    const uint32_t from = column->offset & ~1u, to = (column->offset + column->width + 1) & ~1u;

    return (struct change){.column = column, .from = from, .n_words = (to - from) / 2,
                           .covered = how_covered(column)};
}

static inline uint32_t
find_l4_sum(const struct pyd_place *place, enum covered covered)
{
    uint32_t at;

    if (covered == NOT_COVERED)
        return 0;
    at = pyd_l4_sum_at(place, covered != IN_L4);
    if (unlikely(at == 0) && covered != IN_L4 && pyd_sum_in(place->proto[0]) != 0)
        return pyd_datagram_sum_at(place);
    return at;
}

/* 0: the packet has no such field. */
static inline int
find_touch(const struct pyd_place *place, const struct change *change, struct touch *touch)
{
    const uint32_t header = change->column->header, at = place->at[header];

    if (at == PYD_NOWHERE)
        return 0;
    touch->at = at;
    touch->ip_sum_at = header == PYD_IPV4 ? at + offsetof(struct rte_ipv4_hdr, hdr_checksum) : 0;
    touch->l4_sum_at = find_l4_sum(place, change->covered);
    touch->end = RTE_MAX(at + change->from + 2 * change->n_words,
                         RTE_MAX(touch->ip_sum_at, touch->l4_sum_at) + 2);
    return 1;
}

static uint16_t
follow(uint16_t sum, const uint16_t *before, const uint16_t *after, uint32_t n)
{
    uint32_t total = (uint16_t)~sum, i;

    for (i = 0; i < n; i++)
        total += (uint16_t)~before[i] + after[i];
    return ~pyd_fold(total);
}

static inline void
read_words(const struct pyd_place *place, uint32_t at, uint32_t n, uint16_t *words)
{
    uint32_t i;

    for (i = 0; i < n; i++)
        words[i] = pyd_read16(place, at + 2 * i);
}

/* Whether the port completes the checksum of L4 from that of the pseudo header, which the field
 * has. */
static int
is_left_to_port(const struct pyd_place *place)
{
    const struct rte_mbuf *m = place->m;

    return m->ol_flags & (RTE_MBUF_F_TX_L4_MASK | RTE_MBUF_F_TX_TCP_SEG | RTE_MBUF_F_TX_UDP_SEG) &&
           m->l2_len + m->l3_len == place->at[PYD_L4];
}

/* A UDP checksum of 0 means none, so a result of 0 is written as 0xffff. */
static inline void
follow_l4(const struct pyd_place *place, const struct change *change, uint32_t at,
          const uint16_t *before, const uint16_t *after)
{
    const int is_udp = place->proto[0] == IPPROTO_UDP || place->proto[0] == IPPROTO_UDPLITE;
    uint16_t sum = pyd_read16(place, at);

    if (unlikely(is_left_to_port(place))) {
        if (change->covered != IN_L4)
            pyd_write16(place, at, ~follow(~sum, before, after, change->n_words));
        return;
    }
    if (is_udp && sum == 0)
        return;
    sum = follow(sum, before, after, change->n_words);
    pyd_write16(place, at, is_udp && sum == 0 ? UINT16_MAX : sum);
}

/* The checksum of L4 covers only the first bytes, or nothing, of an address that is not the final
 * one of its packet: clear the rest in both. */
static __rte_noinline void
forget_rest(const struct pyd_place *place, const struct change *change, uint16_t *before,
            uint16_t *after)
{
    struct pyd_pseudo pseudo;
    uint32_t kept;

    pyd_find_pseudo(place, &pseudo);
    kept = change->covered == AS_SOURCE ? pseudo.src.kept : pseudo.dst.kept;
    memset((char *)before + kept, 0, 2 * change->n_words - kept);
    memset((char *)after + kept, 0, 2 * change->n_words - kept);
}

static inline void
rewrite(const struct pyd_place *place, const struct change *change, const struct touch *touch,
        const char *wire)
{
    const uint32_t words_at = touch->at + change->from, n = change->n_words;
    uint16_t before[WORDS_MAX], after[WORDS_MAX];

    read_words(place, words_at, n, before);
    pyd_place_write(place, touch->at + change->column->offset, change->column->width, wire);
    read_words(place, words_at, n, after);
    if (touch->ip_sum_at != 0)
        pyd_write16(place, touch->ip_sum_at,
                    follow(pyd_read16(place, touch->ip_sum_at), before, after, n));
    if (touch->l4_sum_at == 0)
        return;
    if (change->covered != IN_L4 && unlikely(!pyd_has_own_pseudo(place)))
        forget_rest(place, change, before, after);
    follow_l4(place, change, touch->l4_sum_at, before, after);
}

/* SCTP has a CRC over all of it, which cannot be updated from a difference of words. */
static int
is_rejected(const struct pyd_place *place, const struct touch *touch, uint32_t header)
{
    return (header == PYD_L4 && place->at[PYD_SCTP] != PYD_NOWHERE) ||
           !pyd_span_is_own(place->m, 0, touch->end);
}

int
pyd_mbufs_rewrite(struct rte_mbuf **mbufs, uint32_t n, const struct pyd_column *column,
                  const char *data)
{
    const struct change change = change_of(column);
    struct pyd_place place;
    struct touch touch;
    char wire[sizeof(uint32_t)];
    uint32_t i;

    for (i = 0; i < n; i++) {
        pyd_locate(&place, mbufs[i], PYD_DEPTH_FIRST);
        if (find_touch(&place, &change, &touch) && is_rejected(&place, &touch, column->header))
            return 1 + i;
    }
    for (i = 0; i < n; i++, data += column->width) {
        pyd_locate(&place, mbufs[i], PYD_DEPTH_FIRST);
        if (find_touch(&place, &change, &touch))
            rewrite(&place, &change, &touch,
                    pyd_to_wire(data, column->width, column->swap, wire));
    }
    return 0;
}

static const struct pyd_column time_to_live = {
    .header = PYD_IPV4, .offset = offsetof(struct rte_ipv4_hdr, time_to_live), .width = 1};
static const struct pyd_column hop_limits = {
    .header = PYD_IPV6, .offset = offsetof(struct rte_ipv6_hdr, hop_limits), .width = 1};

/* NULL: the packet has neither. */
static inline const struct change *
find_ttl(struct pyd_place *place, struct rte_mbuf *m, const struct change *either,
         struct touch *touch)
{
    pyd_locate(place, m, PYD_DEPTH_OUTER);
    if (likely(find_touch(place, &either[0], touch)))
        return &either[0];
    return find_touch(place, &either[1], touch) ? &either[1] : NULL;
}

/* Packets with 1 or 0 left stay as they are. */
int
pyd_mbufs_decrement_ttl(struct rte_mbuf **mbufs, uint32_t n, uint8_t *expired)
{
    const struct change either[] = {change_of(&time_to_live), change_of(&hop_limits)};
    const struct change *change;
    struct pyd_place place;
    struct touch touch;
    char left;
    uint32_t i;

    for (i = 0; i < n; i++)
        if (find_ttl(&place, mbufs[i], either, &touch) && !pyd_span_is_own(mbufs[i], 0, touch.end))
            return 1 + i;
    for (i = 0; i < n; i++) {
        expired[i] = 0;
        change = find_ttl(&place, mbufs[i], either, &touch);
        if (change == NULL)
            continue;
        left = pyd_read8(&place, touch.at + change->column->offset) - 1;
        expired[i] = (uint8_t)(left + 1) <= 1;
        if (!expired[i])
            rewrite(&place, change, &touch, &left);
    }
    return 0;
}

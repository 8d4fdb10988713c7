/* Change fields, and the checksums over them by the difference alone (RFC 1624, equation 3). */
#include "headers.h"

#define WORDS_MAX 10 /* an IPv6 address, and a word at either end */

/* What a rewrite of one packet touches: whole words of a header, and up to two checksums. The one of
 * L4 covers so many bytes of them: not all of an address that is not the last one of its packet. */
struct touch {
    uint32_t words_at;
    uint32_t n_words;
    uint32_t in_l4_sum;
    uint32_t field_at;
    uint32_t ip_sum_at;
    uint32_t l4_sum_at;
    uint32_t is_of_address;
    uint32_t end;
};

static int
is_source(const struct pyd_column *column)
{
    return column->offset == (column->header == PYD_IPV4 ? offsetof(struct rte_ipv4_hdr, src_addr)
                                                         : offsetof(struct rte_ipv6_hdr, src_addr));
}

static int
is_address(const struct pyd_column *column)
{
    return (column->header == PYD_IPV4 && column->offset >= offsetof(struct rte_ipv4_hdr, src_addr)) ||
           (column->header == PYD_IPV6 && column->offset >= offsetof(struct rte_ipv6_hdr, src_addr));
}

static void
find_l4_sum(const struct pyd_place *place, const struct pyd_column *column, struct touch *touch)
{
    const uint32_t in_l3 = column->header < PYD_L4;
    struct pyd_pseudo pseudo;

    touch->l4_sum_at = 0;
    touch->in_l4_sum = touch->n_words * 2;
    touch->is_of_address = in_l3;
    if (in_l3 && !is_address(column))
        return;
    touch->l4_sum_at = pyd_l4_sum_at(place, in_l3);
    if (!in_l3)
        return;
    if (unlikely(touch->l4_sum_at == 0))
        touch->l4_sum_at = pyd_datagram_sum_at(place);
    if (unlikely(touch->l4_sum_at != 0 && !pyd_has_own_pseudo(place))) {
        pyd_find_pseudo(place, &pseudo);
        touch->in_l4_sum = is_source(column) ? pseudo.src.kept : pseudo.dst.kept;
    }
}

/* 0: the packet has no such field. */
static int
find_touch(const struct pyd_place *place, const struct pyd_column *column, struct touch *touch)
{
    const uint32_t at = place->at[column->header];
    const uint32_t from = column->offset & ~1u, to = (column->offset + column->width + 1) & ~1u;

    if (at == PYD_NOWHERE)
        return 0;
    touch->field_at = at + column->offset;
    touch->words_at = at + from;
    touch->n_words = (to - from) / 2;
    touch->ip_sum_at = column->header == PYD_IPV4
                           ? at + offsetof(struct rte_ipv4_hdr, hdr_checksum) : 0;
    find_l4_sum(place, column, touch);
    touch->end = RTE_MAX(at + to, RTE_MAX(touch->ip_sum_at, touch->l4_sum_at) + 2);
    return 1;
}

static uint16_t
follow(uint16_t sum, const uint16_t *before, const uint16_t *after, uint32_t n)
{
    uint32_t total = (uint16_t)~sum, i;

    for (i = 0; i < n; i++)
        total += (uint16_t)~before[i] + after[i];
    total = (total & 0xffff) + (total >> 16);
    total = (total & 0xffff) + (total >> 16);
    return ~total;
}

static void
read_words(const struct pyd_place *place, const struct touch *touch, uint16_t *words)
{
    uint32_t i;

    for (i = 0; i < touch->n_words; i++)
        words[i] = pyd_read16(place, touch->words_at + 2 * i);
}

/* Whether the port is to make the checksum of L4 from that of the pseudo header, which is there. */
static int
is_left_to_port(const struct pyd_place *place)
{
    const struct rte_mbuf *m = place->m;

    return m->ol_flags & (RTE_MBUF_F_TX_L4_MASK | RTE_MBUF_F_TX_TCP_SEG | RTE_MBUF_F_TX_UDP_SEG) &&
           m->l2_len + m->l3_len == place->at[PYD_L4];
}

/* A UDP checksum of 0 means that there is none, so one that comes out as 0 is written as 0xffff. */
static void
follow_l4(const struct pyd_place *place, const struct touch *touch, const uint16_t *before,
          const uint16_t *after)
{
    const int is_udp = place->proto[0] == IPPROTO_UDP;
    uint16_t sum = pyd_read16(place, touch->l4_sum_at);

    if (unlikely(is_left_to_port(place))) {
        if (touch->is_of_address)
            pyd_write16(place, touch->l4_sum_at, ~follow(~sum, before, after, touch->n_words));
        return;
    }
    if (is_udp && sum == 0)
        return;
    sum = follow(sum, before, after, touch->n_words);
    pyd_write16(place, touch->l4_sum_at, is_udp && sum == 0 ? UINT16_MAX : sum);
}

static void
rewrite(const struct pyd_place *place, const struct touch *touch, const char *wire, uint32_t width)
{
    uint16_t before[WORDS_MAX], after[WORDS_MAX];

    read_words(place, touch, before);
    pyd_span_write(place->m, touch->field_at, width, wire);
    read_words(place, touch, after);
    if (touch->ip_sum_at != 0)
        pyd_write16(place, touch->ip_sum_at,
                    follow(pyd_read16(place, touch->ip_sum_at), before, after, touch->n_words));
    if (touch->l4_sum_at == 0)
        return;
    if (unlikely(touch->in_l4_sum < touch->n_words * 2)) {
        memset((char *)before + touch->in_l4_sum, 0, sizeof(before) - touch->in_l4_sum);
        memset((char *)after + touch->in_l4_sum, 0, sizeof(after) - touch->in_l4_sum);
    }
    follow_l4(place, touch, before, after);
}

static const char *
to_wire(const struct pyd_column *column, const char *data, char *wire)
{
    uint32_t i;

    if (!column->swap || column->width == 1)
        return data;
    for (i = 0; i < column->width; i++)
#if RTE_BYTE_ORDER == RTE_LITTLE_ENDIAN
        wire[i] = data[column->width - 1 - i];
#else
        wire[i] = data[i];
#endif
    return wire;
}

/* SCTP has a CRC over all of it, which does not follow a difference of words. */
static int
is_refused(const struct pyd_place *place, const struct touch *touch, uint32_t header)
{
    return (header == PYD_L4 && place->at[PYD_SCTP] != PYD_NOWHERE) ||
           !pyd_span_is_own(place->m, 0, touch->end);
}

int
pyd_mbufs_rewrite(struct rte_mbuf **mbufs, uint32_t n, const struct pyd_column *column,
                  const char *data)
{
    struct pyd_place place;
    struct touch touch;
    char wire[16];
    uint32_t i;

    for (i = 0; i < n; i++) {
        pyd_locate(&place, mbufs[i], PYD_DEPTH_FIRST);
        if (find_touch(&place, column, &touch) && is_refused(&place, &touch, column->header))
            return 1 + i;
    }
    for (i = 0; i < n; i++, data += column->width) {
        pyd_locate(&place, mbufs[i], PYD_DEPTH_FIRST);
        if (find_touch(&place, column, &touch))
            rewrite(&place, &touch, to_wire(column, data, wire), column->width);
    }
    return 0;
}

int
pyd_burst_rewrite(struct pyd_burst *burst, const struct pyd_column *column, const char *data,
                  uint32_t n)
{
    int ret = pyd_burst_enter(burst);

    if (unlikely(ret != 0))
        return ret;
    ret = n != burst->n ? -EMSGSIZE : pyd_mbufs_rewrite(burst->slots->mbufs, n, column, data);
    pyd_burst_leave(burst);
    return ret;
}

static const struct pyd_column time_to_live = {
    .header = PYD_IPV4, .offset = offsetof(struct rte_ipv4_hdr, time_to_live), .width = 1};
static const struct pyd_column hop_limits = {
    .header = PYD_IPV6, .offset = offsetof(struct rte_ipv6_hdr, hop_limits), .width = 1};

static int
find_ttl(struct pyd_place *place, struct rte_mbuf *m, struct touch *touch)
{
    pyd_locate(place, m, PYD_DEPTH_OUTER);
    return find_touch(place, &time_to_live, touch) || find_touch(place, &hop_limits, touch);
}

int
pyd_mbufs_decrement_ttl(struct rte_mbuf **mbufs, uint32_t n, uint8_t *expired)
{
    struct pyd_place place;
    struct touch touch;
    const char *found;
    char copy, left;
    uint32_t i;

    for (i = 0; i < n; i++)
        if (find_ttl(&place, mbufs[i], &touch) && !pyd_span_is_own(mbufs[i], 0, touch.end))
            return 1 + i;
    for (i = 0; i < n; i++) {
        expired[i] = 0;
        if (!find_ttl(&place, mbufs[i], &touch))
            continue;
        found = pyd_place_read(&place, touch.field_at, 1, &copy);
        expired[i] = (uint8_t)*found <= 1;
        left = *found - 1;
        if (!expired[i])
            rewrite(&place, &touch, &left, 1);
    }
    return 0;
}

/* Those with 1 or 0 left stay as they are. */
int
pyd_burst_decrement_ttl(struct pyd_burst *burst, uint8_t *expired, uint32_t n)
{
    int ret = pyd_burst_enter(burst);

    if (unlikely(ret != 0))
        return ret;
    ret = n != burst->n ? -EMSGSIZE : pyd_mbufs_decrement_ttl(burst->slots->mbufs, n, expired);
    pyd_burst_leave(burst);
    return ret;
}

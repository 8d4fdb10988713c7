/* SPDX-License-Identifier: BSD-3-Clause */
/* The addresses that a checksum of L4 covers: the origin and the final destination of the packet.
 * Routing headers, source routes and the home address option name them, not the IP header. */
#include "columns/headers.h"

#define ROUTING_SOURCE 0 /* RFC 2460 */
#define ROUTING_MOBILE 2 /* RFC 6275 */
#define ROUTING_RPL 3    /* RFC 6554 */
#define ROUTING_SEGMENTS 4 /* RFC 8754 */
#define OPTION_PAD1 0
#define OPTION_HOME_ADDRESS 0xc9 /* RFC 6275 */
#define OPTIONS_LOOKED_AT 64
#define OPTION_END 0
#define OPTION_NOP 1
#define OPTION_LEAST 2 /* of one that has a length: its type and that */
#define OPTION_LOOSE_ROUTE 131
#define OPTION_STRICT_ROUTE 137
#define ROUTE_LEAST 7 /* three bytes and an address */
#define IPV6_ADDRESS sizeof(((struct rte_ipv6_hdr *)0)->dst_addr)
#define IPV4_ADDRESS sizeof(rte_be32_t)

struct routing {
    struct pyd_extension extension;
    uint8_t type;
    uint8_t segments_left;
    uint8_t elided; /* type 3: bytes left out; the low 4 bits, of the last address */
    uint8_t pad;
    uint8_t reserved[2];
};

/* Replace the bytes from `from` on by those at `at`. */
static void
take(const struct pyd_place *place, uint32_t at, uint32_t from, uint32_t width,
     struct pyd_address *address)
{
    char copy[IPV6_ADDRESS];
    const char *bytes = pyd_place_read(place, at, width - from, copy);

    if (bytes == NULL)
        return;
    memcpy(address->bytes + from, bytes, width - from);
    address->kept = RTE_MIN(address->kept, from);
}

/* The last address of a list, without the bytes that it has in common with the one before. */
static void
take_last_rpl(const struct pyd_place *place, const struct routing *routing, uint32_t end,
              uint32_t room, struct pyd_address *dst)
{
    const uint32_t common = routing->elided & 0xf, behind = (routing->pad >> 4) + IPV6_ADDRESS - common;

    if (behind <= room)
        take(place, end - behind, common, IPV6_ADDRESS, dst);
}

/* The final destination in a routing header at `at`; other types are unknown. */
static void
take_last(const struct pyd_place *place, uint32_t at, struct pyd_address *dst)
{
    struct routing copy;
    const struct routing *routing =
        (const void *)pyd_place_read(place, at, sizeof(copy), (char *)&copy);
    const uint32_t list = at + sizeof(copy);
    uint32_t room;

    if (routing == NULL || routing->segments_left == 0)
        return;
    room = routing->extension.length * 8;
    if (routing->type == ROUTING_RPL)
        take_last_rpl(place, routing, list + room, room, dst);
    if (room < IPV6_ADDRESS)
        return;
    if (routing->type == ROUTING_SEGMENTS)
        take(place, list, 0, IPV6_ADDRESS, dst);
    else if (routing->type == ROUTING_SOURCE || routing->type == ROUTING_MOBILE)
        take(place, list + (room / IPV6_ADDRESS - 1) * IPV6_ADDRESS, 0, IPV6_ADDRESS, dst);
}

static void
take_home(const struct pyd_place *place, uint32_t at, uint32_t end, struct pyd_address *src)
{
    uint32_t i, length;

    for (i = 0; i < OPTIONS_LOOKED_AT && at + 2 + IPV6_ADDRESS <= end; i++) {
        const uint8_t type = pyd_read8(place, at);

        if (type == OPTION_PAD1) {
            at++;
            continue;
        }
        length = pyd_read8(place, at + 1);
        at += 2;
        if (type == OPTION_HOME_ADDRESS && length == IPV6_ADDRESS) {
            take(place, at, 0, IPV6_ADDRESS, src);
            return;
        }
        at += length;
    }
}

/* Routing headers are followed in their order; of home addresses the first counts, as only one is
 * allowed. */
static void
find_of_ipv6(const struct pyd_place *place, struct pyd_pseudo *pseudo)
{
    uint32_t at = place->at[PYD_IPV6] + sizeof(struct rte_ipv6_hdr), off = at, i;
    int is_whole, proto = pyd_read8(place, place->at[PYD_IPV6] + offsetof(struct rte_ipv6_hdr, proto));

    for (i = 0; i < PYD_EXTENSIONS_MAX && pyd_is_extension(proto); i++, at = off) {
        const int next = pyd_skip_extension(place, proto, &off);

        if (next < 0)
            return;
        if (proto == IPPROTO_ROUTING)
            take_last(place, at, &pseudo->dst);
        else if (proto == IPPROTO_DSTOPTS && pseudo->src.kept == IPV6_ADDRESS)
            take_home(place, at + sizeof(struct pyd_extension), off, &pseudo->src);
        else if (at == place->at[PYD_IPV6_FRAGMENT] && pyd_fragment_start(place, &is_whole) != 0)
            return;
        proto = next;
    }
}

/* A route that is at its end has moved the last address into IP's header. */
static void
take_end(const struct pyd_place *place, uint32_t route, uint32_t length, struct pyd_address *dst)
{
    const uint8_t next = pyd_read8(place, route + 2);

    if (length >= ROUTE_LEAST && length % 4 == 3 && next % 4 == 0 && next != 0 && next < length)
        take(place, route + length - IPV4_ADDRESS, 0, IPV4_ADDRESS, dst);
}

/* The first route counts, as only one is allowed. */
static void
find_of_ipv4(const struct pyd_place *place, struct pyd_pseudo *pseudo)
{
    const uint32_t ip = place->at[PYD_IPV4], end = ip + (pyd_read8(place, ip) & 0xf) * 4;
    uint32_t at = ip + sizeof(struct rte_ipv4_hdr), length;

    for (; at + ROUTE_LEAST <= end; at += length) {
        const uint8_t type = pyd_read8(place, at);

        length = type == OPTION_NOP ? 1 : pyd_read8(place, at + 1);
        if (type == OPTION_END || at + length > end)
            return;
        if (type != OPTION_NOP && length < OPTION_LEAST)
            return;
        if (type == OPTION_LOOSE_ROUTE || type == OPTION_STRICT_ROUTE) {
            take_end(place, at, length, &pseudo->dst);
            return;
        }
    }
}

void
pyd_find_pseudo(const struct pyd_place *place, struct pyd_pseudo *pseudo)
{
    const int is_ipv4 = place->at[PYD_IPV4] != PYD_NOWHERE;
    const uint32_t width = pyd_address_bytes(is_ipv4);
    const uint32_t src = place->at[is_ipv4 ? PYD_IPV4 : PYD_IPV6] + pyd_src_at(is_ipv4);

    take(place, src, 0, width, &pseudo->src);
    take(place, src + width, 0, width, &pseudo->dst);
    pseudo->src.kept = pseudo->dst.kept = width;
    if (is_ipv4)
        find_of_ipv4(place, pseudo);
    else
        find_of_ipv6(place, pseudo);
}

/* Where what IPv6 carries begins, behind the headers that are looked at. */
static uint32_t
behind_extensions(const struct pyd_place *place)
{
    uint32_t off = place->at[PYD_IPV6] + sizeof(struct rte_ipv6_hdr), i;
    int proto = pyd_read8(place, place->at[PYD_IPV6] + offsetof(struct rte_ipv6_hdr, proto));

    for (i = 0; i < PYD_EXTENSIONS_MAX && proto >= 0 && pyd_is_extension(proto); i++)
        proto = pyd_skip_extension(place, proto, &off);
    return off;
}

/* Where the checksum of a datagram lies in this packet, a fragment, or one of UDP-Lite or DCCP, whose
 * headers are not located. TCP's may lie in the second or third fragment, as these have 8 bytes at
 * least. 0: it lies in another fragment. */
uint32_t
pyd_datagram_sum_at(const struct pyd_place *place)
{
    const uint32_t ipv4 = place->at[PYD_IPV4], fragment = place->at[PYD_IPV6_FRAGMENT];
    uint8_t proto = place->proto[0];
    int is_whole;
    const uint32_t start = pyd_fragment_start(place, &is_whole);
    uint32_t at, sum;

    if (ipv4 != PYD_NOWHERE) {
        at = ipv4 + (pyd_read8(place, ipv4) & 0xf) * 4;
    } else if (is_whole) {
        at = behind_extensions(place);
    } else {
        at = fragment + sizeof(struct rte_ipv6_fragment_ext);
        proto = pyd_read8(place, fragment);
    }
    sum = pyd_sum_in(proto);
    if ((is_whole && proto != IPPROTO_UDPLITE && proto != IPPROTO_DCCP) || sum == 0 || sum < start)
        return 0;
    at += sum - start;
    return at + 2 <= RTE_MIN(pyd_ip_end(place, 0), place->m->pkt_len) ? at : 0;
}

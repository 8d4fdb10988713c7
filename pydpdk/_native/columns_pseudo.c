/* The addresses that a checksum of L4 covers: where the packet comes from and goes to in the end,
 * which routing headers, source routes and the home address option say, and not the IP header. */
#include "headers.h"

#define ROUTING_SOURCE 0 /* RFC 2460 */
#define ROUTING_MOBILE 2 /* RFC 6275 */
#define ROUTING_RPL 3    /* RFC 6554 */
#define ROUTING_SEGMENTS 4 /* RFC 8754 */
#define OPTION_PAD1 0
#define OPTION_HOME_ADDRESS 0xc9 /* RFC 6275 */
#define OPTIONS_LOOKED_AT 64
#define OPTION_END 0
#define OPTION_NOP 1
#define OPTION_LOOSE_ROUTE 131
#define OPTION_STRICT_ROUTE 137
#define ROUTE_LEAST 7 /* three bytes and an address */
#define IPV6_ADDRESS sizeof(((struct rte_ipv6_hdr *)0)->dst_addr)
#define IPV4_ADDRESS sizeof(rte_be32_t)

struct routing {
    struct pyd_extension extension;
    uint8_t type;
    uint8_t segments_left;
    uint8_t elided; /* of type 3: bytes that addresses have in common with IP's, last one's below */
    uint8_t pad;
    uint8_t reserved[2];
};

/* The last address of a list whose first bytes are IP's own. */
static void
find_last_rpl(const struct routing *routing, uint32_t end, uint32_t room, struct pyd_address *dst)
{
    const uint32_t kept = routing->elided & 0xf, pad = routing->pad >> 4;

    if (room < IPV6_ADDRESS - kept + pad)
        return;
    dst->kept = kept;
    dst->rest_at = end - pad - (IPV6_ADDRESS - kept);
}

/* Where a routing header at `at` sends the packet in the end; of other types nothing is known. */
static void
find_last(const struct pyd_place *place, uint32_t at, struct pyd_address *dst)
{
    struct routing copy;
    const struct routing *routing =
        (const void *)pyd_place_read(place, at, sizeof(copy), (char *)&copy);
    const uint32_t list = at + sizeof(copy);
    uint32_t room;

    if (routing == NULL || routing->segments_left == 0)
        return;
    room = routing->extension.length * 8;
    if (routing->type == ROUTING_RPL) {
        find_last_rpl(routing, list + room, room, dst);
        return;
    }
    if (room < IPV6_ADDRESS)
        return;
    if (routing->type == ROUTING_SEGMENTS)
        *dst = (struct pyd_address){.kept = 0, .rest_at = list};
    else if (routing->type == ROUTING_SOURCE || routing->type == ROUTING_MOBILE)
        *dst = (struct pyd_address){
            .kept = 0, .rest_at = list + (room / IPV6_ADDRESS - 1) * IPV6_ADDRESS};
}

static void
find_home(const struct pyd_place *place, uint32_t at, uint32_t end, struct pyd_address *src)
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
            *src = (struct pyd_address){.kept = 0, .rest_at = at};
            return;
        }
        at += length;
    }
}

/* Of routing headers the last counts that has segments left, as the others are done before it; of
 * home addresses the first, as only one is allowed. */
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
            find_last(place, at, &pseudo->dst);
        else if (proto == IPPROTO_DSTOPTS && pseudo->src.kept == IPV6_ADDRESS)
            find_home(place, at + sizeof(struct pyd_extension), off, &pseudo->src);
        else if (at == place->at[PYD_IPV6_FRAGMENT] && pyd_fragment_start(place, &is_whole) != 0)
            return;
        proto = next;
    }
}

static int
is_route(const struct pyd_place *place, uint8_t type, uint32_t at, uint32_t length)
{
    const uint8_t next = pyd_read8(place, at + 2);

    return (type == OPTION_LOOSE_ROUTE || type == OPTION_STRICT_ROUTE) && length % 4 == 3 &&
           next % 4 == 0 && next != 0 && next < length;
}

/* A route that has come to its end has left the last address to IP's header. */
static void
find_of_ipv4(const struct pyd_place *place, struct pyd_pseudo *pseudo)
{
    const uint32_t ip = place->at[PYD_IPV4], end = ip + (pyd_read8(place, ip) & 0xf) * 4;
    uint32_t at = ip + sizeof(struct rte_ipv4_hdr), length;

    while (at + ROUTE_LEAST <= end) {
        const uint8_t type = pyd_read8(place, at);

        if (type == OPTION_END)
            return;
        if (type == OPTION_NOP) {
            at++;
            continue;
        }
        length = pyd_read8(place, at + 1);
        if (length < 2 || at + length > end)
            return;
        at += length;
        if (is_route(place, type, at - length, length)) {
            pseudo->dst = (struct pyd_address){.kept = 0, .rest_at = at - IPV4_ADDRESS};
            return;
        }
    }
}

void
pyd_find_pseudo(const struct pyd_place *place, struct pyd_pseudo *pseudo)
{
    const int is_ipv4 = place->at[PYD_IPV4] != PYD_NOWHERE;

    pseudo->src = pseudo->dst =
        (struct pyd_address){.kept = is_ipv4 ? IPV4_ADDRESS : IPV6_ADDRESS};
    if (is_ipv4)
        find_of_ipv4(place, pseudo);
    else
        find_of_ipv6(place, pseudo);
}

/* The checksum of a datagram in one of its fragments, whichever has it: of TCP it may lie in the
 * second or third, as these are of 8 bytes at least. 0: it lies in another. */
uint32_t
pyd_datagram_sum_at(const struct pyd_place *place)
{
    const uint32_t ipv4 = place->at[PYD_IPV4], fragment = place->at[PYD_IPV6_FRAGMENT];
    uint32_t at, start, sum;
    int is_whole;
    uint8_t proto;

    if (ipv4 != PYD_NOWHERE) {
        at = ipv4 + (pyd_read8(place, ipv4) & 0xf) * 4;
        proto = place->proto[0];
    } else if (fragment != PYD_NOWHERE) {
        at = fragment + sizeof(struct rte_ipv6_fragment_ext);
        proto = pyd_read8(place, fragment);
    } else {
        return 0;
    }
    start = pyd_fragment_start(place, &is_whole);
    sum = pyd_sum_in(proto);
    if (is_whole || sum == 0 || sum < start)
        return 0;
    at += sum - start;
    return at + 2 <= RTE_MIN(pyd_ip_end(place), place->m->pkt_len) ? at : 0;
}

/* Where the headers of a packet lie, and how their bytes are reached over its segments. */
#ifndef PYD_COLUMNS_INLINE_H
#define PYD_COLUMNS_INLINE_H

#include "burst.h"

#define PYD_NOWHERE UINT16_MAX

/* The headers of one stack; those of the stack inside of a tunnel follow in the same order. */
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

/* One packet: its first segment, and the offset of each header or PYD_NOWHERE. A header is
 * somewhere only where the packet has all of its fixed part. */
struct pyd_place {
    struct rte_mbuf *m;
    char *data;
    uint16_t data_len;
    uint8_t proto[2];
    uint16_t at[PYD_HEADERS];
};

void pyd_locate(struct pyd_place *place, struct rte_mbuf *m, uint32_t depth);
int pyd_span_is_own(struct rte_mbuf *m, uint32_t off, uint32_t len);
void pyd_span_write(struct rte_mbuf *m, uint32_t off, uint32_t len, const char *data);
uint32_t pyd_flow_hash(const struct pyd_place *place, uint32_t stack);
void pyd_flow_tuple(const struct pyd_place *place, uint32_t stack, char *record);

/* Bytes of a packet that are there: in place, or in `copy` where they cross segments. */
static inline const char *
pyd_place_read(const struct pyd_place *place, uint32_t off, uint32_t len, char *copy)
{
    if (likely(off + len <= place->data_len))
        return place->data + off;
    return rte_pktmbuf_read(place->m, off, len, copy);
}

#endif

/* Where checksums lie, and how they follow a change of what they cover. */
#ifndef PYD_HEADERS_INLINE_H
#define PYD_HEADERS_INLINE_H

#include <rte_icmp.h>
#include <rte_ip.h>
#include <rte_tcp.h>
#include <rte_udp.h>

#include "columns.h"

/* The checksum of L4, and whether it covers the addresses of L3 too; 0: there is none. */
static inline uint32_t
pyd_l4_sum_at(const struct pyd_place *place, int of_addresses)
{
    if (place->at[PYD_TCP] != PYD_NOWHERE)
        return place->at[PYD_TCP] + offsetof(struct rte_tcp_hdr, cksum);
    if (place->at[PYD_UDP] != PYD_NOWHERE)
        return place->at[PYD_UDP] + offsetof(struct rte_udp_hdr, dgram_cksum);
    if (place->at[PYD_ICMP6] != PYD_NOWHERE)
        return place->at[PYD_ICMP6] + offsetof(struct rte_icmp_hdr, icmp_cksum);
    if (place->at[PYD_ICMP] != PYD_NOWHERE && !of_addresses)
        return place->at[PYD_ICMP] + offsetof(struct rte_icmp_hdr, icmp_cksum);
    return 0;
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

static inline void
pyd_write16(const struct pyd_place *place, uint32_t off, uint16_t value)
{
    pyd_span_write(place->m, off, sizeof(value), (const char *)&value);
}

#endif

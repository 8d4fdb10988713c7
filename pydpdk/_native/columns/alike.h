/* SPDX-License-Identifier: BSD-3-Clause */
/* Columns of packets that are all alike: untagged, IPv4 without options, UDP or TCP, in one piece.
 * Their headers lie at the same offsets, so that a column is one load for each packet. */
#ifndef PYD_ALIKE_INLINE_H
#define PYD_ALIKE_INLINE_H

#include "columns/usual.h"

/* Some packets of a burst, and where their bytes begin. */
struct alike {
    struct rte_mbuf **mbufs;
    uint32_t n;
    uint32_t udp;
    char **data;
};

/* How many packets, from the first on, are alike; `udp` of them are UDP. */
static inline uint32_t
pyd_count_alike(struct alike *alike)
{
    uint32_t i;

    alike->udp = 0;
    for (i = 0; i < alike->n; i++) {
        const struct rte_mbuf *m = alike->mbufs[i];

        alike->data[i] = rte_pktmbuf_mtod(m, char *);
        switch (pyd_usual_proto(alike->data[i], m->data_len)) {
        case IPPROTO_UDP:
            alike->udp++;
            break;
        case IPPROTO_TCP:
            break;
        default:
            return i;
        }
    }
    return i;
}

/* Where a header lies in all of them, PYD_NOWHERE where none has it; -1: not the same in all. */
static inline int
pyd_alike_at(const struct alike *alike, uint32_t header)
{
    switch (header) {
    case PYD_ETHER:
        return 0;
    case PYD_IPV4:
        return L3_AT;
    case PYD_L4:
        return L4_AT;
    case PYD_UDP:
        return alike->udp == alike->n ? (int)L4_AT : alike->udp == 0 ? PYD_NOWHERE : -1;
    case PYD_TCP:
        return alike->udp == 0 ? (int)L4_AT : alike->udp == alike->n ? PYD_NOWHERE : -1;
    default:
        return header < PYD_STACK ? PYD_NOWHERE : -1;
    }
}

#define GATHER_ALIKE(type, from_wire)                                                            \
    do {                                                                                         \
        type *restrict values = (type *)to, value;                                               \
        for (i = 0; i < n; i++) {                                                                \
            memcpy(&value, data[i] + at, sizeof(value));                                         \
            values[i] = from_wire(value);                                                        \
        }                                                                                        \
    } while (0)

/* The bytes exist: the L4 header is the last, and usual packets have 20 bytes of it. */
static inline int
pyd_gather_field(const struct alike *alike, const struct pyd_column *column, char *to)
{
    char *const *restrict data = alike->data;
    const uint32_t n = alike->n;
    int at = pyd_alike_at(alike, column->header);
    uint32_t i;

    if (at < 0)
        return 0;
    if (at == PYD_NOWHERE) {
        memset(to, 0, (size_t)n * column->width);
        return 1;
    }
    at += column->offset;
    if (column->width == 1)
        GATHER_ALIKE(uint8_t, );
    else if (!column->swap)
        for (i = 0; i < n; i++)
            memcpy(to + i * column->width, data[i] + at, column->width);
    else if (column->width == 2)
        GATHER_ALIKE(uint16_t, rte_be_to_cpu_16);
    else
        GATHER_ALIKE(uint32_t, rte_be_to_cpu_32);
    return 1;
}

static inline void
gather_protos(const struct alike *alike, uint8_t *restrict to)
{
    char *const *restrict data = alike->data;
    const uint32_t n = alike->n;
    uint32_t i;

    for (i = 0; i < n; i++)
        to[i] = data[i][L3_AT + offsetof(struct rte_ipv4_hdr, next_proto_id)];
}

/* Whether the column could be filled this way. */
static inline int
pyd_gather_alike(const struct alike *alike, const struct pyd_column *column, char *to)
{
    int at;

    switch (column->how) {
    case PYD_COLUMN_FIELD:
        return pyd_gather_field(alike, column, to);
    case PYD_COLUMN_HAS:
        at = column->header == PYD_HEADERS ? 0 : pyd_alike_at(alike, column->header);
        if (at >= 0)
            memset(to, at != PYD_NOWHERE, alike->n);
        return at >= 0;
    case PYD_COLUMN_PROTO:
        if (column->header == 0)
            gather_protos(alike, (uint8_t *)to);
        return column->header == 0;
    default:
        return 0;
    }
}

#endif

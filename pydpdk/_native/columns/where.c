/* SPDX-License-Identifier: BSD-3-Clause */
/* Which packets a condition holds for, in one pass: each packet's headers are located once, and the
 * tests read their fields in place. */
#include <rte_net.h>

#include "columns/flow.h"
#include "columns/where.h"

#define AHEAD 8 /* packets whose headers are fetched before they are read */

/* A number of up to 16 bytes. */
struct number {
    uint64_t high;
    uint64_t low;
};

/* From the order of the network. */
static struct number
number_of(const char *bytes, uint32_t width)
{
    struct number number = {0, 0};
    uint32_t i;

    for (i = 0; i < width; i++) {
        number.high = number.high << 8 | number.low >> 56;
        number.low = number.low << 8 | (uint8_t)bytes[i];
    }
    return number;
}

/* A field of struct rte_mbuf, which has the order of the host. */
static uint64_t
mbuf_number(const struct rte_mbuf *m, const struct pyd_column *column)
{
    uint64_t number = 0;

    if (column->flags == 0 || (m->ol_flags & column->flags) != 0)
        memcpy(&number, (const char *)m + column->offset, RTE_MIN(column->width, sizeof(number)));
    return number;
}

/* A value that every packet has. */
static uint64_t
made_number(const struct pyd_place *place, const struct pyd_column *column)
{
    switch (column->how) {
    case PYD_COLUMN_MBUF:
        return mbuf_number(place->m, column);
    case PYD_COLUMN_FLAG:
        return (place->m->ol_flags & column->flags) != 0;
    case PYD_COLUMN_PROTO:
        return place->proto[column->header != 0];
    case PYD_COLUMN_HASH:
        return pyd_flow_hash(place, column->header);
    case PYD_COLUMN_PTYPE:
        return rte_net_get_ptype(place->m, NULL, RTE_PTYPE_ALL_MASK);
    }
    return 0;
}

static int
read_number(const struct pyd_place *place, const struct pyd_column *column,
            struct number *number)
{
    char copy[16];
    const char *bytes;

    number->high = 0;
    if (column->how == PYD_COLUMN_HAS) {
        number->low = 1;
        return column->header == PYD_HEADERS || place->at[column->header] != PYD_NOWHERE;
    }
    if (column->how != PYD_COLUMN_FIELD) {
        number->low = made_number(place, column);
        return 1;
    }
    if (place->at[column->header] == PYD_NOWHERE)
        return 0;
    bytes = pyd_place_read(place, place->at[column->header] + column->offset, column->width, copy);
    if (unlikely(bytes == NULL))
        return 0;
    *number = number_of(bytes, column->width);
    return 1;
}

static inline int
is_below(uint64_t high, uint64_t low, const struct number *number)
{
    return high != number->high ? high < number->high : low < number->low;
}

/* Whether a number is in one of the ranges, which are in order. */
static inline int
in_ranges(const struct pyd_range *ranges, uint32_t n, const struct number *number)
{
    uint32_t low = 0, high = n;

    while (low < high) { /* to the first range that does not end below it */
        const uint32_t middle = (low + high) / 2;

        if (is_below(ranges[middle].high_high, ranges[middle].high, number))
            low = middle + 1;
        else
            high = middle;
    }
    return low < n && !(ranges[low].low_high != number->high ? ranges[low].low_high > number->high
                                                             : ranges[low].low > number->low);
}

/* Fields of up to 4 bytes in the first segment, which most are. */
static inline int
read_short(const struct pyd_place *place, const struct pyd_column *column, uint64_t *number)
{
    const uint32_t at = place->at[column->header] + column->offset;
    uint16_t value16;
    uint32_t value32;

    if (unlikely(at + column->width > place->data_len))
        return 0;
    switch (column->width) {
    case 1:
        *number = (uint8_t)place->data[at];
        return 1;
    case 2:
        memcpy(&value16, place->data + at, sizeof(value16));
        *number = rte_be_to_cpu_16(value16);
        return 1;
    case 4:
        memcpy(&value32, place->data + at, sizeof(value32));
        *number = rte_be_to_cpu_32(value32);
        return 1;
    }
    return 0;
}

static inline int
passes(const struct pyd_where *where, const struct pyd_test *test, const struct pyd_place *place)
{
    const struct pyd_range *ranges = where->ranges + test->first;
    struct number number;

    if (test->column.how == PYD_COLUMN_FIELD && place->at[test->column.header] == PYD_NOWHERE)
        return 0;
    if (test->column.how == PYD_COLUMN_FIELD && read_short(place, &test->column, &number.low))
        number.high = 0;
    else if (!read_number(place, &test->column, &number))
        return 0;
    number.low &= test->mask;
    if (likely(test->n == 1 && number.high == 0 && ranges->high_high == 0))
        return ranges->low_high == 0 && ranges->low <= number.low && number.low <= ranges->high;
    return in_ranges(ranges, test->n, &number);
}

static inline int
holds(const struct pyd_where *where, const struct pyd_place *place)
{
    uint32_t i = 0;

    do
        i = passes(where, &where->tests[i], place) ? where->tests[i].yes : where->tests[i].no;
    while (i < PYD_WHERE_NO);
    return i == PYD_WHERE_YES;
}

static inline void
locate(struct pyd_place *place, struct rte_mbuf *m, uint32_t depth)
{
    if (depth != PYD_DEPTH_MBUF)
        pyd_locate(place, m, depth);
    else
        place->m = m;
}

void
pyd_mbufs_where(const struct pyd_where *where, struct rte_mbuf **mbufs, uint32_t n, uint8_t *mask)
{
    struct pyd_place place;
    uint32_t i;

    for (i = 0; i < RTE_MIN(n, (uint32_t)AHEAD); i++)
        rte_prefetch0(rte_pktmbuf_mtod(mbufs[i], void *));
    for (i = 0; i < n; i++) {
        if (i + AHEAD < n)
            rte_prefetch0(rte_pktmbuf_mtod(mbufs[i + AHEAD], void *));
        locate(&place, mbufs[i], where->depth);
        mask[i] = holds(where, &place);
    }
}

int
pyd_where_match(const struct pyd_where *where, struct pyd_burst *burst, uint8_t *mask, uint32_t n)
{
    const int ret = pyd_burst_enter_all(burst, n);

    if (unlikely(ret != 0))
        return ret;
    pyd_mbufs_where(where, burst->storage->mbufs, n, mask);
    return pyd_burst_leave_with(burst, n);
}

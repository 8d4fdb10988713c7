/* SPDX-License-Identifier: BSD-3-Clause */
/* Whether a condition holds for a packet whose headers are located. */
#ifndef PYD_WHERE_INLINE_H
#define PYD_WHERE_INLINE_H

#include "columns/place.h"

struct pyd_number {
    uint64_t high;
    uint64_t low;
};

int pyd_where_read(const struct pyd_place *place, const struct pyd_column *column,
                   struct pyd_number *number);
void pyd_mbufs_where(const struct pyd_where *where, struct rte_mbuf **mbufs, uint32_t n,
                     uint8_t *mask);

static inline int
pyd_is_below(uint64_t high, uint64_t low, const struct pyd_number *number)
{
    return high != number->high ? high < number->high : low < number->low;
}

/* Whether a number is in one of the ranges, which are in order. */
static inline int
pyd_in_ranges(const struct pyd_range *ranges, uint32_t n, const struct pyd_number *number)
{
    uint32_t low = 0, high = n;

    while (low < high) { /* to the first range that does not end below it */
        const uint32_t middle = (low + high) / 2;

        if (pyd_is_below(ranges[middle].high_high, ranges[middle].high, number))
            low = middle + 1;
        else
            high = middle;
    }
    return low < n && !(ranges[low].low_high != number->high ? ranges[low].low_high > number->high
                                                             : ranges[low].low > number->low);
}

/* Fields of up to 4 bytes in the first segment, which most are. */
static inline int
pyd_read_short(const struct pyd_place *place, const struct pyd_column *column, uint64_t *number)
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
pyd_passes(const struct pyd_where *where, const struct pyd_test *test, const struct pyd_place *place)
{
    const struct pyd_range *ranges = where->ranges + test->first;
    struct pyd_number number;

    if (test->column.how == PYD_COLUMN_FIELD && place->at[test->column.header] == PYD_NOWHERE)
        return 0;
    if (test->column.how == PYD_COLUMN_FIELD && pyd_read_short(place, &test->column, &number.low))
        number.high = 0;
    else if (!pyd_where_read(place, &test->column, &number))
        return 0;
    number.low &= test->mask;
    if (likely(test->n == 1 && number.high == 0 && ranges->high_high == 0))
        return ranges->low_high == 0 && ranges->low <= number.low && number.low <= ranges->high;
    return pyd_in_ranges(ranges, test->n, &number);
}

static inline int
pyd_where_holds(const struct pyd_where *where, const struct pyd_place *place)
{
    uint32_t i = 0;

    do
        i = pyd_passes(where, &where->tests[i], place) ? where->tests[i].yes : where->tests[i].no;
    while (i < PYD_WHERE_NO);
    return i == PYD_WHERE_YES;
}

#endif

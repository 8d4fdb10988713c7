/* SPDX-License-Identifier: BSD-3-Clause */
/* The order of qsort and bsearch for numbers, and for structs that begin with one. */
#ifndef PYD_NUMBERS_INLINE_H
#define PYD_NUMBERS_INLINE_H

#include <stdint.h>

static inline int
pyd_compare(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

#endif

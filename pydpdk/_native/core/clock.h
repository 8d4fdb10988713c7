/* SPDX-License-Identifier: BSD-3-Clause */
/* The time, for limits of waiting. */
#ifndef PYD_CLOCK_INLINE_H
#define PYD_CLOCK_INLINE_H

#include <stdint.h>
#include <time.h>

static inline uint64_t
pyd_now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static inline uint64_t
pyd_now_us(void)
{
    return pyd_now_ns() / 1000;
}

static inline uint64_t
pyd_now_ms(void)
{
    return pyd_now_ns() / 1000000;
}

#endif

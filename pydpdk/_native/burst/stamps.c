/* SPDX-License-Identifier: BSD-3-Clause */
/* Stamps that tracing puts into mbufs. */
#include <time.h>

#include "burst/burst.h"

uint32_t
pyd_stamp_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    return (uint32_t)((uint64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000);
}

/* Stamp every segment of the packets from `first` on with the place that took them. */
int
pyd_burst_stamp(struct pyd_burst *burst, uint32_t first, uint32_t offset, uint32_t site,
                uint32_t pid)
{
    const struct pyd_stamp stamp = {.pid = pid, .site = site, .ms = pyd_stamp_ms()};
    int ret = pyd_burst_enter(burst);
    struct rte_mbuf *m;
    uint32_t i;

    if (ret != 0)
        return ret;
    for (i = first; i < burst->n; i++)
        for (m = burst->storage->mbufs[i]; m != NULL; m = m->next)
            memcpy((char *)m + offset, &stamp, sizeof(stamp));
    return pyd_burst_leave_with(burst, 0);
}

/* The stamps of mbufs whose pool is known to be open. */
int
pyd_read_stamps(const uint64_t *mbufs, uint32_t n, uint32_t offset, struct pyd_stamp *stamps)
{
    uint32_t i;

    for (i = 0; i < n; i++)
        memcpy(&stamps[i], (const char *)(uintptr_t)mbufs[i] + offset, sizeof(stamps[i]));
    return n;
}

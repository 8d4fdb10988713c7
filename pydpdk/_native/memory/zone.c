/* SPDX-License-Identifier: BSD-3-Clause */
/* Memzones that we make. */
#include "core/gate.h"

/* Returns -1 and sets rte_errno on failure. */
int
pyd_zone_reserve(struct pyd_zone *zone, const char *name, uint64_t len, int socket_id,
                 uint32_t flags, uint32_t align, uint32_t bound)
{
    zone->mz = rte_memzone_reserve_bounded(name, len, socket_id, flags, align, bound);
    zone->gate.open = zone->mz != NULL;
    return zone->mz == NULL ? -1 : 0;
}

/* Does nothing if freed or never reserved: the name may belong to another memzone by then. */
int
pyd_zone_free(struct pyd_zone *zone)
{
    int ret;

    if (zone->mz == NULL || zone->gate.closed)
        return 0;
    ret = rte_memzone_free(zone->mz);
    if (ret == 0)
        pyd_end(&zone->gate);
    return ret;
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* Routes of IPv4 and IPv6, changed through DPDK's table so that every address gets the hop of its
 * longest prefix, in all releases (docs/upstream: what they get wrong). An address is 16 bytes in
 * network order, of which IPv4 uses the first four.
 *
 * DPDK keeps the routes in a RIB and writes their next hops into a table for lookups. Its errors
 * are in its counters and in one kind of write, so both are done here: routes enter and leave the
 * RIB by rte_rib_insert and rte_rib_remove, and rte_fib_add only gives another hop to a prefix that
 * is in the RIB, never to one that it gets wrong. */
#ifndef PYD_ROUTES_H
#define PYD_ROUTES_H

#include <sched.h>

#include "pyd.h"

#define PYD_ADDRESS_BYTES 16

struct pyd_rib {
    uint8_t bits; /* of an address */
    void *(*exact)(void *rib, const uint8_t *ip, uint8_t depth);
    void *(*insert)(void *rib, const uint8_t *ip, uint8_t depth);
    void (*remove)(void *rib, const uint8_t *ip, uint8_t depth);
    void *(*longer)(void *rib, const uint8_t *ip, uint8_t depth); /* any route inside the prefix */
    void *(*parent)(void *node);
    uint64_t (*hop)(void *node);
    void (*set_hop)(void *node, uint64_t hop);
    void (*write)(void *fib, const uint8_t *ip, uint8_t depth, uint64_t hop); /* rte_fib_add */
};

struct pyd_table {
    const struct pyd_rib *calls;
    struct pyd_routes *routes;
    void *rib, *fib;
};

/* How many addresses are looked up at a time, after a concurrent change: it takes less time than
 * there is between two changes. */
#define PYD_LOOKUPS_BESIDE_CHANGES 256

/* Pass the result to pyd_routes_same after a lookup: the lookup is valid if nothing was written
 * meanwhile. */
static inline uint32_t
pyd_routes_still(const struct pyd_routes *routes)
{
    uint32_t writes;

    while (unlikely((writes = __atomic_load_n(&routes->writes, __ATOMIC_ACQUIRE)) % 2 != 0))
        sched_yield();
    return writes;
}

static inline int
pyd_routes_same(const struct pyd_routes *routes, uint32_t writes)
{
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    return __atomic_load_n(&routes->writes, __ATOMIC_RELAXED) == writes;
}

void pyd_routes_open(struct pyd_routes *routes, uint64_t default_hop, uint32_t max_routes,
                     uint32_t max_steps);
int pyd_routes_add(const struct pyd_table *table, const uint8_t *ip, uint8_t depth, uint64_t hop);
int pyd_routes_delete(const struct pyd_table *table, const uint8_t *ip, uint8_t depth);

#endif

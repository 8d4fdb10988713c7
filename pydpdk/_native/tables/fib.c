/* SPDX-License-Identifier: BSD-3-Clause */
/* Longest-prefix match of a column of IPv4 or IPv6 addresses. */
#include "core/gate.h"
#include "tables/late.h"
#include "tables/routes.h"

#include <rte_rib.h>
#include <rte_rib6.h>

#define TEXT_OF(name) #name
#define TEXT(name) TEXT_OF(name)

struct sizes {
    uint64_t default_nh;
    uint32_t max_routes;
    uint32_t nh_sz;
    uint32_t num_tbl8;
};

struct pyd_family {
    const struct pyd_late_symbol *symbols;
    void **last; /* set once all of them are */
    void *(*create)(const char *name, int socket_id, const struct sizes *sizes);
    void (*free)(void *fib);
    void *(*rib_of)(void *fib);
    void (*lookup)(void *fib, void *ips, uint64_t *next_hops, uint32_t n);
    uint32_t address_bytes;
    struct pyd_rib rib;
};

static uint32_t
number(const uint8_t *ip)
{
    return (uint32_t)ip[0] << 24 | ip[1] << 16 | ip[2] << 8 | ip[3];
}

#define FIB(name) rte_fib_##name
#define RIB(name) rte_rib_##name
#define LOOKUP rte_fib_lookup_bulk
#define OURS(name) v4_##name
#define ADDRESS(ip) number(ip)
#define BITS 32
#define COVER RTE_RIB_GET_NXT_COVER
#define TYPE RTE_FIB_DIR24_8
#define SIZES dir24_8
#include "tables/family.h"
#undef FIB
#undef RIB
#undef LOOKUP
#undef OURS
#undef ADDRESS
#undef BITS
#undef COVER
#undef TYPE
#undef SIZES

/* DPDK 24.11 gave these an address type of its own, with the layout of the 16 bytes before. */
#define FIB(name) rte_fib6_##name
#define RIB(name) rte_rib6_##name
#define LOOKUP rte_fib6_lookup_bulk
#define OURS(name) v6_##name
#define ADDRESS(ip) ((const void *)(ip))
#define BITS 128
#define COVER RTE_RIB6_GET_NXT_COVER
#define TYPE RTE_FIB6_TRIE
#define SIZES trie
#include "tables/family.h"

static const struct pyd_family *
family_of(int bits)
{
    return bits == 32 ? &v4_family : &v6_family;
}

/* `bits` of an address: 32 or 128. The caller holds a lock. -ENOTSUP: in a secondary whose primary
 * lacks the tailqs of the library. */
int
pyd_fib_load(int bits)
{
    static const char *const tailqs[] = {"RTE_RIB", "RTE_RIB6", "RTE_FIB", "RTE_FIB6", NULL};
    const struct pyd_family *family = family_of(bits);

    return *family->last != NULL ? 0 : pyd_late_load("librte_fib", tailqs, family->symbols);
}

/* With room in the RIB for one part of a route, and more steps than routes may use (routes.h). */
int
pyd_fib_open(struct pyd_fib *fib, int bits, const char *name, int socket_id, uint64_t default_nh,
             uint32_t max_routes, uint32_t nh_sz, uint32_t num_tbl8, uint32_t max_steps)
{
    const struct sizes sizes = {default_nh, max_routes + 1, nh_sz, num_tbl8};

    fib->family = family_of(bits);
    fib->fib = fib->family->create(name, socket_id, &sizes);
    if (fib->fib == NULL) {
        if (rte_errno == EINVAL)
            rte_errno = ENOMEM; /* its cleanup has hidden that; all else is checked before */
        return -1;
    }
    pyd_routes_open(&fib->routes, default_nh, max_routes, max_steps);
    __atomic_store_n(&fib->gate.open, 1, __ATOMIC_SEQ_CST);
    return 0;
}

int
pyd_fib_close(struct pyd_fib *fib)
{
    int ret;

    if (fib->fib == NULL)
        return 0;
    ret = pyd_shut(&fib->gate);
    if (ret != 0)
        return ret;
    pyd_end(&fib->gate);
    fib->family->free(fib->fib);
    fib->fib = NULL;
    return 0;
}

static struct pyd_table
table_of(struct pyd_fib *fib)
{
    return (struct pyd_table){
        &fib->family->rib, &fib->routes, fib->family->rib_of(fib->fib), fib->fib,
    };
}

/* The caller holds a lock: one thread at a time changes routes, also beside lookups. The address is
 * in network order. */
int
pyd_fib_change(struct pyd_fib *fib, const void *ip, uint8_t depth, uint64_t next_hop, int add)
{
    int ret = pyd_enter(&fib->gate);
    struct pyd_table table;

    if (ret != 0)
        return ret;
    table = table_of(fib);
    ret = add ? pyd_routes_add(&table, ip, depth, next_hop) : pyd_routes_delete(&table, ip, depth);
    return pyd_leave_with(&fib->gate, ret);
}

/* Whether there is a route of exactly this prefix. The caller holds the lock of changes. */
int
pyd_fib_has(struct pyd_fib *fib, const void *ip, uint8_t depth)
{
    int ret = pyd_enter(&fib->gate);
    struct pyd_table table;

    if (ret != 0)
        return ret;
    table = table_of(fib);
    return pyd_leave_with(&fib->gate, table.calls->exact(table.rib, ip, depth) != NULL);
}

static void
lookup(const struct pyd_fib *fib, char *ips, uint64_t *next_hops, uint32_t n)
{
    uint32_t done = 0, most = INT32_MAX, count, writes;
    void *some;

    while (done < n) {
        count = RTE_MIN(n - done, most);
        some = ips + (uint64_t)done * fib->family->address_bytes;
        writes = pyd_routes_still(&fib->routes);
        fib->family->lookup(fib->fib, some, next_hops + done, count);
        if (likely(pyd_routes_same(&fib->routes, writes)))
            done += count;
        else
            most = PYD_LOOKUPS_BESIDE_CHANGES;
    }
}

/* IPv4 addresses as numbers, IPv6 as 16 bytes in network order. */
int
pyd_fib_lookup(struct pyd_fib *fib, void *ips, uint64_t *next_hops, uint32_t n)
{
    int ret = pyd_enter(&fib->gate);

    if (unlikely(ret != 0))
        return ret;
    lookup(fib, ips, next_hops, n);
    return pyd_leave_with(&fib->gate, 0);
}

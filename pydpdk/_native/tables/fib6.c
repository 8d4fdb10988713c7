/* SPDX-License-Identifier: BSD-3-Clause */
/* Longest-prefix match of a column of IPv6 addresses. DPDK 24.11 gave these functions an address
 * type of its own, with the layout of the 16 bytes before. */
#include "core/gate.h"
#include "tables/late.h"
#include "tables/routes.h"

#include <rte_rib6.h>

static const char *const tailqs[] = {"RTE_RIB", "RTE_RIB6", "RTE_FIB", "RTE_FIB6", NULL};

static struct {
    __typeof__(rte_fib6_create) *create;
    __typeof__(rte_fib6_free) *free;
    __typeof__(rte_fib6_add) *add;
    __typeof__(rte_fib6_lookup_bulk) *lookup_bulk;
    __typeof__(rte_fib6_get_rib) *get_rib;
    __typeof__(rte_rib6_lookup_exact) *exact;
    __typeof__(rte_rib6_insert) *insert;
    __typeof__(rte_rib6_remove) *remove;
    __typeof__(rte_rib6_get_nxt) *get_nxt;
    __typeof__(rte_rib6_lookup_parent) *parent;
    __typeof__(rte_rib6_get_nh) *get_nh;
    __typeof__(rte_rib6_set_nh) *set_nh;
} fib6_library;

/* The caller holds a lock. -ENOTSUP: in a secondary whose primary lacks the tailqs of the
 * library. */
int
pyd_fib6_load(void)
{
    const struct pyd_late_symbol symbols[] = {
        {"rte_fib6_create", (void **)&fib6_library.create},
        {"rte_fib6_free", (void **)&fib6_library.free},
        {"rte_fib6_add", (void **)&fib6_library.add},
        {"rte_fib6_lookup_bulk", (void **)&fib6_library.lookup_bulk},
        {"rte_fib6_get_rib", (void **)&fib6_library.get_rib},
        {"rte_rib6_lookup_exact", (void **)&fib6_library.exact},
        {"rte_rib6_insert", (void **)&fib6_library.insert},
        {"rte_rib6_remove", (void **)&fib6_library.remove},
        {"rte_rib6_get_nxt", (void **)&fib6_library.get_nxt},
        {"rte_rib6_lookup_parent", (void **)&fib6_library.parent},
        {"rte_rib6_get_nh", (void **)&fib6_library.get_nh},
        {"rte_rib6_set_nh", (void **)&fib6_library.set_nh},
        {NULL, NULL},
    };

    return fib6_library.set_nh != NULL ? 0 : pyd_late_load("librte_fib", tailqs, symbols);
}

/* Matches the address type of every release. */
#define ADDRESS(ip) ((const void *)(ip))

static void *
longer(void *rib, const uint8_t *ip, uint8_t depth)
{
    return fib6_library.get_nxt(rib, ADDRESS(ip), depth, NULL, RTE_RIB6_GET_NXT_COVER);
}

static void *
exact(void *rib, const uint8_t *ip, uint8_t depth)
{
    return fib6_library.exact(rib, ADDRESS(ip), depth);
}

static void *
insert(void *rib, const uint8_t *ip, uint8_t depth)
{
    return fib6_library.insert(rib, ADDRESS(ip), depth);
}

static void
take_out(void *rib, const uint8_t *ip, uint8_t depth)
{
    fib6_library.remove(rib, ADDRESS(ip), depth);
}

static void *
parent(void *node)
{
    return fib6_library.parent(node);
}

static uint64_t
hop(void *node)
{
    uint64_t found = 0;

    fib6_library.get_nh(node, &found);
    return found;
}

static void
set_hop(void *node, uint64_t hop)
{
    fib6_library.set_nh(node, hop);
}

static void
write_hop(void *fib, const uint8_t *ip, uint8_t depth, uint64_t hop)
{
    fib6_library.add(fib, ADDRESS(ip), depth, hop);
}

static const struct pyd_rib calls = {
    .bits = 128,
    .exact = exact,
    .insert = insert,
    .remove = take_out,
    .longer = longer,
    .parent = parent,
    .hop = hop,
    .set_hop = set_hop,
    .write = write_hop,
};

/* With room in the RIB for one part of a route, and more steps than routes may use (routes.h). */
int
pyd_fib6_open(struct pyd_fib6 *fib, const char *name, int socket_id, uint64_t default_nh,
              uint32_t max_routes, uint32_t nh_sz, uint32_t num_tbl8, uint32_t max_steps)
{
    struct rte_fib6_conf conf;

    memset(&conf, 0, sizeof(conf));
    conf.type = RTE_FIB6_TRIE;
    conf.default_nh = default_nh;
    conf.max_routes = max_routes + 1;
    conf.trie.nh_sz = nh_sz;
    conf.trie.num_tbl8 = num_tbl8;
    fib->fib = fib6_library.create(name, socket_id, &conf);
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
pyd_fib6_close(struct pyd_fib6 *fib)
{
    int ret;

    if (fib->fib == NULL)
        return 0;
    ret = pyd_shut(&fib->gate);
    if (ret != 0)
        return ret;
    pyd_end(&fib->gate);
    fib6_library.free(fib->fib);
    fib->fib = NULL;
    return 0;
}

/* The caller holds a lock, as for pyd_fib_change. */
int
pyd_fib6_change(struct pyd_fib6 *fib, const void *ip, uint8_t depth, uint64_t next_hop, int add)
{
    int ret = pyd_enter(&fib->gate);
    struct pyd_table table;

    if (ret != 0)
        return ret;
    table = (struct pyd_table){&calls, &fib->routes, fib6_library.get_rib(fib->fib), fib->fib};
    ret = add ? pyd_routes_add(&table, ip, depth, next_hop) : pyd_routes_delete(&table, ip, depth);
    pyd_leave(&fib->gate);
    return ret;
}

static void
lookup(const struct pyd_fib6 *fib, char *ips, uint64_t *next_hops, uint32_t n)
{
    uint32_t done = 0, most = INT32_MAX, count, writes;
    void *some;

    while (done < n) {
        count = RTE_MIN(n - done, most);
        some = ips + (uint64_t)done * PYD_ADDRESS_BYTES;
        writes = pyd_routes_still(&fib->routes);
        fib6_library.lookup_bulk(fib->fib, some, next_hops + done, count);
        if (likely(pyd_routes_same(&fib->routes, writes)))
            done += count;
        else
            most = PYD_LOOKUPS_BESIDE_CHANGES;
    }
}

int
pyd_fib6_lookup(struct pyd_fib6 *fib, void *ips, uint64_t *next_hops, uint32_t n)
{
    int ret = pyd_enter(&fib->gate);

    if (unlikely(ret != 0))
        return ret;
    lookup(fib, ips, next_hops, n);
    pyd_leave(&fib->gate);
    return 0;
}

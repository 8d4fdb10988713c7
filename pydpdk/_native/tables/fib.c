/* SPDX-License-Identifier: BSD-3-Clause */
/* Longest-prefix match of a column. */
#include "core/gate.h"
#include "tables/late.h"
#include "tables/routes.h"

#include <rte_rib.h>

static const char *const tailqs[] = {"RTE_RIB", "RTE_RIB6", "RTE_FIB", "RTE_FIB6", NULL};

static struct {
    __typeof__(rte_fib_create) *create;
    __typeof__(rte_fib_free) *free;
    __typeof__(rte_fib_add) *add;
    __typeof__(rte_fib_lookup_bulk) *lookup_bulk;
    __typeof__(rte_fib_get_rib) *get_rib;
    __typeof__(rte_rib_lookup_exact) *exact;
    __typeof__(rte_rib_insert) *insert;
    __typeof__(rte_rib_remove) *remove;
    __typeof__(rte_rib_get_nxt) *get_nxt;
    __typeof__(rte_rib_lookup_parent) *parent;
    __typeof__(rte_rib_get_nh) *get_nh;
    __typeof__(rte_rib_set_nh) *set_nh;
} fib_library;

/* The caller holds a lock. -ENOTSUP: in a secondary whose primary lacks the tailqs of the
 * library. */
int
pyd_fib_load(void)
{
    const struct pyd_late_symbol symbols[] = {
        {"rte_fib_create", (void **)&fib_library.create},
        {"rte_fib_free", (void **)&fib_library.free},
        {"rte_fib_add", (void **)&fib_library.add},
        {"rte_fib_lookup_bulk", (void **)&fib_library.lookup_bulk},
        {"rte_fib_get_rib", (void **)&fib_library.get_rib},
        {"rte_rib_lookup_exact", (void **)&fib_library.exact},
        {"rte_rib_insert", (void **)&fib_library.insert},
        {"rte_rib_remove", (void **)&fib_library.remove},
        {"rte_rib_get_nxt", (void **)&fib_library.get_nxt},
        {"rte_rib_lookup_parent", (void **)&fib_library.parent},
        {"rte_rib_get_nh", (void **)&fib_library.get_nh},
        {"rte_rib_set_nh", (void **)&fib_library.set_nh},
        {NULL, NULL},
    };

    return fib_library.set_nh != NULL ? 0 : pyd_late_load("librte_fib", tailqs, symbols);
}

static uint32_t
number(const uint8_t *ip)
{
    return (uint32_t)ip[0] << 24 | ip[1] << 16 | ip[2] << 8 | ip[3];
}

static void *
longer(void *rib, const uint8_t *ip, uint8_t depth)
{
    return fib_library.get_nxt(rib, number(ip), depth, NULL, RTE_RIB_GET_NXT_COVER);
}

static void *
exact(void *rib, const uint8_t *ip, uint8_t depth)
{
    return fib_library.exact(rib, number(ip), depth);
}

static void *
insert(void *rib, const uint8_t *ip, uint8_t depth)
{
    return fib_library.insert(rib, number(ip), depth);
}

static void
take_out(void *rib, const uint8_t *ip, uint8_t depth)
{
    fib_library.remove(rib, number(ip), depth);
}

static void *
parent(void *node)
{
    return fib_library.parent(node);
}

static uint64_t
hop(void *node)
{
    uint64_t found = 0;

    fib_library.get_nh(node, &found);
    return found;
}

static void
set_hop(void *node, uint64_t hop)
{
    fib_library.set_nh(node, hop);
}

static void
write_hop(void *fib, const uint8_t *ip, uint8_t depth, uint64_t hop)
{
    fib_library.add(fib, number(ip), depth, hop);
}

static const struct pyd_rib calls = {
    .bits = 32,
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
pyd_fib_open(struct pyd_fib *fib, const char *name, int socket_id, uint64_t default_nh,
             uint32_t max_routes, uint32_t nh_sz, uint32_t num_tbl8, uint32_t max_steps)
{
    struct rte_fib_conf conf;

    memset(&conf, 0, sizeof(conf));
    conf.type = RTE_FIB_DIR24_8;
    conf.default_nh = default_nh;
    conf.max_routes = max_routes + 1;
    conf.dir24_8.nh_sz = nh_sz;
    conf.dir24_8.num_tbl8 = num_tbl8;
    fib->fib = fib_library.create(name, socket_id, &conf);
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
    fib_library.free(fib->fib);
    fib->fib = NULL;
    return 0;
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
    table = (struct pyd_table){&calls, &fib->routes, fib_library.get_rib(fib->fib), fib->fib};
    ret = add ? pyd_routes_add(&table, ip, depth, next_hop) : pyd_routes_delete(&table, ip, depth);
    pyd_leave(&fib->gate);
    return ret;
}

static void
lookup(const struct pyd_fib *fib, uint32_t *ips, uint64_t *next_hops, uint32_t n)
{
    uint32_t done = 0, most = INT32_MAX, count, writes;

    while (done < n) {
        count = RTE_MIN(n - done, most);
        writes = pyd_routes_still(&fib->routes);
        fib_library.lookup_bulk(fib->fib, ips + done, next_hops + done, count);
        if (likely(pyd_routes_same(&fib->routes, writes)))
            done += count;
        else
            most = PYD_LOOKUPS_BESIDE_CHANGES;
    }
}

int
pyd_fib_lookup(struct pyd_fib *fib, uint32_t *ips, uint64_t *next_hops, uint32_t n)
{
    int ret = pyd_enter(&fib->gate);

    if (unlikely(ret != 0))
        return ret;
    lookup(fib, ips, next_hops, n);
    pyd_leave(&fib->gate);
    return 0;
}

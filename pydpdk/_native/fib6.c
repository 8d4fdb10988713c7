/* Longest-prefix match of a column of IPv6 addresses. DPDK 24.11 gave these functions an address of
 * a type of its own, which lies as the 16 bytes before. */
#include "gate.h"
#include "late.h"

static const char *const tailqs[] = {"RTE_RIB", "RTE_RIB6", "RTE_FIB", "RTE_FIB6", NULL};

static struct {
    __typeof__(rte_fib6_create) *create;
    __typeof__(rte_fib6_free) *free;
    __typeof__(rte_fib6_add) *add;
    __typeof__(rte_fib6_delete) *delete;
    __typeof__(rte_fib6_lookup_bulk) *lookup_bulk;
} fib6_library;

/* The caller holds a lock. -ENOTSUP: a secondary whose primary has none. */
int
pyd_fib6_load(void)
{
    const struct pyd_late_symbol symbols[] = {
        {"rte_fib6_create", (void **)&fib6_library.create},
        {"rte_fib6_free", (void **)&fib6_library.free},
        {"rte_fib6_add", (void **)&fib6_library.add},
        {"rte_fib6_delete", (void **)&fib6_library.delete},
        {"rte_fib6_lookup_bulk", (void **)&fib6_library.lookup_bulk},
        {NULL, NULL},
    };

    return fib6_library.lookup_bulk != NULL ? 0 : pyd_late_load("librte_fib", tailqs, symbols);
}

int
pyd_fib6_open(struct pyd_fib6 *fib, const char *name, int socket_id, uint64_t default_nh,
              uint32_t max_routes, uint32_t nh_sz, uint32_t num_tbl8)
{
    struct rte_fib6_conf conf;

    memset(&conf, 0, sizeof(conf));
    conf.type = RTE_FIB6_TRIE;
    conf.default_nh = default_nh;
    conf.max_routes = max_routes;
    conf.trie.nh_sz = nh_sz;
    conf.trie.num_tbl8 = num_tbl8;
    fib->fib = fib6_library.create(name, socket_id, &conf);
    if (fib->fib == NULL) {
        if (rte_errno == EINVAL)
            rte_errno = ENOMEM; /* what it frees then has hidden that; the rest is checked before */
        return -1;
    }
    __atomic_store_n(&fib->gate.open, 1, __ATOMIC_SEQ_CST);
    return 0;
}

int
pyd_fib6_close(struct pyd_fib6 *fib)
{
    int ret = pyd_shut(&fib->gate);

    if (ret != 0)
        return ret;
    fib6_library.free(fib->fib);
    fib->fib = NULL;
    return 0;
}

/* The caller holds a lock, as for pyd_fib_change. */
int
pyd_fib6_change(struct pyd_fib6 *fib, const void *ip, uint8_t depth, uint64_t next_hop, int add)
{
    int ret = pyd_enter(&fib->gate);

    if (ret != 0)
        return ret;
    ret = add ? fib6_library.add(fib->fib, ip, depth, next_hop)
              : fib6_library.delete(fib->fib, ip, depth);
    pyd_leave(&fib->gate);
    return ret;
}

int
pyd_fib6_lookup(struct pyd_fib6 *fib, void *ips, uint64_t *next_hops, uint32_t n)
{
    int ret = pyd_enter(&fib->gate);

    if (unlikely(ret != 0))
        return ret;
    ret = n <= INT32_MAX ? fib6_library.lookup_bulk(fib->fib, ips, next_hops, n) : -EINVAL;
    pyd_leave(&fib->gate);
    return ret;
}

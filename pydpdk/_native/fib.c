/* Longest-prefix match of a column. */
#include "gate.h"

int
pyd_fib_open(struct pyd_fib *fib, const char *name, int socket_id, uint64_t default_nh,
             uint32_t max_routes, uint32_t nh_sz, uint32_t num_tbl8)
{
    struct rte_fib_conf conf;

    memset(&conf, 0, sizeof(conf));
    conf.type = RTE_FIB_DIR24_8;
    conf.default_nh = default_nh;
    conf.max_routes = max_routes;
    conf.dir24_8.nh_sz = nh_sz;
    conf.dir24_8.num_tbl8 = num_tbl8;
    fib->fib = rte_fib_create(name, socket_id, &conf);
    if (fib->fib == NULL)
        return -1;
    __atomic_store_n(&fib->gate.open, 1, __ATOMIC_SEQ_CST);
    return 0;
}

int
pyd_fib_close(struct pyd_fib *fib)
{
    int ret = pyd_shut(&fib->gate);

    if (ret != 0)
        return ret;
    rte_fib_free(fib->fib);
    fib->fib = NULL;
    return 0;
}

/* The caller holds a lock: routes are changed by one thread at a time, also beside lookups. */
int
pyd_fib_change(struct pyd_fib *fib, uint32_t ip, uint8_t depth, uint64_t next_hop, int add)
{
    int ret = pyd_enter(&fib->gate);

    if (ret != 0)
        return ret;
    ret = add ? rte_fib_add(fib->fib, ip, depth, next_hop) : rte_fib_delete(fib->fib, ip, depth);
    pyd_leave(&fib->gate);
    return ret;
}

int
pyd_fib_lookup(struct pyd_fib *fib, uint32_t *ips, uint64_t *next_hops, uint32_t n)
{
    int ret = pyd_enter(&fib->gate);

    if (unlikely(ret != 0))
        return ret;
    ret = n <= INT32_MAX ? rte_fib_lookup_bulk(fib->fib, ips, next_hops, n) : -EINVAL;
    pyd_leave(&fib->gate);
    return ret;
}

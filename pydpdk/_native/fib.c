/* Longest-prefix match of a column. */
#include "gate.h"
#include "late.h"

static const char *const tailqs[] = {"RTE_RIB", "RTE_RIB6", "RTE_FIB", "RTE_FIB6", NULL};

static struct {
    __typeof__(rte_fib_create) *create;
    __typeof__(rte_fib_free) *free;
    __typeof__(rte_fib_add) *add;
    __typeof__(rte_fib_delete) *delete;
    __typeof__(rte_fib_lookup_bulk) *lookup_bulk;
} fib_library;

/* The caller holds a lock. -ENOTSUP: a secondary whose primary has none. */
int
pyd_fib_load(void)
{
    const struct pyd_late_symbol symbols[] = {
        {"rte_fib_create", (void **)&fib_library.create},
        {"rte_fib_free", (void **)&fib_library.free},
        {"rte_fib_add", (void **)&fib_library.add},
        {"rte_fib_delete", (void **)&fib_library.delete},
        {"rte_fib_lookup_bulk", (void **)&fib_library.lookup_bulk},
        {NULL, NULL},
    };

    return fib_library.lookup_bulk != NULL ? 0 : pyd_late_load("librte_fib", tailqs, symbols);
}

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
    fib->fib = fib_library.create(name, socket_id, &conf);
    if (fib->fib == NULL) {
        if (rte_errno == EINVAL)
            rte_errno = ENOMEM; /* what it frees then has hidden that; the rest is checked before */
        return -1;
    }
    __atomic_store_n(&fib->gate.open, 1, __ATOMIC_SEQ_CST);
    return 0;
}

int
pyd_fib_close(struct pyd_fib *fib)
{
    int ret = pyd_shut(&fib->gate);

    if (ret != 0)
        return ret;
    fib_library.free(fib->fib);
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
    ret = add ? fib_library.add(fib->fib, ip, depth, next_hop) : fib_library.delete(fib->fib, ip, depth);
    pyd_leave(&fib->gate);
    return ret;
}

int
pyd_fib_lookup(struct pyd_fib *fib, uint32_t *ips, uint64_t *next_hops, uint32_t n)
{
    int ret = pyd_enter(&fib->gate);

    if (unlikely(ret != 0))
        return ret;
    ret = n <= INT32_MAX ? fib_library.lookup_bulk(fib->fib, ips, next_hops, n) : -EINVAL;
    pyd_leave(&fib->gate);
    return ret;
}

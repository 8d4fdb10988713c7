/* A table of IPv4 routes; lookups pass its gate, so that closing it waits for them. */
struct pyd_fib {
    struct pyd_gate gate;
    struct rte_fib *fib;
};

int pyd_fib_load(void);
int pyd_fib_open(struct pyd_fib *fib, const char *name, int socket_id, uint64_t default_nh,
    uint32_t max_routes, uint32_t nh_sz, uint32_t num_tbl8);
int pyd_fib_close(struct pyd_fib *fib);
int pyd_fib_change(struct pyd_fib *fib, uint32_t ip, uint8_t depth, uint64_t next_hop, int add);
int pyd_fib_lookup(struct pyd_fib *fib, uint32_t *ips, uint64_t *next_hops, uint32_t n);

/* The same of IPv6. */
struct pyd_fib6 {
    struct pyd_gate gate;
    struct rte_fib6 *fib;
};

int pyd_fib6_load(void);
int pyd_fib6_open(struct pyd_fib6 *fib, const char *name, int socket_id, uint64_t default_nh,
    uint32_t max_routes, uint32_t nh_sz, uint32_t num_tbl8);
int pyd_fib6_close(struct pyd_fib6 *fib);
int pyd_fib6_change(struct pyd_fib6 *fib, const void *ip, uint8_t depth, uint64_t next_hop, int add);
int pyd_fib6_lookup(struct pyd_fib6 *fib, void *ips, uint64_t *next_hops, uint32_t n);

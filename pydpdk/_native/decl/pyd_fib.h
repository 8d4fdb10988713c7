/* SPDX-License-Identifier: BSD-3-Clause */
/* The contents of a table of routes, counted here: DPDK's own counters become wrong. A step is a group
 * of 256 next hops behind the first 24 bits (tbl8). */
struct pyd_routes {
    uint64_t default_hop;
    uint32_t writes; /* odd while DPDK writes; a concurrent lookup is repeated */
    uint32_t n;
    uint32_t max_routes;
    uint32_t steps;
    uint32_t max_steps;
};

struct pyd_family;

/* A table of IPv4 or IPv6 routes; lookups enter its gate, so that closing it waits for them. */
struct pyd_fib {
    struct pyd_gate gate;
    void *fib;
    const struct pyd_family *family;
    struct pyd_routes routes;
};

int pyd_fib_load(int bits);
int pyd_fib_open(struct pyd_fib *fib, int bits, const char *name, int socket_id,
    uint64_t default_nh, uint32_t max_routes, uint32_t nh_sz, uint32_t num_tbl8,
    uint32_t max_steps);
int pyd_fib_close(struct pyd_fib *fib);
int pyd_fib_change(struct pyd_fib *fib, const void *ip, uint8_t depth, uint64_t next_hop, int add);
int pyd_fib_has(struct pyd_fib *fib, const void *ip, uint8_t depth);
int pyd_fib_lookup(struct pyd_fib *fib, void *ips, uint64_t *next_hops, uint32_t n);

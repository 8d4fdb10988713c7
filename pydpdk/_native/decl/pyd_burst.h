/* SPDX-License-Identifier: BSD-3-Clause */
struct pyd_burst {
    struct pyd_gate gate;
    struct pyd_storage *storage;
    uint32_t n;
    uint32_t size;
    uint32_t generation;
};

int pyd_burst_open(struct pyd_burst *burst, uint32_t size);
int pyd_burst_close(struct pyd_burst *burst, int force);
/* n: UINT32_MAX for as many as fit. */
int pyd_burst_alloc(struct pyd_burst *burst, struct pyd_pool *pool, uint32_t n, uint32_t length);
int pyd_burst_free(struct pyd_burst *burst);
int pyd_burst_lengths(struct pyd_burst *burst, uint32_t room, uint32_t *lengths);
int pyd_burst_fill(struct pyd_burst *burst, const char *data, const uint32_t *ends, uint32_t n);
int pyd_burst_fill_each(struct pyd_burst *burst, const char *data, uint32_t length);
int pyd_burst_bytes(struct pyd_burst *burst, uint32_t i, char *data, uint32_t room);
int pyd_burst_swap_macs(struct pyd_burst *burst);

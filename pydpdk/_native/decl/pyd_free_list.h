/* SPDX-License-Identifier: BSD-3-Clause */
/* Which mbufs are out of a pool, and what owns them: to find leaks, never on the data path. An
 * owner is a burst, by its storage and process, or a ring, by its name. */
struct pyd_held {
    uint64_t mbuf;
    uint64_t storage;
    uint32_t pid;
    uint32_t ours;
    uint32_t index;
    uint32_t cloned;
    char ring[32];
};
/* The stamp that tracing writes into each mbuf that Python takes. */
struct pyd_stamp {
    uint32_t pid;
    uint32_t site;
    uint32_t ms;
};

int pyd_pool_objects(struct rte_mempool *mp, uint64_t *objects, uint32_t room);
int pyd_pool_waiting(struct rte_mempool *mp, uint64_t *objects, uint32_t room);
int pyd_held(const uint64_t *out, uint32_t n_out, struct pyd_held *rows, uint32_t room);
int pyd_burst_verify(struct pyd_burst *burst, char *reason, uint32_t room);
int pyd_burst_stamp(struct pyd_burst *burst, uint32_t first, uint32_t offset, uint32_t site,
    uint32_t pid);
int pyd_read_stamps(const uint64_t *mbufs, uint32_t n, uint32_t offset, struct pyd_stamp *stamps);
uint32_t pyd_stamp_ms(void);

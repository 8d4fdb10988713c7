/* SPDX-License-Identifier: BSD-3-Clause */
/* `memory`: the user's, registered with DPDK only for this pool; NULL where it is DPDK's own. */
struct pyd_pool {
    struct pyd_gate gate;
    struct rte_mempool *mp;
    void *memory;
    uint64_t memory_len;
};

int pyd_pool_is_pktmbuf(const struct rte_mempool *mp);
int pyd_pool_is_external(struct rte_mempool *mp);
int pyd_pool_caches(struct rte_mempool *mp, uint32_t *lens, unsigned int room);
int pyd_pool_avail(struct pyd_gate *gate, const struct rte_mempool *mp);
int pyd_pool_in_use(struct pyd_gate *gate, const struct rte_mempool *mp);
int pyd_pool_cached(struct pyd_gate *gate, struct rte_mempool *mp, uint32_t *lens,
                    unsigned int room);
int pyd_pool_make(struct pyd_pool *pool, const char *name, uint32_t n, uint32_t cache_size,
    uint16_t priv_size, uint16_t data_room_size, int socket_id, const char *ops_name);
int pyd_pool_shut(struct pyd_pool *pool);
int pyd_pool_free(struct pyd_pool *pool);
const char *pyd_mempool_ops_at(const void *table, unsigned int index);
const void *pyd_mempool_ops_table(void);
unsigned int pyd_mempool_ops_table_size(void);

/* Mbufs that a driver cannot reach: see beyond.c. */
struct pyd_beyond {
    struct rte_mempool *mp;
    uint32_t n;
    void *mbufs[];
};

uint32_t pyd_beyond_count(struct rte_mempool *mp);
int pyd_beyond_take(struct pyd_beyond *beyond, struct pyd_gate *gate);
void pyd_beyond_give(struct pyd_beyond *beyond);

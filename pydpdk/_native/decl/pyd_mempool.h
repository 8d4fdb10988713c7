struct pyd_pool {
    struct pyd_gate gate;
    struct rte_mempool *mp;
};

int pyd_pool_is_pktmbuf(const struct rte_mempool *mp);
int pyd_pool_is_external(struct rte_mempool *mp);
int pyd_pool_caches(struct rte_mempool *mp, uint32_t *lens, unsigned int room);
int pyd_pool_shut(struct pyd_pool *pool);

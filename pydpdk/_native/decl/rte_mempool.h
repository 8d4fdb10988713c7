/* SPDX-License-Identifier: BSD-3-Clause */
#define RTE_MEMPOOL_OPS_NAMESIZE ...
#define RTE_MEMPOOL_NAMESIZE ...
#define RTE_MEMPOOL_CACHE_MAX_SIZE ...
#define RTE_MEMPOOL_F_NO_SPREAD ...
#define RTE_MEMPOOL_F_NO_CACHE_ALIGN ...
#define RTE_MEMPOOL_F_NO_IOVA_CONTIG ...
#define RTE_MEMPOOL_F_NON_IO ...

struct rte_mempool {
    char name[...];
    unsigned int flags;
    int socket_id;
    uint32_t size;
    uint32_t cache_size;
    uint32_t elt_size;
    uint32_t header_size;
    uint32_t trailer_size;
    int32_t ops_index;
    uint32_t populated_size;
    uint32_t nb_mem_chunks;
    ...;
};
struct rte_mempool_objsz { uint32_t elt_size; uint32_t header_size; uint32_t trailer_size;
    uint32_t total_size; ...; };

struct rte_mempool *rte_mempool_lookup(const char *name);
struct rte_mempool *rte_mempool_create_empty(const char *name, unsigned int n,
    unsigned int elt_size, unsigned int cache_size, unsigned int private_data_size,
    int socket_id, unsigned int flags);
int rte_mempool_set_ops_byname(struct rte_mempool *mp, const char *name, void *pool_config);
int rte_mempool_populate_default(struct rte_mempool *mp);
void rte_mempool_free(struct rte_mempool *mp);
unsigned int rte_mempool_in_use_count(const struct rte_mempool *mp);
uint32_t rte_mempool_calc_obj_size(uint32_t elt_size, uint32_t flags, struct rte_mempool_objsz *sz);

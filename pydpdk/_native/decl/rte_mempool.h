#define RTE_MEMPOOL_NAMESIZE ...
#define RTE_MEMPOOL_CACHE_MAX_SIZE ...

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
void rte_mempool_free(struct rte_mempool *mp);
unsigned int rte_mempool_avail_count(const struct rte_mempool *mp);
unsigned int rte_mempool_in_use_count(const struct rte_mempool *mp);
uint32_t rte_mempool_calc_obj_size(uint32_t elt_size, uint32_t flags, struct rte_mempool_objsz *sz);

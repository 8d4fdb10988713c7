/* SPDX-License-Identifier: BSD-3-Clause */
/* The memory of this process or of one that it is attached to. In a secondary, no ops
 * and no callbacks of a pool are called: their numbers may mean other functions here. */
enum pyd_pool_kind { PYD_POOL_OTHER, PYD_POOL_RING, PYD_POOL_STACK };

struct pyd_explored_pool {
    char name[32];
    uint64_t addr;
    uint64_t pool_data;
    uint32_t size;
    uint32_t elt_size;
    uint32_t total_size;
    uint32_t cache_size;
    int32_t socket_id;
    int32_t is_pktmbuf;
    int32_t kind;
    int32_t common; /* objects in the common pool; -1 where that is unknown here */
};
struct pyd_explored_chunk {
    uint64_t pool;
    uint64_t addr;
    uint64_t iova;
    uint64_t len;
};
struct pyd_explored_ring {
    char name[32];
    uint64_t addr;
    uint32_t size;
    uint32_t capacity;
    uint32_t count;
    uint32_t flags;
};

/* Each writes at most `room` entries and returns how many there are; for pools also the lengths of
 * their lcore caches, RTE_MAX_LCORE for each. */
unsigned int pyd_explore_pools(struct pyd_explored_pool *rows, uint32_t *caches,
                               unsigned int room);
unsigned int pyd_explore_chunks(struct pyd_explored_chunk *rows, unsigned int room);
unsigned int pyd_explore_rings(struct pyd_explored_ring *rows, unsigned int room);
char *pyd_explore_heaps(void);
void pyd_explore_release(char *text);

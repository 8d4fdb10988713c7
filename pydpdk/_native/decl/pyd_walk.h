/* SPDX-License-Identifier: BSD-3-Clause */
/* Entries that the walks copy out: the callbacks run under DPDK's memory lock, where Python must
 * not run. */
struct pyd_memseg_list {
    char name[64];
    uint64_t base_va;
    uint64_t page_sz;
    uint64_t len;
    int32_t socket_id;
    uint32_t external;
    uint32_t heap;
    uint32_t n_pages;
    uint32_t n_used;
};
struct pyd_memseg {
    uint64_t addr;
    uint64_t iova;
    uint64_t len;
    uint64_t hugepage_sz;
    int32_t socket_id;
    uint32_t flags;
    uint64_t fd_offset;
    int32_t fd; /* -1: no file behind it */
    uint32_t external;
};
struct pyd_memzone {
    char name[32];
    uint64_t addr;
    uint64_t iova;
    uint64_t len;
    uint64_t hugepage_sz;
    int32_t socket_id;
    uint32_t flags;
};
/* One that this process has open. */
struct pyd_zone {
    struct pyd_gate gate;
    const struct rte_memzone *mz;
};
enum pyd_pool_kind { PYD_POOL_OTHER, PYD_POOL_RING, PYD_POOL_STACK };

struct pyd_mempool {
    char name[32];
    uint64_t addr;
    uint64_t pool_data;
    uint32_t size;
    uint32_t populated; /* less than `size` while it is being made */
    uint32_t elt_size;
    uint32_t total_size;
    uint32_t cache_size;
    uint32_t cached;
    uint32_t nb_mem_chunks;
    int32_t socket_id;
    int32_t is_pktmbuf;
    int32_t kind;
    int32_t common; /* objects in the common pool; -1 where that is unknown here */
};
struct pyd_chunk {
    uint64_t pool;
    uint64_t addr;
    uint64_t iova;
    uint64_t len;
};
struct pyd_ring_state {
    char name[32];
    uint64_t addr;
    uint32_t capacity;
    uint32_t count;
};

/* Each writes at most `room` entries and returns how many there are. */
unsigned int pyd_walk_memseg_lists(struct pyd_memseg_list *rows, unsigned int room);
unsigned int pyd_walk_memsegs(struct pyd_memseg *rows, unsigned int room);
unsigned int pyd_walk_memzones(struct pyd_memzone *rows, unsigned int room);
unsigned int pyd_walk_mempools(uint32_t *caches, struct pyd_mempool *rows, unsigned int room);
unsigned int pyd_walk_chunks(struct rte_mempool *mp, struct pyd_chunk *rows, unsigned int room);
unsigned int pyd_walk_rings(struct pyd_ring_state *rows, unsigned int room);
char *pyd_walk_heaps(void);
void pyd_walk_release(char *text);
int pyd_zone_reserve(struct pyd_zone *zone, const char *name, uint64_t len, int socket_id,
    uint32_t flags, uint32_t align, uint32_t bound);
int pyd_zone_free(struct pyd_zone *zone);
void pyd_memzone_describe(const struct rte_memzone *mz, struct pyd_memzone *entry);
int pyd_memseg_at(uint64_t addr, struct pyd_memseg *entry);

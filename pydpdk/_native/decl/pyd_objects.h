/* SPDX-License-Identifier: BSD-3-Clause */
/* Pools of plain objects. Their description is in the private data of the mempool, where every
 * process finds it: a pool without it is not touched. Behind the text of the dtype lies one byte
 * for each object: 0 in the pool, else 1 + the index of its owner in the process table. */
struct pyd_objects_head {
    uint64_t magic;
    uint32_t itemsize;
    uint32_t dtype_len;
    uint32_t owners; /* offset of the owner bytes; 0: there are none */
    uint32_t unused;
    char ops[32]; /* by name: their number may differ in another process */
};
struct pyd_objects {
    struct pyd_gate gate;
    struct pyd_gate getter; /* entered exclusively where the ops allow one consumer */
    struct pyd_gate putter;
    struct rte_mempool *mp;
    uint64_t *addresses; /* ascending; an id is an index into it */
    uint8_t *out;
    uint64_t stride; /* 0: not evenly spaced */
    uint64_t inverse; /* 2^64 / stride, rounded up */
    uint32_t n;
    uint32_t itemsize;
    uint32_t single_get;
    uint32_t single_put;
};

struct pyd_objects_head *pyd_objects_head(const struct rte_mempool *mp);
uint8_t *pyd_objects_owners(const struct rte_mempool *mp);
int pyd_ops_known(const char *name);
int pyd_ops_name(const struct rte_mempool *mp, char *name, unsigned int size);
int pyd_objects_get(struct pyd_objects *objects, int64_t *ids, uint32_t n);
int pyd_objects_put(struct pyd_objects *objects, const int64_t *ids, uint32_t n);
int pyd_objects_read(struct pyd_objects *objects, const int64_t *ids, uint32_t n, char *data);
int pyd_objects_write(struct pyd_objects *objects, const int64_t *ids, uint32_t n,
    const char *data);
int pyd_objects_ids(struct pyd_objects *objects, const uint64_t *addresses, uint32_t n,
    int64_t *ids);
int pyd_objects_make(struct pyd_objects *objects, const char *name, uint32_t n, uint32_t itemsize,
    uint32_t cache_size, int socket_id, uint32_t flags, const char *ops, const char *dtype,
    uint32_t dtype_len, int checked);
int pyd_objects_shut(struct pyd_objects *objects);
int pyd_objects_free(struct pyd_objects *objects);

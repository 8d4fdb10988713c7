/* SPDX-License-Identifier: BSD-3-Clause */
/* A job on an lcore. `stop`: it has been asked to end; `asked`: when it first saw that, in cycles.
 * `done` is a futex: the function has returned; then the lcore is joined once. `ready_fd`: an
 * eventfd to write to then, or -1. */
struct pyd_job {
    struct pyd_gate gate;
    uint32_t stop;
    uint64_t asked;
    uint64_t pid;
    uint32_t lcore_id;
    uint32_t launched;
    uint32_t done;
    uint32_t joined;
    int ready_fd;
};
/* Where a field lies in the mbuf; a size of 0: `offset` is the constant of that name. */
struct pyd_worker_field {
    const char *name;
    uint32_t offset;
    uint32_t size;
};

int pyd_job_launch(struct pyd_job *job, unsigned int lcore_id);
int pyd_job_wait(struct pyd_job *job, uint64_t ns);
void pyd_job_stop(struct pyd_job *job);
void pyd_job_notify(struct pyd_job *job, int fd);
void pyd_job_join(struct pyd_job *job);
void pyd_job_close(struct pyd_job *job);
struct pyd_job *pyd_job_mine(void);
int pyd_job_running(void);

int pyd_lease(struct pyd_gate *gate, int alone, uint32_t *leased);
void pyd_return(struct pyd_gate *gate, int alone, uint32_t *leased);

int pyd_worker_rx(struct pyd_queue *queue, struct pyd_burst *burst);
int pyd_worker_tx(struct pyd_queue *queue, struct pyd_burst *burst);
int pyd_worker_ring_rx(struct pyd_ring *ring, struct pyd_burst *burst);
int pyd_worker_ring_tx(struct pyd_ring *ring, struct pyd_burst *burst);
int pyd_worker_alloc(struct pyd_burst *burst, struct pyd_pool *pool, int64_t n, int64_t length);
int pyd_worker_free(struct pyd_burst *burst);
int pyd_worker_fill(struct pyd_burst *burst, const void *data, int64_t length);
int pyd_worker_part(struct pyd_burst *burst, const uint8_t *mask, int64_t length, int64_t keep);
int pyd_worker_take(struct pyd_burst *burst, const uint8_t *mask, int64_t length,
    struct pyd_burst *into);
int pyd_worker_enqueue_burst(struct pyd_ring *ring, const void *values, uint32_t n);
int pyd_worker_enqueue_bulk(struct pyd_ring *ring, const void *values, uint32_t n);
int pyd_worker_dequeue_burst(struct pyd_ring *ring, void *values, uint32_t n);
int pyd_worker_dequeue_bulk(struct pyd_ring *ring, void *values, uint32_t n);
int64_t pyd_worker_find(struct rte_mbuf *m, int64_t header, int64_t length);
int pyd_worker_where(const struct pyd_where *where, struct rte_mbuf **mbufs, uint32_t n,
    uint8_t *mask);
int pyd_worker_holds(const struct pyd_where *where, struct rte_mbuf **mbufs);
int pyd_worker_rewrite(struct rte_mbuf **mbufs, const struct pyd_column *column,
    const uint64_t *value);
int pyd_worker_swap_macs(struct pyd_burst *burst);
const struct pyd_worker_field *pyd_worker_fields(uint32_t *n);

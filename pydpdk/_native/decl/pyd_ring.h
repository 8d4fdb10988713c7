/* rte_ring keeps neither its element size nor what its elements are. DPDK stores `flags` at
 * creation and does not read it again, so the upper half of it can tell every process. */
#define PYD_RING_MBUFS 0x40000000
#define PYD_RING_ESIZE_SHIFT 16
#define PYD_RING_ESIZE_MASK 0x3fff

struct pyd_ring {
    struct pyd_gate gate;
    struct rte_ring *ring;
    uint32_t esize;
};

int pyd_ring_mark(struct rte_ring *ring, int mark);
int pyd_ring_fits(const struct rte_ring *ring, uint32_t esize);
int pyd_ring_count(struct pyd_ring *ring);
int pyd_ring_enqueue(struct pyd_ring *ring, const void *elements, uint32_t n, int bulk);
int pyd_ring_dequeue(struct pyd_ring *ring, void *elements, uint32_t n, int bulk);
int pyd_ring_tx(struct pyd_ring *ring, struct pyd_burst *burst, int bulk);
int pyd_ring_rx(struct pyd_ring *ring, struct pyd_burst *burst, uint32_t n, int bulk);
int pyd_ring_close(struct pyd_ring *ring, int force);

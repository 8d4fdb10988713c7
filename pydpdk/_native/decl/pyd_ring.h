/* SPDX-License-Identifier: BSD-3-Clause */
/* rte_ring keeps neither its element size nor what its elements are. DPDK stores `flags` at
 * creation and does not read it again, so its upper half can hold that for every process. */
#define PYD_RING_MBUFS 0x40000000
#define PYD_RING_ESIZE_SHIFT 16
#define PYD_RING_ESIZE_MASK 0x3fff

/* One side of a ring. `alone`: DPDK allows one thread on it, a second one gets an error. `zc`:
 * Python has slots, and the gate is shut to all other calls: DPDK would spin, or mix the two up.
 * The threads of the two sides run on different cores, hence a cache line for each. */
struct pyd_ring_side {
    struct pyd_gate gate;
    uint32_t alone;
    uint32_t zc;
    uint32_t reserved;
    uint64_t malformed; /* of the consumer: mbufs that were dropped on their way out */
    char apart[32];
};

/* The outer gate is for calls that move no elements: counts, zero-copy begin and end. */
struct pyd_ring {
    struct pyd_gate gate;
    struct rte_ring *ring;
    uint32_t esize;
    char apart[36];
    struct pyd_ring_side producer;
    struct pyd_ring_side consumer;
};

/* Where reserved slots lie: n1 from slot `first` on, the rest from slot 0 on. `open`: from the call
 * that reserves them to the first that ends the reservation; later ones do nothing. */
struct pyd_ring_slots {
    uint32_t first;
    uint32_t n1;
    uint32_t open;
    uint32_t consumer;
    struct pyd_ring *ring;
};

int pyd_ring_make(struct pyd_ring *ring, const char *name, uint32_t esize, uint32_t size,
    int socket_id, uint32_t flags, int mark);
int pyd_ring_fits(const struct rte_ring *ring, uint32_t esize);
uintptr_t pyd_ring_memory(const struct rte_ring *ring);
void pyd_ring_open(struct pyd_ring *ring, struct rte_ring *of, uint32_t esize);
void pyd_ring_shut(struct pyd_ring *ring);
int pyd_ring_count(struct pyd_ring *ring);
int pyd_ring_enqueue_burst(struct pyd_ring *ring, const void *elements, uint32_t n);
int pyd_ring_enqueue_bulk(struct pyd_ring *ring, const void *elements, uint32_t n);
int pyd_ring_dequeue_burst(struct pyd_ring *ring, void *elements, uint32_t n);
int pyd_ring_dequeue_bulk(struct pyd_ring *ring, void *elements, uint32_t n);
int pyd_ring_tx(struct pyd_ring *ring, struct pyd_burst *burst, int bulk);
int pyd_ring_rx(struct pyd_ring *ring, struct pyd_burst *burst, uint32_t n, int bulk);
int pyd_ring_tx_burst(struct pyd_ring *ring, struct pyd_burst *burst);
int pyd_ring_rx_burst(struct pyd_ring *ring, struct pyd_burst *burst);
int pyd_ring_zc_start(struct pyd_ring *ring, int consumer, uint32_t n, int bulk,
    struct pyd_ring_slots *slots);
int pyd_ring_zc_finish(struct pyd_ring *ring, int consumer, uint32_t n);
int pyd_ring_zc_end(struct pyd_ring_slots *slots, uint32_t n);
void pyd_ring_zc_drop(struct pyd_ring_slots *slots, struct pyd_ring *ring);
void pyd_ring_call_in(const char *name);
int pyd_ring_close(struct pyd_ring *ring, int force);

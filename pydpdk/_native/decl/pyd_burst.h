struct pyd_burst {
    struct pyd_gate gate;
    struct pyd_slots *slots;
    uint32_t n;
    uint32_t size;
    uint32_t generation;
};
struct pyd_segment {
    uint64_t addr;
    uint64_t room_addr;
    struct rte_mempool *pool;
    uint32_t len;
    uint32_t pkt_len;
    uint16_t headroom;
    uint16_t tailroom;
    uint16_t nb_segs;
    uint16_t refcnt;
};
/* Packet metadata that Python reads and writes of a single mbuf. */
struct pyd_meta {
    uint64_t ol_flags;
    uint32_t packet_type;
    uint32_t rss_hash;
    uint16_t port;
    uint16_t vlan_tci;
    uint16_t vlan_tci_outer;
};
#define PYD_MBUF_APPEND 0
#define PYD_MBUF_PREPEND 1
#define PYD_MBUF_ADJ 2
#define PYD_MBUF_TRIM 3

int pyd_burst_open(struct pyd_burst *burst, uint32_t size);
int pyd_burst_close(struct pyd_burst *burst, int force);
int pyd_burst_alloc(struct pyd_burst *burst, struct pyd_pool *pool, uint32_t n, uint32_t length);
int pyd_burst_free(struct pyd_burst *burst);
int pyd_burst_lengths(struct pyd_burst *burst, uint32_t *lengths, uint32_t room);
int pyd_burst_fill(struct pyd_burst *burst, const char *data, const uint32_t *ends, uint32_t n);
int pyd_burst_fill_each(struct pyd_burst *burst, const char *data, uint32_t length);
int pyd_burst_bytes(struct pyd_burst *burst, uint32_t i, char *data, uint32_t room);
int pyd_burst_segment(struct pyd_burst *burst, uint32_t i, struct pyd_segment *segment);
int pyd_burst_swap_macs(struct pyd_burst *burst);
int pyd_mbuf_resize(struct pyd_burst *burst, uint32_t i, int how, uint32_t length);
int pyd_mbuf_get(struct pyd_burst *burst, uint32_t i, struct pyd_meta *meta);
int pyd_mbuf_set(struct pyd_burst *burst, uint32_t i, const struct pyd_meta *meta);

/* SPDX-License-Identifier: BSD-3-Clause */
/* A single mbuf, its segments and their memory, as Python reads and writes them. */
struct pyd_segment {
    uint64_t mbuf;
    uint64_t addr;
    uint64_t room_addr;
    struct rte_mempool *pool;
    uint32_t len;
    uint32_t pkt_len;
    uint32_t sharers;
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
struct pyd_tx_offload {
    uint64_t ol_flags;
    uint16_t l2_len;
    uint16_t l3_len;
    uint16_t l4_len;
    uint16_t tso_segsz;
    uint16_t outer_l2_len;
    uint16_t outer_l3_len;
};
#define PYD_MBUF_APPEND 0
#define PYD_MBUF_PREPEND 1
#define PYD_MBUF_ADJ 2
#define PYD_MBUF_TRIM 3
#define PYD_MBUF_CLONE 0
#define PYD_MBUF_COPY 1
#define PYD_PKT_LEN_MAX 0x7fff0000

int pyd_mbuf_put(struct pyd_burst *burst, uint32_t i, int how, const char *data, uint32_t length);
int pyd_mbuf_cut(struct pyd_burst *burst, uint32_t i, int how, uint32_t length);
int pyd_mbuf_get(struct pyd_burst *burst, uint32_t i, struct pyd_meta *meta);
int pyd_mbuf_set(struct pyd_burst *burst, uint32_t i, const struct pyd_meta *meta);
int pyd_mbuf_segments(struct pyd_burst *burst, uint32_t i, struct pyd_segment *rows, uint32_t room);
int pyd_mbuf_read(struct pyd_burst *burst, uint32_t i, uint32_t off, uint32_t len, char *data);
int pyd_mbuf_check(struct pyd_burst *burst, uint32_t i, char *reason, uint32_t room);
int pyd_mbuf_chain(struct pyd_burst *burst, uint32_t i, struct pyd_burst *from, uint32_t j);
int pyd_mbuf_linearize(struct pyd_burst *burst, uint32_t i);
int pyd_mbuf_attach(struct pyd_burst *burst, uint32_t i, struct pyd_burst *other, uint32_t j);
int pyd_mbuf_detach(struct pyd_burst *burst, uint32_t i);
int pyd_mbuf_derive(struct pyd_burst *burst, uint32_t i, struct pyd_burst *into,
    struct pyd_pool *pool, int how, uint32_t off, uint32_t len);
int pyd_burst_derive(struct pyd_burst *burst, struct pyd_burst *into, struct pyd_pool *pool,
    int how, uint32_t off, uint32_t len);
int pyd_mbuf_tx_get(struct pyd_burst *burst, uint32_t i, struct pyd_tx_offload *tx);
int pyd_mbuf_tx_set(struct pyd_burst *burst, uint32_t i, const struct pyd_tx_offload *tx);
int pyd_mbuf_dyn(struct pyd_burst *burst, uint32_t i, uint32_t offset, uint32_t size, char *to,
    const char *from);
int pyd_mbuf_flag_set(struct pyd_burst *burst, uint32_t i, uint32_t bitnum, int on);
int pyd_extmem_register(struct pyd_pool *pool, uint64_t addr, uint64_t len, uint64_t page_sz);
int pyd_extbuf_pool_make(struct pyd_pool *pool, const char *name, uint32_t n, uint32_t cache_size,
    uint16_t priv_size, uint16_t data_room_size, int socket_id, uint64_t iova, uint16_t elt_size);

/* SPDX-License-Identifier: BSD-3-Clause */
/* Verbs on the headers of all packets of a burst. A result of 1 + i means that packet i cannot be
 * processed; then nothing has been changed. */
#define PYD_SUM_IP_BAD 1
#define PYD_SUM_L4_BAD 2
#define PYD_OFFLOAD_IPV4 1
#define PYD_OFFLOAD_UDP 2
#define PYD_OFFLOAD_TCP 4

int pyd_burst_rewrite(struct pyd_burst *burst, const struct pyd_column *column,
    const char *data, uint32_t n);
int pyd_burst_decrement_ttl(struct pyd_burst *burst, uint8_t *expired, uint32_t n);
int pyd_burst_verify_sums(struct pyd_burst *burst, uint8_t *found, uint32_t n);
int pyd_burst_compute_sums(struct pyd_burst *burst, uint32_t offload, uint8_t *done, uint32_t n);
int pyd_burst_vlan_push(struct pyd_burst *burst, const uint16_t *tci, uint16_t tpid, uint32_t n);
int pyd_burst_vlan_pop(struct pyd_burst *burst, uint8_t *popped, uint32_t n);
int pyd_burst_prepend(struct pyd_burst *burst, const char *data, uint32_t width, uint32_t n);
int pyd_burst_adj(struct pyd_burst *burst, const uint32_t *lengths, uint32_t n);
int64_t pyd_burst_copy_out(struct pyd_burst *burst, char *data, uint64_t room, uint64_t *offsets,
    uint32_t n);

/* The same on leased mbufs. */
int pyd_mbufs_rewrite(struct rte_mbuf **mbufs, uint32_t n, const struct pyd_column *column,
    const char *data);
int pyd_mbufs_decrement_ttl(struct rte_mbuf **mbufs, uint32_t n, uint8_t *expired);
int pyd_mbufs_verify_sums(struct rte_mbuf **mbufs, uint32_t n, uint8_t *found);
int pyd_mbufs_compute_sums(struct rte_mbuf **mbufs, uint32_t n, uint32_t offload, uint8_t *done);
int pyd_mbufs_vlan_push(struct rte_mbuf **mbufs, uint32_t n, const uint16_t *tci, uint16_t tpid);
int pyd_mbufs_vlan_pop(struct rte_mbuf **mbufs, uint32_t n, uint8_t *popped);
int pyd_mbufs_prepend(struct rte_mbuf **mbufs, uint32_t n, const char *data, uint32_t width,
    uint32_t stride);
int pyd_mbufs_adj(struct rte_mbuf **mbufs, uint32_t n, const uint32_t *lengths);

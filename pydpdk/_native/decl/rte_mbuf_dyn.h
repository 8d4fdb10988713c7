/* SPDX-License-Identifier: BSD-3-Clause */
struct rte_mbuf_dynfield {
    char name[...];
    size_t size;
    size_t align;
    unsigned int flags;
    ...;
};
struct rte_mbuf_dynflag {
    char name[...];
    unsigned int flags;
    ...;
};

int rte_mbuf_dynfield_register(const struct rte_mbuf_dynfield *params);
int rte_mbuf_dynfield_lookup(const char *name, struct rte_mbuf_dynfield *params);
int rte_mbuf_dynflag_register(const struct rte_mbuf_dynflag *params);
int rte_mbuf_dynflag_lookup(const char *name, struct rte_mbuf_dynflag *params);
int rte_mbuf_dyn_rx_timestamp_register(int *field_offset, uint64_t *rx_flag);
int rte_mbuf_dyn_tx_timestamp_register(int *field_offset, uint64_t *tx_flag);

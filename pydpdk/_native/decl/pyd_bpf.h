/* SPDX-License-Identifier: BSD-3-Clause */
/* A pcap expression, compiled by libpcap and loaded by DPDK. */
struct pyd_bpf {
    struct pyd_gate gate;
    struct rte_bpf *bpf;
};

int pyd_bpf_open(struct pyd_bpf *bpf, const char *expression, char *reason, uint32_t room);
int pyd_bpf_close(struct pyd_bpf *bpf);
int pyd_bpf_match(struct pyd_bpf *bpf, struct pyd_burst *burst, uint8_t *mask, uint32_t n);

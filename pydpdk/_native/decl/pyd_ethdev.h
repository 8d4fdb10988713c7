/* SPDX-License-Identifier: BSD-3-Clause */
struct pyd_link {
    uint32_t speed;
    uint32_t full_duplex;
    uint32_t autoneg;
    uint32_t up;
};

/* A port as this process drives it: each state is set by the call that reaches it. */
struct pyd_port {
    struct pyd_gate gate;
    uint16_t port_id;
    uint16_t configured;
    uint16_t started;
};

int pyd_port_start(struct pyd_port *port);
int pyd_port_stop(struct pyd_port *port);
int pyd_port_close(struct pyd_port *port);
int pyd_eth_link(uint16_t port_id, struct pyd_link *link);
int pyd_eth_is_member(uint16_t port_id);
int pyd_split_large(uint32_t interface);
int pyd_alarms_pass(uint64_t us, uint32_t timeout_ms);
int pyd_intr_is_registered(int fd, const char *path);
int pyd_intr_unregister(uint16_t port_id);
void pyd_eth_conf_rss(struct rte_eth_conf *conf, uint64_t rss_hf);
void pyd_queues_of(uint16_t port_id, uint64_t *rxq, uint64_t *txq);
void pyd_queues_adopt(uint16_t port_id, uint64_t rxq, uint64_t txq);

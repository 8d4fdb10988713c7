struct pyd_link {
    uint32_t speed;
    uint32_t full_duplex;
    uint32_t autoneg;
    uint32_t up;
};

int pyd_eth_link(uint16_t port_id, struct pyd_link *link);
void pyd_eth_conf_rss(struct rte_eth_conf *conf, uint64_t rss_hf);

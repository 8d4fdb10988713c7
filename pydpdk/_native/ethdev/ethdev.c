/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/gate.h"

int
pyd_port_start(struct pyd_port *port)
{
    int ret = rte_eth_dev_start(port->port_id);

    if (ret == 0)
        port->started = 1;
    return ret;
}

/* Does nothing for a port that this process did not start: a bond may have started it. */
int
pyd_port_stop(struct pyd_port *port)
{
    int ret;

    if (!port->started)
        return 0;
    ret = rte_eth_dev_stop(port->port_id);
    if (ret == 0)
        port->started = 0;
    return ret;
}

/* The device may be gone already: its removal closes the port. */
int
pyd_port_close(struct pyd_port *port)
{
    int ret = 0;

    if (port->gate.closed)
        return 0;
    if (rte_eth_dev_is_valid_port(port->port_id))
        ret = rte_eth_dev_close(port->port_id);
    if (ret == 0)
        pyd_end(&port->gate);
    return ret;
}

/* Bit-fields, which cffi cannot name portably. */
int
pyd_eth_link(uint16_t port_id, struct pyd_link *link)
{
    struct rte_eth_link now;
    int ret = rte_eth_link_get_nowait(port_id, &now);

    if (ret < 0)
        return ret;
    link->speed = now.link_speed;
    link->full_duplex = now.link_duplex;
    link->autoneg = now.link_autoneg;
    link->up = now.link_status;
    return 0;
}

/* A flag that changed its name: see compat.h. */
int
pyd_eth_is_member(uint16_t port_id)
{
    struct rte_eth_dev_info info;

    return rte_eth_dev_info_get(port_id, &info) == 0 && info.dev_flags != NULL &&
           (*info.dev_flags & PYD_BOND_MEMBER) != 0;
}

/* Anonymous members, which cffi cannot name portably. */
void
pyd_eth_conf_rss(struct rte_eth_conf *conf, uint64_t rss_hf)
{
    conf->rxmode.mq_mode = rss_hf == 0 ? RTE_ETH_MQ_RX_NONE : RTE_ETH_MQ_RX_RSS;
    conf->rx_adv_conf.rss_conf.rss_hf = rss_hf;
}

/* The addresses of a port's queues: the same arrays, in shared memory, for every process. */
void
pyd_queues_of(uint16_t port_id, uint64_t *rxq, uint64_t *txq)
{
    *rxq = (uintptr_t)rte_eth_fp_ops[port_id].rxq.data;
    *txq = (uintptr_t)rte_eth_fp_ops[port_id].txq.data;
}

/* A secondary copies these addresses when it attaches, and is not notified when a port is
 * configured later: its first burst would read from NULL. */
void
pyd_queues_adopt(uint16_t port_id, uint64_t rxq, uint64_t txq)
{
    rte_eth_fp_ops[port_id].rxq.data = (void **)(uintptr_t)rxq;
    rte_eth_fp_ops[port_id].txq.data = (void **)(uintptr_t)txq;
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* Interrupt callbacks that net_virtio_user leaves registered: docs/upstream/virtio_user_interrupt.md.
 * Only the driver has the address of its callback, which rte_intr_callback_unregister needs. */
#define PYD_TAKES_EXPERIMENTAL
#include "pyd.h"

#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <rte_interrupts.h>

static void
nothing(void *arg)
{
    (void)arg;
}

static int
is_bound_to(int fd, const char *path)
{
    struct sockaddr_un name = {.sun_family = AF_UNSPEC};
    socklen_t length = sizeof(name);

    return getsockname(fd, (struct sockaddr *)&name, &length) == 0 &&
           name.sun_family == AF_UNIX &&
           strncmp(name.sun_path, path, sizeof(name.sun_path) - 1) == 0;
}

/* Return 1 if a descriptor is of a socket that is bound to `path`, and the interrupt thread watches
 * it; 0 if not, and -errno. To unregister a callback that nobody registered removes nothing, and
 * tells these apart. */
int
pyd_intr_is_registered(int fd, const char *path)
{
    struct rte_intr_handle *handle;
    int ret;

    if (!is_bound_to(fd, path))
        return 0;
    handle = rte_intr_instance_alloc(RTE_INTR_INSTANCE_F_PRIVATE);
    if (handle == NULL)
        return -ENOMEM;
    ret = rte_intr_fd_set(handle, fd) == 0 ? 0 : -EINVAL;
    if (ret == 0)
        ret = rte_intr_callback_unregister(handle, nothing, NULL);
    rte_intr_instance_free(handle);
    if (ret == -ENOENT)
        return 0;
    return ret >= 0 || ret == -EAGAIN ? 1 : ret;
}

/* Configure a stopped port as it is, except for link state interrupts. */
static int
set_lsc(uint16_t port_id, int on)
{
    struct rte_eth_dev_info info;
    struct rte_eth_conf conf;
    int ret = rte_eth_dev_conf_get(port_id, &conf);

    if (ret == 0)
        ret = rte_eth_dev_info_get(port_id, &info);
    if (ret != 0)
        return ret;
    conf.intr_conf.lsc = on;
    return rte_eth_dev_configure(port_id, info.nb_rx_queues, info.nb_tx_queues, &conf);
}

/* Let the driver of a stopped port unregister its callback: a stop does so with link state
 * interrupts. A close with them would close the descriptors of the queues twice. */
int
pyd_intr_unregister(uint16_t port_id)
{
    int ret = set_lsc(port_id, 1), off;

    if (ret != 0)
        return ret;
    ret = rte_eth_dev_start(port_id);
    if (ret == 0)
        ret = rte_eth_dev_stop(port_id);
    off = set_lsc(port_id, 0);
    return ret != 0 ? ret : off;
}

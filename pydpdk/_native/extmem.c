/* Pools over the user's memory. rte_pktmbuf_pool_create_extbuf was experimental up to DPDK 23.07;
 * its arguments have stayed the same, so this one file takes it as it is: see compat.h. */
#define PYD_TAKES_EXPERIMENTAL
#include "pyd.h"

struct rte_mempool *
pyd_extbuf_pool_create(const char *name, uint32_t n, uint32_t cache_size, uint16_t priv_size,
                       uint16_t data_room_size, int socket_id, uint64_t addr, uint64_t iova,
                       uint64_t len, uint16_t elt_size)
{
    const struct rte_pktmbuf_extmem memory = {
        .buf_ptr = (void *)(uintptr_t)addr,
        .buf_iova = iova,
        .buf_len = len,
        .elt_size = elt_size,
    };

    return rte_pktmbuf_pool_create_extbuf(name, n, cache_size, priv_size, data_room_size,
                                          socket_id, &memory, 1);
}

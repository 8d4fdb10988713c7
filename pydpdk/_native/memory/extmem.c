/* SPDX-License-Identifier: BSD-3-Clause */
/* Pools over the user's memory. rte_pktmbuf_pool_create_extbuf was experimental up to DPDK 23.07;
 * its arguments have stayed the same, so this one file uses it as it is: see compat.h. */
#define PYD_TAKES_EXPERIMENTAL
#include "core/gate.h"
#include "core/process_table.h"

/* Register the memory of the pool. Returns -1 and sets rte_errno on failure. */
int
pyd_extmem_register(struct pyd_pool *pool, uint64_t addr, uint64_t len, uint64_t page_sz)
{
    if (rte_extmem_register((void *)(uintptr_t)addr, len, NULL, 0, page_sz) != 0)
        return -1;
    pool->memory = (void *)(uintptr_t)addr;
    pool->memory_len = len;
    return 0;
}

/* Make the pool over it. Returns -1 and sets rte_errno on failure. */
int
pyd_extbuf_pool_make(struct pyd_pool *pool, const char *name, uint32_t n, uint32_t cache_size,
                     uint16_t priv_size, uint16_t data_room_size, int socket_id, uint64_t iova,
                     uint16_t elt_size)
{
    const struct rte_pktmbuf_extmem memory = {
        .buf_ptr = pool->memory,
        .buf_iova = iova,
        .buf_len = pool->memory_len,
        .elt_size = elt_size,
    };

    if (pyd_making_begin() != 0)
        return -1;
    pool->mp = rte_pktmbuf_pool_create_extbuf(name, n, cache_size, priv_size, data_room_size,
                                              socket_id, &memory, 1);
    pool->gate.open = pool->mp != NULL;
    pyd_critical_end();
    return pool->mp == NULL ? -1 : 0;
}

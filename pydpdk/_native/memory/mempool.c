/* SPDX-License-Identifier: BSD-3-Clause */
#include "core/gate.h"
#include "core/process_table.h"

int
pyd_pool_is_external(struct rte_mempool *mp)
{
    return (rte_pktmbuf_priv_flags(mp) & RTE_PKTMBUF_POOL_F_PINNED_EXT_BUF) != 0;
}

/* How many objects each lcore's cache holds; returns how many lcores were written. */
int
pyd_pool_caches(struct rte_mempool *mp, uint32_t *lens, unsigned int room)
{
    const unsigned int n = RTE_MIN(room, (unsigned int)RTE_MAX_LCORE);
    unsigned int i;

    for (i = 0; i < n; i++)
        lens[i] = mp->cache_size == 0 ? 0 : mp->local_cache[i].len;
    return n;
}

/* A counter of a pool that this process has open. Another thread may be about to close it: the gate
 * is shut before the memory is freed. */
static int
count(struct pyd_gate *gate, const struct rte_mempool *mp,
      unsigned int (*function)(const struct rte_mempool *))
{
    const int ret = pyd_ref(gate);

    return ret != 0 ? ret : pyd_unref_with(gate, function(mp));
}

int
pyd_pool_avail(struct pyd_gate *gate, const struct rte_mempool *mp)
{
    return count(gate, mp, rte_mempool_avail_count);
}

int
pyd_pool_in_use(struct pyd_gate *gate, const struct rte_mempool *mp)
{
    return count(gate, mp, rte_mempool_in_use_count);
}

int
pyd_pool_cached(struct pyd_gate *gate, struct rte_mempool *mp, uint32_t *lens, unsigned int room)
{
    const int ret = pyd_ref(gate);

    return ret != 0 ? ret : pyd_unref_with(gate, pyd_pool_caches(mp, lens, room));
}

/* Returns -1 and sets rte_errno on failure. */
int
pyd_pool_make(struct pyd_pool *pool, const char *name, uint32_t n, uint32_t cache_size,
              uint16_t priv_size, uint16_t data_room_size, int socket_id, const char *ops_name)
{
    if (pyd_making_begin() != 0)
        return -1;
    pool->mp = rte_pktmbuf_pool_create_by_ops(name, n, cache_size, priv_size, data_room_size,
                                              socket_id, ops_name);
    pool->gate.open = pool->mp != NULL;
    pyd_critical_end();
    return pool->mp == NULL ? -1 : 0;
}

int
pyd_pool_shut(struct pyd_pool *pool)
{
    return pyd_shut(&pool->gate);
}

/* Free the pool while no recovery runs; keep it where a recovery was left half done. */
void
pyd_mempool_give(struct rte_mempool *mp)
{
    if (mp == NULL || pyd_critical_begin() != 0)
        return;
    rte_mempool_free(mp);
    pyd_critical_end();
}

/* Free the pool and unregister its memory. Does nothing if closed or never made. */
int
pyd_pool_free(struct pyd_pool *pool)
{
    if (pool->gate.closed)
        return 0;
    pyd_end(&pool->gate);
    pyd_mempool_give(pool->mp);
    if (pool->memory != NULL && rte_extmem_unregister(pool->memory, pool->memory_len) != 0)
        return -rte_errno;
    return 0;
}

/* The name of a mempool driver by its index, in a copy of a process's table of drivers: pools
 * record only the index, and it means the same in two processes only if their tables are the
 * same. */
const char *
pyd_mempool_ops_at(const void *table, unsigned int index)
{
    const struct rte_mempool_ops_table *ops = table;

    return index < RTE_MIN(ops->num_ops, (uint32_t)RTE_MEMPOOL_MAX_OPS_IDX) ? ops->ops[index].name
                                                                            : NULL;
}

const void *
pyd_mempool_ops_table(void)
{
    return &rte_mempool_ops_table;
}

unsigned int
pyd_mempool_ops_table_size(void)
{
    return sizeof(rte_mempool_ops_table);
}

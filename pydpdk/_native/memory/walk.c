/* SPDX-License-Identifier: BSD-3-Clause */
/* The chain as rows. Callbacks run under DPDK's locks: they copy, and do nothing else. */
#include <rte_eal_memconfig.h>
#include <rte_fbarray.h>

#include "pyd.h"

struct cursor {
    void *rows;
    unsigned int room;
    unsigned int n;
};

/* Room for one more row, or NULL; counts either way. */
static void *
next_row(struct cursor *cursor, size_t size)
{
    unsigned int i = cursor->n++;

    return i < cursor->room ? (char *)cursor->rows + i * size : NULL;
}

static int
memseg_list(const struct rte_memseg_list *msl, void *arg)
{
    struct pyd_memseg_list *row = next_row(arg, sizeof(*row));

    if (row == NULL)
        return 0;
    snprintf(row->name, sizeof(row->name), "%s", msl->memseg_arr.name);
    row->base_va = (uintptr_t)msl->base_va;
    row->page_sz = msl->page_sz;
    row->len = msl->len;
    row->socket_id = msl->socket_id;
    row->external = msl->external;
    row->heap = msl->heap;
    row->n_pages = msl->memseg_arr.len;
    row->n_used = msl->memseg_arr.count;
    return 0;
}

unsigned int
pyd_walk_memseg_lists(struct pyd_memseg_list *rows, unsigned int room)
{
    struct cursor cursor = {rows, room, 0};

    rte_memseg_list_walk(memseg_list, &cursor);
    return cursor.n;
}

/* Under the memory lock, hence the getters that do not take it. */
static void
describe_memseg(const struct rte_memseg_list *msl, const struct rte_memseg *ms,
                struct pyd_memseg *row)
{
    size_t offset = 0;

    row->addr = ms->addr_64;
    row->iova = ms->iova;
    row->len = ms->len;
    row->hugepage_sz = ms->hugepage_sz;
    row->socket_id = ms->socket_id;
    row->flags = ms->flags;
    row->external = msl->external;
    row->fd = msl->external ? -1 : rte_memseg_get_fd_thread_unsafe(ms);
    if (row->fd >= 0 && rte_memseg_get_fd_offset_thread_unsafe(ms, &offset) < 0)
        row->fd = -1;
    row->fd_offset = offset;
}

static int
memseg(const struct rte_memseg_list *msl, const struct rte_memseg *ms, void *arg)
{
    struct pyd_memseg *row = next_row(arg, sizeof(*row));

    if (row != NULL)
        describe_memseg(msl, ms, row);
    return 0;
}

/* The page at an address; -ENOENT where no page of DPDK is. The list alone does not tell:
 * it gives entries of pages that are not mapped too. */
int
pyd_memseg_at(uint64_t addr, struct pyd_memseg *row)
{
    const void *virt = (const void *)(uintptr_t)addr;
    struct rte_memseg_list *msl;
    uint64_t i;
    int ret = -ENOENT;

    rte_mcfg_mem_read_lock();
    msl = rte_mem_virt2memseg_list(virt);
    i = msl == NULL ? 0 : (addr - (uintptr_t)msl->base_va) / msl->page_sz;
    if (msl != NULL && rte_fbarray_is_used(&msl->memseg_arr, i) == 1) {
        describe_memseg(msl, rte_mem_virt2memseg(virt, msl), row);
        ret = 0;
    }
    rte_mcfg_mem_read_unlock();
    return ret;
}

unsigned int
pyd_walk_memsegs(struct pyd_memseg *rows, unsigned int room)
{
    struct cursor cursor = {rows, room, 0};

    rte_memseg_walk(memseg, &cursor);
    return cursor.n;
}

void
pyd_memzone_describe(const struct rte_memzone *mz, struct pyd_memzone *row)
{
    snprintf(row->name, sizeof(row->name), "%s", mz->name);
    row->addr = mz->addr_64;
    row->iova = mz->iova;
    row->len = mz->len;
    row->hugepage_sz = mz->hugepage_sz;
    row->socket_id = mz->socket_id;
    row->flags = mz->flags;
}

static void
memzone(const struct rte_memzone *mz, void *arg)
{
    struct pyd_memzone *row = next_row(arg, sizeof(*row));

    if (row != NULL)
        pyd_memzone_describe(mz, row);
}

unsigned int
pyd_walk_memzones(struct pyd_memzone *rows, unsigned int room)
{
    struct cursor cursor = {rows, room, 0};

    rte_memzone_walk(memzone, &cursor);
    return cursor.n;
}

static void
mempool(struct rte_mempool *mp, void *arg)
{
    struct pyd_mempool *row = next_row(arg, sizeof(*row));
    uint32_t lens[RTE_MAX_LCORE];
    int i, n;

    if (row == NULL)
        return;
    snprintf(row->name, sizeof(row->name), "%s", mp->name);
    row->mp = (uintptr_t)mp;
    row->size = mp->size;
    row->cache_size = mp->cache_size;
    row->elt_size = mp->elt_size;
    row->total_size = mp->header_size + mp->elt_size + mp->trailer_size;
    row->in_use_count = rte_mempool_in_use_count(mp);
    row->nb_mem_chunks = mp->nb_mem_chunks;
    row->socket_id = mp->socket_id;
    row->cached = 0;
    n = pyd_pool_caches(mp, lens, RTE_MAX_LCORE);
    for (i = 0; i < n; i++)
        row->cached += lens[i];
}

unsigned int
pyd_walk_mempools(struct pyd_mempool *rows, unsigned int room)
{
    struct cursor cursor = {rows, room, 0};

    rte_mempool_walk(mempool, &cursor);
    return cursor.n;
}

static void
chunk(struct rte_mempool *mp, void *arg, struct rte_mempool_memhdr *memhdr, unsigned int i)
{
    struct pyd_chunk *row = next_row(arg, sizeof(*row));

    (void)mp;
    (void)i;
    if (row == NULL)
        return;
    row->addr = (uintptr_t)memhdr->addr;
    row->iova = memhdr->iova;
    row->len = memhdr->len;
}

unsigned int
pyd_walk_chunks(struct rte_mempool *mp, struct pyd_chunk *rows, unsigned int room)
{
    struct cursor cursor = {rows, room, 0};

    rte_mempool_mem_iter(mp, chunk, &cursor);
    return cursor.n;
}

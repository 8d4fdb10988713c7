/* SPDX-License-Identifier: BSD-3-Clause */
/* Tables of DPDK's memory. Callbacks run under DPDK's locks: they copy, and do nothing else. */
#include <rte_eal_memconfig.h>
#include <rte_fbarray.h>

#include "pyd.h"

struct cursor {
    void *rows;
    unsigned int room;
    unsigned int n;
};

/* Room for one more entry, or NULL; counts either way. */
static void *
next_entry(struct cursor *cursor, size_t size)
{
    unsigned int i = cursor->n++;

    return i < cursor->room ? (char *)cursor->rows + i * size : NULL;
}

static int
memseg_list(const struct rte_memseg_list *msl, void *arg)
{
    struct pyd_memseg_list *entry = next_entry(arg, sizeof(*entry));

    if (entry == NULL)
        return 0;
    snprintf(entry->name, sizeof(entry->name), "%s", msl->memseg_arr.name);
    entry->base_va = (uintptr_t)msl->base_va;
    entry->page_sz = msl->page_sz;
    entry->len = msl->len;
    entry->socket_id = msl->socket_id;
    entry->external = msl->external;
    entry->heap = msl->heap;
    entry->n_pages = msl->memseg_arr.len;
    entry->n_used = msl->memseg_arr.count;
    return 0;
}

unsigned int
pyd_walk_memseg_lists(struct pyd_memseg_list *rows, unsigned int room)
{
    struct cursor cursor = {rows, room, 0};

    rte_memseg_list_walk(memseg_list, &cursor);
    return cursor.n;
}

/* Under the memory lock, so with the getters that do not take it. */
static void
describe_memseg(const struct rte_memseg_list *msl, const struct rte_memseg *ms,
                struct pyd_memseg *entry)
{
    size_t offset = 0;

    entry->addr = ms->addr_64;
    entry->iova = ms->iova;
    entry->len = ms->len;
    entry->hugepage_sz = ms->hugepage_sz;
    entry->socket_id = ms->socket_id;
    entry->flags = ms->flags;
    entry->external = msl->external;
    entry->fd = msl->external ? -1 : rte_memseg_get_fd_thread_unsafe(ms);
    if (entry->fd >= 0 && rte_memseg_get_fd_offset_thread_unsafe(ms, &offset) < 0)
        entry->fd = -1;
    entry->fd_offset = offset;
}

static int
memseg(const struct rte_memseg_list *msl, const struct rte_memseg *ms, void *arg)
{
    struct pyd_memseg *entry = next_entry(arg, sizeof(*entry));

    if (entry != NULL)
        describe_memseg(msl, ms, entry);
    return 0;
}

/* The page at an address; -ENOENT where DPDK has no page. The list alone is not enough: it also
 * gives entries of pages that are not mapped. */
int
pyd_memseg_at(uint64_t addr, struct pyd_memseg *entry)
{
    const void *virt = (const void *)(uintptr_t)addr;
    struct rte_memseg_list *msl;
    uint64_t i;
    int ret = -ENOENT;

    rte_mcfg_mem_read_lock();
    msl = rte_mem_virt2memseg_list(virt);
    i = msl == NULL ? 0 : (addr - (uintptr_t)msl->base_va) / msl->page_sz;
    if (msl != NULL && rte_fbarray_is_used(&msl->memseg_arr, i) == 1) {
        describe_memseg(msl, rte_mem_virt2memseg(virt, msl), entry);
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
pyd_memzone_describe(const struct rte_memzone *mz, struct pyd_memzone *entry)
{
    snprintf(entry->name, sizeof(entry->name), "%s", mz->name);
    entry->addr = mz->addr_64;
    entry->iova = mz->iova;
    entry->len = mz->len;
    entry->hugepage_sz = mz->hugepage_sz;
    entry->socket_id = mz->socket_id;
    entry->flags = mz->flags;
}

static void
memzone(const struct rte_memzone *mz, void *arg)
{
    struct pyd_memzone *entry = next_entry(arg, sizeof(*entry));

    if (entry != NULL)
        pyd_memzone_describe(mz, entry);
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
    struct pyd_mempool *entry = next_entry(arg, sizeof(*entry));
    uint32_t lens[RTE_MAX_LCORE];
    int i, n;

    if (entry == NULL)
        return;
    snprintf(entry->name, sizeof(entry->name), "%s", mp->name);
    entry->mp = (uintptr_t)mp;
    entry->size = mp->size;
    entry->cache_size = mp->cache_size;
    entry->elt_size = mp->elt_size;
    entry->total_size = mp->header_size + mp->elt_size + mp->trailer_size;
    entry->in_use_count = rte_mempool_in_use_count(mp);
    entry->nb_mem_chunks = mp->nb_mem_chunks;
    entry->socket_id = mp->socket_id;
    entry->cached = 0;
    n = pyd_pool_caches(mp, lens, RTE_MAX_LCORE);
    for (i = 0; i < n; i++)
        entry->cached += lens[i];
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
    struct pyd_chunk *entry = next_entry(arg, sizeof(*entry));

    (void)mp;
    (void)i;
    if (entry == NULL)
        return;
    entry->addr = (uintptr_t)memhdr->addr;
    entry->iova = memhdr->iova;
    entry->len = memhdr->len;
}

unsigned int
pyd_walk_chunks(struct rte_mempool *mp, struct pyd_chunk *rows, unsigned int room)
{
    struct cursor cursor = {rows, room, 0};

    rte_mempool_mem_iter(mp, chunk, &cursor);
    return cursor.n;
}

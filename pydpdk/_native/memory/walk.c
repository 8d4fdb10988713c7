/* SPDX-License-Identifier: BSD-3-Clause */
/* Tables of DPDK's memory, read under the lock that keeps each thing from being freed meanwhile: a
 * primary that we look at goes on allocating. Code under these locks copies, and does nothing
 * else; nothing here allocates in DPDK's memory. */
#include <stdlib.h>

#include <rte_eal_memconfig.h>
#include <rte_fbarray.h>
#include <rte_stack.h>
#include <rte_tailq.h>

#include "memory/walk.h"

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

TAILQ_HEAD(tailq_entries, rte_tailq_entry);

/* A pool leaves this list before its memory is freed, so the lock keeps it readable. */
static struct tailq_entries *
lock_pools(void)
{
    struct rte_tailq_head *head = rte_eal_tailq_lookup("RTE_MEMPOOL");

    if (head == NULL)
        return NULL;
    rte_mcfg_tailq_read_lock();
    return (struct tailq_entries *)&head->tailq_head;
}

static int
lies_in(const struct rte_mempool *mp, const char *prefix, size_t size)
{
    const struct rte_memzone *mz;
    char name[RTE_MEMZONE_NAMESIZE];

    if (snprintf(name, sizeof(name), "%s%s", prefix, mp->name) >= (int)sizeof(name))
        return 0;
    mz = rte_memzone_lookup(name);
    return mz != NULL && mz->addr == mp->pool_data && mz->len >= size;
}

/* The free objects of a pool that are in no lcore's cache. Rings and stacks are recognised by their
 * memzone; ops are called only in the primary, as their index refers to its own table. */
static void
count_common(struct rte_mempool *mp, struct pyd_mempool *entry, const uint32_t *caches)
{
    unsigned int i;

    if (lies_in(mp, "RG_MP_", sizeof(struct rte_ring))) {
        entry->kind = PYD_POOL_RING;
        entry->common = rte_ring_count(mp->pool_data);
    } else if (lies_in(mp, "STK_MP_", sizeof(struct rte_stack))) {
        entry->kind = PYD_POOL_STACK;
        entry->common = rte_stack_count(mp->pool_data);
    } else {
        entry->kind = PYD_POOL_OTHER;
        entry->common = -1;
        if (rte_eal_process_type() != RTE_PROC_PRIMARY || mp->populated_size == 0)
            return;
        entry->common = rte_mempool_avail_count(mp);
        for (i = 0; i < RTE_MAX_LCORE; i++)
            entry->common -= RTE_MIN(caches[i], (uint32_t)entry->common);
    }
}

static void
describe_pool(struct rte_mempool *mp, struct pyd_mempool *entry, uint32_t *caches)
{
    uint32_t i;

    snprintf(entry->name, sizeof(entry->name), "%s", mp->name);
    entry->addr = (uintptr_t)mp;
    entry->pool_data = (uintptr_t)mp->pool_data;
    entry->size = mp->size;
    entry->populated = mp->populated_size;
    entry->elt_size = mp->elt_size;
    entry->total_size = mp->header_size + mp->elt_size + mp->trailer_size;
    entry->cache_size = mp->cache_size;
    entry->nb_mem_chunks = mp->nb_mem_chunks;
    entry->socket_id = mp->socket_id;
    entry->is_pktmbuf = pyd_pool_is_pktmbuf(mp);
    pyd_pool_caches(mp, caches, RTE_MAX_LCORE);
    count_common(mp, entry, caches);
    entry->cached = 0;
    for (i = 0; i < RTE_MAX_LCORE; i++)
        entry->cached += caches[i];
}

/* Also the lengths of the lcore caches, RTE_MAX_LCORE for each pool, unless `caches` is NULL. */
unsigned int
pyd_walk_mempools(uint32_t *caches, struct pyd_mempool *rows, unsigned int room)
{
    struct tailq_entries *pools = lock_pools();
    struct cursor cursor = {rows, room, 0};
    uint32_t lens[RTE_MAX_LCORE];
    struct rte_tailq_entry *entry;

    if (pools == NULL)
        return 0;
    TAILQ_FOREACH(entry, pools, next) {
        struct pyd_mempool *row = next_entry(&cursor, sizeof(*row));

        if (row != NULL)
            describe_pool(entry->data, row,
                          caches == NULL ? lens : caches + (size_t)(row - rows) * RTE_MAX_LCORE);
    }
    rte_mcfg_tailq_read_unlock();
    return cursor.n;
}

static void
chunk(struct rte_mempool *mp, void *arg, struct rte_mempool_memhdr *memhdr, unsigned int i)
{
    struct pyd_chunk *entry = next_entry(arg, sizeof(*entry));

    (void)i;
    if (entry != NULL)
        *entry = (struct pyd_chunk){
            (uintptr_t)mp, (uintptr_t)memhdr->addr, memhdr->iova, memhdr->len,
        };
}

/* Of a pool that is open, or, for NULL, of all pools. */
unsigned int
pyd_walk_chunks(struct rte_mempool *mp, struct pyd_chunk *rows, unsigned int room)
{
    struct cursor cursor = {rows, room, 0};
    struct tailq_entries *pools;
    struct rte_tailq_entry *entry;

    if (mp != NULL) {
        rte_mempool_mem_iter(mp, chunk, &cursor);
        return cursor.n;
    }
    pools = lock_pools();
    if (pools == NULL)
        return 0;
    TAILQ_FOREACH(entry, pools, next)
        rte_mempool_mem_iter(entry->data, chunk, &cursor);
    rte_mcfg_tailq_read_unlock();
    return cursor.n;
}

/* The ring of a memzone, or NULL. DPDK has no public walk over rings, and frees a ring's memory
 * before it leaves their list; memzones have neither problem. A ring that is being made, or another
 * program's memzone of such a name, does not have the ring's name yet. */
const struct rte_ring *
pyd_ring_in(const struct rte_memzone *mz)
{
    const struct rte_ring *r = mz->addr;
    const size_t prefix = strlen(RTE_RING_MZ_PREFIX);

    if (strncmp(mz->name, RTE_RING_MZ_PREFIX, prefix) != 0 || mz->len < sizeof(*r) ||
        strncmp(mz->name + prefix, r->name, RTE_RING_NAMESIZE) != 0)
        return NULL;
    return r;
}

static void
ring(const struct rte_memzone *mz, void *arg)
{
    const struct rte_ring *r = pyd_ring_in(mz);
    struct pyd_ring_state *entry = r == NULL ? NULL : next_entry(arg, sizeof(*entry));

    if (entry == NULL)
        return;
    snprintf(entry->name, sizeof(entry->name), "%s", r->name);
    entry->addr = (uintptr_t)r;
    entry->capacity = r->capacity;
    entry->count = rte_ring_count(r);
}

unsigned int
pyd_walk_rings(struct pyd_ring_state *rows, unsigned int room)
{
    struct cursor cursor = {rows, room, 0};

    rte_memzone_walk(ring, &cursor);
    return cursor.n;
}

/* Every element of every malloc heap, as DPDK prints it (the same text from 22.11 to 25.11): the
 * heap's lock is held for about a microsecond per element. NULL: no memory for the text. */
char *
pyd_walk_heaps(void)
{
    char *text = NULL;
    size_t size = 0;
    FILE *sink = open_memstream(&text, &size);

    if (sink == NULL)
        return NULL;
    rte_malloc_dump_heaps(sink);
    if (fclose(sink) != 0) {
        free(text);
        return NULL;
    }
    return text;
}

void
pyd_walk_release(char *text)
{
    free(text);
}

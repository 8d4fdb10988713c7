/* SPDX-License-Identifier: BSD-3-Clause */
/* Rebuild a malloc heap that a process died in. Only the partition into blocks is certain: each
 * block's head says where the next begins. Links, free lists and counts follow from it and are
 * written anew. */
#include <stdlib.h>

#include "core/memconfig.h"

struct block {
    struct pyd_elem *elem;
    size_t size;
    int busy;
};

struct blocks {
    struct block *rows;
    size_t n;
    size_t room;
    size_t bytes;
};

static int
add(struct blocks *blocks, struct pyd_elem *elem, size_t size)
{
    if (blocks->n == blocks->room) {
        const size_t room = RTE_MAX((size_t)256, blocks->room * 2);
        struct block *rows = realloc(blocks->rows, room * sizeof(*rows));

        if (rows == NULL)
            return -1;
        blocks->rows = rows;
        blocks->room = room;
    }
    blocks->rows[blocks->n++] = (struct block){elem, size, elem->state == PYD_ELEM_BUSY};
    return 0;
}

static int
is_block(const struct pyd_elem *elem, const struct pyd_heap *heap,
         const struct rte_memseg_list *msl, uintptr_t end)
{
    return elem->heap == heap && elem->msl == msl && elem->state <= PYD_ELEM_BUSY &&
           elem->size >= sizeof(*elem) && elem->size % RTE_CACHE_LINE_SIZE == 0 &&
           elem->size <= end - (uintptr_t)elem;
}

/* No block begins at `at`, where the last one ends. That is sound only if that block was being
 * split, and its link still leads past this place: then it is one block up to there. Returns its
 * end, or 0 where the heap is damaged. */
static uintptr_t
undo_split(struct blocks *blocks, size_t first, const struct pyd_heap *heap,
           const struct rte_memseg_list *msl, uintptr_t at, uintptr_t start, uintptr_t end)
{
    struct block *last = &blocks->rows[blocks->n - 1];
    const uintptr_t next = (uintptr_t)last->elem->next;

    if (blocks->n == first || next == at)
        return 0;
    if (next > at && next < end && next % RTE_CACHE_LINE_SIZE == 0 &&
        is_block((const struct pyd_elem *)next, heap, msl, end))
        at = next;
    else if (next == 0 || next < start || next >= end)
        at = end;
    else
        return 0;
    last->size = at - (uintptr_t)last->elem;
    return at;
}

/* The blocks of one piece of memory without gaps. */
static int
cut(struct blocks *blocks, const struct pyd_heap *heap, const struct rte_memseg_list *msl,
    uintptr_t start, uintptr_t end)
{
    const size_t first = blocks->n;
    uintptr_t at = start;

    while (at < end) {
        struct pyd_elem *elem = (struct pyd_elem *)at;

        if (is_block(elem, heap, msl, end)) {
            if (add(blocks, elem, elem->size) != 0)
                return -1;
            at += elem->size;
        } else {
            at = undo_split(blocks, first, heap, msl, at, start, end);
            if (at == 0)
                return -1;
        }
    }
    blocks->bytes += end - start;
    return 0;
}

static int
cut_list(struct blocks *blocks, const struct pyd_heap *heap, struct rte_memseg_list *msl)
{
    struct rte_fbarray *arr = &msl->memseg_arr;
    int i = rte_fbarray_find_next_used(arr, 0);

    while (i >= 0) {
        const int n = rte_fbarray_find_contig_used(arr, i);
        const uintptr_t start = (uintptr_t)msl->base_va + i * msl->page_sz;

        if (n <= 0 || cut(blocks, heap, msl, start, start + n * msl->page_sz) != 0)
            return -1;
        i = i + n < (int)arr->len ? rte_fbarray_find_next_used(arr, i + n) : -1;
    }
    return 0;
}

static int
is_of(const struct rte_memseg_list *msl, const struct pyd_heap *heap)
{
    return msl->base_va != NULL && !msl->external && msl->socket_id == (int)heap->socket_id;
}

static int
by_address(const void *a, const void *b)
{
    const struct block *one = a, *other = b;

    return one->elem < other->elem ? -1 : 1;
}

/* Merge adjacent free blocks, as DPDK would have done. */
static void
join(struct blocks *blocks)
{
    size_t i, n = 0;

    for (i = 0; i < blocks->n; i++) {
        struct block *last = n == 0 ? NULL : &blocks->rows[n - 1], *now = &blocks->rows[i];

        if (last != NULL && !last->busy && !now->busy && last->elem->msl == now->elem->msl &&
            last->elem->orig_elem == now->elem->orig_elem &&
            (uintptr_t)last->elem + last->size == (uintptr_t)now->elem)
            last->size += now->size;
        else
            blocks->rows[n++] = *now;
    }
    blocks->n = n;
}

/* The free list of a size: by powers of four, from 256 bytes on. */
static uint32_t
list_of(size_t size)
{
    const size_t data = size - sizeof(struct pyd_elem);
    uint32_t log2;

    if (data < 256)
        return 0;
    log2 = 64 - __builtin_clzl(PYD_FREE_LIST_SIZE(data));
    return RTE_MIN((log2 - 7) / 2, PYD_FREE_LISTS - 1U);
}

/* The process may have died while it cleared the block, so it may not be all zeros. */
static void
put_free(struct pyd_heap *heap, struct pyd_elem *elem)
{
    elem->state = PYD_ELEM_FREE;
    elem->dirty = 1;
    elem->pad = 0;
    LIST_INSERT_HEAD(&heap->free_head[list_of(elem->size)], elem, free_list);
}

static void
link_all(struct pyd_heap *heap, const struct blocks *blocks)
{
    size_t i;

    memset(heap->free_head, 0, sizeof(heap->free_head));
    heap->alloc_count = 0;
    for (i = 0; i < blocks->n; i++) {
        struct pyd_elem *elem = blocks->rows[i].elem;

        elem->prev = i == 0 ? NULL : blocks->rows[i - 1].elem;
        elem->next = i + 1 == blocks->n ? NULL : blocks->rows[i + 1].elem;
        elem->size = blocks->rows[i].size;
        if (blocks->rows[i].busy)
            heap->alloc_count++;
        else
            put_free(heap, elem);
    }
    heap->first = blocks->n == 0 ? NULL : blocks->rows[0].elem;
    heap->last = blocks->n == 0 ? NULL : blocks->rows[blocks->n - 1].elem;
    heap->total_size = blocks->bytes;
}

/* Returns 0; -1: its blocks cannot be found, or the heap is external. Nothing has been changed
 * then. */
int
pyd_rebuild_heap(struct pyd_memconfig *config, struct pyd_heap *heap)
{
    struct blocks blocks = {0};
    int ret = heap - config->heaps < (int)rte_socket_count() ? 0 : -1;
    uint32_t i;

    for (i = 0; ret == 0 && i < RTE_MAX_MEMSEG_LISTS; i++)
        if (is_of(&config->memsegs[i], heap))
            ret = cut_list(&blocks, heap, &config->memsegs[i]);
    if (ret == 0) {
        qsort(blocks.rows, blocks.n, sizeof(*blocks.rows), by_address);
        join(&blocks);
        link_all(heap, &blocks);
    }
    free(blocks.rows);
    return ret;
}

/* Whether a heap counts other pages than it has: DPDK is about to add or remove some, or a process
 * died while it did. */
int
pyd_pages_differ(const struct pyd_memconfig *config)
{
    uint32_t i, k;

    for (k = 0; k < rte_socket_count(); k++) {
        uint64_t bytes = 0;

        for (i = 0; i < RTE_MAX_MEMSEG_LISTS; i++)
            if (is_of(&config->memsegs[i], &config->heaps[k]))
                bytes += config->memsegs[i].memseg_arr.count * config->memsegs[i].page_sz;
        if (bytes != config->heaps[k].total_size)
            return 1;
    }
    return 0;
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* The owners of the mbufs that are out: bursts of all our processes, from the process table, and
 * rings, which are read in place. Other processes go on working, so their pointers are only
 * followed into memory that DPDK has mapped. */
#include <stdlib.h>

#include <rte_eal_memconfig.h>

#include "core/numbers.h"
#include "core/process_table.h"
#include "memory/walk.h"
#include "ring/ring.h"

struct holding {
    struct pyd_held *rows;
    uint32_t room;
    uint32_t n;
    struct pyd_held owner; /* of what is found now */
    const uint64_t *out;
    uint32_t n_out;
};

static void
hold(struct holding *found, const void *mbuf, uint32_t cloned)
{
    struct pyd_held *entry = &found->rows[found->n];

    if (found->n++ >= found->room)
        return;
    *entry = found->owner;
    entry->mbuf = (uintptr_t)mbuf;
    entry->cloned = cloned;
}

/* Our own pointers need no check: they may even point to memory outside DPDK's. */
static int
is_sound(const struct holding *found, const void *start, size_t len)
{
    return found->owner.ours || pyd_mapped(start, len);
}

/* The segment, and the mbuf whose memory it shares. */
static void
hold_segment(struct holding *found, const struct rte_mbuf *m)
{
    const struct rte_mbuf_ext_shared_info *shinfo = m->shinfo;

    hold(found, m, 0);
    if (RTE_MBUF_CLONED(m))
        hold(found, rte_mbuf_from_indirect((struct rte_mbuf *)(uintptr_t)m), 1);
    else if (RTE_MBUF_HAS_EXTBUF(m) && is_sound(found, shinfo, sizeof(*shinfo)) &&
             shinfo->fcb_opaque != m)
        hold(found, shinfo->fcb_opaque, 1);
}

static void
hold_packet(struct holding *found, const struct rte_mbuf *m)
{
    uint32_t i, n = 1;

    for (i = 0; i < n && m != NULL && is_sound(found, m, sizeof(*m)); i++, m = m->next) {
        if (i == 0)
            n = m->nb_segs;
        hold_segment(found, m);
    }
}

static void
hold_storage(const struct pyd_storage *storage, uint32_t n, uint64_t pid, int ours, void *arg)
{
    struct holding *found = arg;
    uint32_t i;

    found->owner = (struct pyd_held){.storage = (uintptr_t)storage, .pid = pid, .ours = ours};
    for (i = 0; i < n; i++) {
        found->owner.index = i;
        hold_packet(found, storage->mbufs[i]);
    }
}

/* Whether the ring can contain mbufs that are out: its elements have a pointer's size, it does not
 * keep a pool's free objects, and, if it is ours, it records that it carries mbufs. */
static int
may_carry_mbufs(const struct rte_memzone *mz, const struct rte_ring *r)
{
    const size_t len = rte_ring_get_memsize_elem(sizeof(void *), r->size);

    if (r->flags & PYD_RING_MBUFS)
        return mz->len >= len;
    return mz->len == len && (uint32_t)r->flags >> PYD_RING_ESIZE_SHIFT == 0 &&
           strncmp(r->name, RTE_MEMPOOL_MZ_PREFIX, strlen(RTE_MEMPOOL_MZ_PREFIX)) != 0;
}

/* An entry of a ring need not be an mbuf, unless it is one of those that are out. */
static void
hold_ring(const struct rte_memzone *mz, void *arg)
{
    const struct rte_ring *r = pyd_ring_in(mz);
    struct holding *found = arg;
    uint32_t start, n, i;

    if (r == NULL || !may_carry_mbufs(mz, r))
        return;
    found->owner = (struct pyd_held){0};
    snprintf(found->owner.ring, sizeof(found->owner.ring), "%s", r->name);
    rte_mcfg_mem_read_lock();
    start = r->cons.tail;
    n = RTE_MIN(r->prod.tail - start, r->capacity);
    for (i = 0; i < n; i++) {
        const uint64_t m = ((const uint64_t *)&r[1])[(start + i) & r->mask];

        found->owner.index = i;
        if ((r->flags & PYD_RING_MBUFS) != 0 ||
            bsearch(&m, found->out, found->n_out, sizeof(m), pyd_compare) != NULL)
            hold_packet(found, (const struct rte_mbuf *)(uintptr_t)m);
    }
    rte_mcfg_mem_read_unlock();
}

/* Every segment in a burst of any process or in a ring, and every mbuf whose memory one of them
 * shares. `out`, sorted: mbufs that rings of other programs may have. Returns how many. */
int
pyd_held(const uint64_t *out, uint32_t n_out, struct pyd_held *rows, uint32_t room)
{
    struct holding found = {.rows = rows, .room = room, .out = out, .n_out = n_out};

    pyd_storage_each(hold_storage, &found);
    rte_memzone_walk(hold_ring, &found);
    return found.n;
}

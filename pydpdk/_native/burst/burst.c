/* SPDX-License-Identifier: BSD-3-Clause */
/* A burst: the single owner of up to `size` mbufs. */
#include "burst/burst.h"
#include "core/process_table.h"

int
pyd_burst_open(struct pyd_burst *burst, uint32_t size)
{
    burst->storage = pyd_storage_take(size);
    if (burst->storage == NULL)
        return -rte_errno;
    burst->size = size;
    burst->n = 0;
    __atomic_store_n(&burst->gate.open, 1, __ATOMIC_SEQ_CST);
    return 0;
}

/* Does nothing if closed or never opened. */
int
pyd_burst_close(struct pyd_burst *burst, int force)
{
    int ret;

    if (burst->storage == NULL || burst->gate.closed)
        return 0;
    ret = pyd_shut(&burst->gate);
    if (ret != 0)
        return ret;
    if (burst->n != 0 && !force) {
        __atomic_store_n(&burst->gate.open, 1, __ATOMIC_SEQ_CST);
        return -ENOTEMPTY;
    }
    if (pyd_critical_enter() == 0) { /* else its pools are lost, and their primary is dead */
        pyd_burst_empty(burst);
        pyd_storage_give(burst->storage);
        pyd_critical_exit();
    }
    burst->storage = NULL;
    pyd_end(&burst->gate);
    return 0;
}

/* Into a burst that is empty and entered: all n or none. */
int
pyd_burst_fetch(struct pyd_burst *burst, struct rte_mempool *mp, uint32_t n, uint32_t length)
{
    struct rte_mbuf **mbufs = burst->storage->mbufs;
    const uint32_t room = rte_pktmbuf_data_room_size(mp);
    uint32_t i;

    if (n == UINT32_MAX)
        n = burst->size;
    if (n > burst->size || length > UINT16_MAX ||
        length + RTE_MIN(room, RTE_PKTMBUF_HEADROOM) > room)
        return -EMSGSIZE;
    /* DPDK fails to take 0 from a pool without cache */
    if (n != 0 && rte_pktmbuf_alloc_bulk(mp, mbufs, n) != 0)
        return -ENOBUFS;
    for (i = 0; i < n; i++) {
        mbufs[i]->data_len = length;
        mbufs[i]->pkt_len = length;
    }
    pyd_burst_holds(burst, n);
    return n;
}

/* All n or none. */
int
pyd_burst_alloc(struct pyd_burst *burst, struct pyd_pool *pool, uint32_t n, uint32_t length)
{
    int ret = pyd_burst_enter_empty(burst);

    if (unlikely(ret != 0))
        return ret;
    ret = pyd_enter(&pool->gate);
    if (likely(ret == 0))
        ret = pyd_leave_with(&pool->gate, pyd_burst_fetch(burst, pool->mp, n, length));
    else
        ret = -ENODEV;
    return pyd_burst_leave_with(burst, ret);
}

int
pyd_burst_free(struct pyd_burst *burst)
{
    const int ret = pyd_burst_enter(burst);

    return unlikely(ret != 0) ? ret : pyd_burst_leave_with(burst, pyd_burst_empty(burst));
}

int
pyd_burst_lengths(struct pyd_burst *burst, uint32_t room, uint32_t *lengths)
{
    const int ret = pyd_burst_enter(burst);
    uint32_t i, n;

    if (unlikely(ret != 0))
        return ret;
    n = RTE_MIN(burst->n, room);
    for (i = 0; i < n; i++)
        lengths[i] = burst->storage->mbufs[i]->pkt_len;
    return pyd_burst_leave_with(burst, n);
}

/* Copy packet i out, over all its segments; returns its length, also where that is over room. */
int
pyd_burst_bytes(struct pyd_burst *burst, uint32_t i, char *data, uint32_t room)
{
    int ret;
    const struct rte_mbuf *m = pyd_burst_enter_packet(burst, i, &ret);

    if (unlikely(m == NULL))
        return ret;
    ret = m->pkt_len <= room ? pyd_span_read(m, 0, m->pkt_len, data) : 0;
    return pyd_burst_leave_with(burst, ret == 0 ? (int)m->pkt_len : ret);
}

typedef uint8_t bytes16 __attribute__((vector_size(16)));

/* Two addresses and four bytes behind them, in one register and one instruction. */
static inline bytes16
swapped(bytes16 h)
{
#ifdef __clang__
    return __builtin_shufflevector(h, h, 6, 7, 8, 9, 10, 11, 0, 1, 2, 3, 4, 5, 12, 13, 14, 15);
#else
    const bytes16 order = {6, 7, 8, 9, 10, 11, 0, 1, 2, 3, 4, 5, 12, 13, 14, 15};

    return __builtin_shuffle(h, order);
#endif
}

/* Where the first segment does not have all of the Ethernet header. */
static void
swap_over_segments(struct rte_mbuf *m)
{
    const uint32_t len = RTE_ETHER_ADDR_LEN;
    char found[2 * RTE_ETHER_ADDR_LEN];

    if (pyd_span_read(m, 0, sizeof(found), found) != 0)
        return;
    pyd_span_write(m, 0, len, found + len);
    pyd_span_write(m, len, len, found);
}

static inline void
swap_macs(struct rte_mbuf *m, char *header)
{
    bytes16 both;
    char first[6];

    if (likely(m->data_len >= sizeof(both))) {
        memcpy(&both, header, sizeof(both));
        both = swapped(both);
        memcpy(header, &both, sizeof(both));
    } else if (m->data_len >= sizeof(struct rte_ether_hdr)) {
        memcpy(first, header, sizeof(first));
        memmove(header, header + sizeof(first), sizeof(first));
        memcpy(header + sizeof(first), first, sizeof(first));
    } else if (m->pkt_len >= sizeof(struct rte_ether_hdr)) {
        swap_over_segments(m);
    }
}

#define GROUP 4 /* packets whose headers are fetched while those before them are written */

static inline void
fetch_group(struct rte_mbuf **mbufs, char **headers)
{
    uint32_t i;

    for (i = 0; i < GROUP; i++) {
        headers[i] = rte_pktmbuf_mtod(mbufs[i], char *);
        rte_prefetch0(headers[i]);
    }
}

void
pyd_swap_macs(struct rte_mbuf **mbufs, uint32_t n)
{
    const uint32_t whole = n - n % GROUP;
    char *headers[GROUP], *next[GROUP];
    uint32_t i, j;

    if (whole != 0)
        fetch_group(mbufs, next);
    for (i = 0; i < whole; i += GROUP) {
        memcpy(headers, next, sizeof(headers));
        if (i + GROUP < whole)
            fetch_group(mbufs + i + GROUP, next);
        for (j = 0; j < GROUP; j++)
            swap_macs(mbufs[i + j], headers[j]);
    }
    for (; i < n; i++)
        swap_macs(mbufs[i], rte_pktmbuf_mtod(mbufs[i], char *));
}

int
pyd_burst_swap_macs(struct pyd_burst *burst)
{
    const int ret = pyd_burst_enter(burst);

    if (unlikely(ret != 0))
        return ret;
    pyd_swap_macs(burst->storage->mbufs, burst->n);
    return pyd_burst_leave_with(burst, 0);
}

/* With both bursts entered; -ERANGE where these are not two packets. */
int
pyd_burst_pair(struct pyd_burst *burst, uint32_t i, struct pyd_burst *other, uint32_t j,
               pyd_pair *act)
{
    int ret = pyd_burst_enter_two(burst, other);

    if (ret != 0)
        return ret;
    if (i >= burst->n || j >= other->n || (burst == other && i == j))
        ret = -ERANGE;
    else
        ret = act(burst, i, other, j);
    return pyd_burst_leave_two(burst, other, ret);
}

/* A burst: up to `size` mbufs of which it is the one owner. */
#include "burst.h"
#include "ledger.h"

int
pyd_burst_open(struct pyd_burst *burst, uint32_t size)
{
    burst->slots = pyd_ledger_take(size);
    if (burst->slots == NULL)
        return -rte_errno;
    burst->size = size;
    burst->n = 0;
    __atomic_store_n(&burst->gate.open, 1, __ATOMIC_SEQ_CST);
    return 0;
}

int
pyd_burst_close(struct pyd_burst *burst, int force)
{
    int ret = pyd_shut(&burst->gate);

    if (ret != 0)
        return ret;
    if (burst->n != 0 && !force) {
        __atomic_store_n(&burst->gate.open, 1, __ATOMIC_SEQ_CST);
        return -ENOTEMPTY;
    }
    rte_pktmbuf_free_bulk(burst->slots->mbufs, burst->n);
    pyd_burst_holds(burst, 0);
    pyd_ledger_give(burst->slots);
    burst->slots = NULL;
    return 0;
}

/* Into a burst that is empty and entered: all n or none. */
int
pyd_burst_take(struct pyd_burst *burst, struct rte_mempool *mp, uint32_t n, uint32_t length)
{
    struct rte_mbuf **mbufs = burst->slots->mbufs;
    const uint32_t room = rte_pktmbuf_data_room_size(mp);
    uint32_t i;

    if (n > burst->size || length > UINT16_MAX ||
        length + RTE_MIN(room, RTE_PKTMBUF_HEADROOM) > room)
        return -EMSGSIZE;
    /* of a pool without cache, DPDK refuses to take none */
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
    if (likely(ret == 0)) {
        ret = pyd_burst_take(burst, pool->mp, n, length);
        pyd_leave(&pool->gate);
    } else {
        ret = -ENODEV;
    }
    pyd_leave_alone(&burst->gate);
    return ret;
}

int
pyd_burst_free(struct pyd_burst *burst)
{
    int ret = pyd_enter_alone(&burst->gate);

    if (unlikely(ret != 0))
        return ret;
    ret = burst->n;
    rte_pktmbuf_free_bulk(burst->slots->mbufs, burst->n);
    pyd_burst_holds(burst, 0);
    pyd_leave_alone(&burst->gate);
    return ret;
}

int
pyd_burst_lengths(struct pyd_burst *burst, uint32_t *lengths, uint32_t room)
{
    int ret = pyd_enter_alone(&burst->gate);
    uint32_t i, n;

    if (unlikely(ret != 0))
        return ret;
    n = RTE_MIN(burst->n, room);
    for (i = 0; i < n; i++)
        lengths[i] = burst->slots->mbufs[i]->pkt_len;
    pyd_leave_alone(&burst->gate);
    return n;
}

/* Copy packet i out, over all its segments; returns its length, also where that is over room. */
int
pyd_burst_bytes(struct pyd_burst *burst, uint32_t i, char *data, uint32_t room)
{
    int ret;
    const struct rte_mbuf *m = pyd_burst_enter_packet(burst, i, &ret);
    const char *found;

    if (unlikely(m == NULL))
        return ret;
    ret = m->pkt_len;
    if (m->pkt_len <= room) {
        found = rte_pktmbuf_read(m, 0, m->pkt_len, data);
        if (found == NULL)
            ret = -EIO;
        else if (found != data)
            memcpy(data, found, m->pkt_len);
    }
    pyd_leave_alone(&burst->gate);
    return ret;
}

/* bytes 0..11 of an Ethernet header are two addresses: swap them as two words. */
static inline void
swap_macs(struct rte_mbuf *m)
{
    char *header = rte_pktmbuf_mtod(m, char *);
#if RTE_BYTE_ORDER == RTE_LITTLE_ENDIAN
    uint64_t low, high;
    uint32_t rest;

    memcpy(&low, header, sizeof(low));
    memcpy(&high, header + 4, sizeof(high));
    rest = (uint32_t)(low >> 16);
    low = high >> 16 | low << 48;
    memcpy(header, &low, sizeof(low));
    memcpy(header + 8, &rest, sizeof(rest));
#else
    char first[6];

    memcpy(first, header, sizeof(first));
    memcpy(header, header + 6, sizeof(first));
    memcpy(header + 6, first, sizeof(first));
#endif
}

#define PREFETCH_AHEAD 8

void
pyd_swap_macs(struct rte_mbuf **mbufs, uint32_t n)
{
    uint32_t i;

    for (i = 0; i < RTE_MIN(n, (uint32_t)PREFETCH_AHEAD); i++)
        rte_prefetch0(rte_pktmbuf_mtod(mbufs[i], void *));
    for (i = 0; i < n; i++) {
        if (i + PREFETCH_AHEAD < n)
            rte_prefetch0(rte_pktmbuf_mtod(mbufs[i + PREFETCH_AHEAD], void *));
        if (likely(mbufs[i]->data_len >= sizeof(struct rte_ether_hdr)))
            swap_macs(mbufs[i]);
    }
}

int
pyd_burst_swap_macs(struct pyd_burst *burst)
{
    int ret = pyd_enter_alone(&burst->gate);

    if (unlikely(ret != 0))
        return ret;
    pyd_swap_macs(burst->slots->mbufs, burst->n);
    ret = burst->n;
    pyd_leave_alone(&burst->gate);
    return ret;
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
    pyd_burst_leave_two(burst, other);
    return ret;
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* Shared by every C file that moves mbufs in or out of a burst. */
#ifndef PYD_BURST_INLINE_H
#define PYD_BURST_INLINE_H

#include "core/gate.h"

/* Mark the burst as exclusively held, so that recovery sees it if we die. */
static inline int
pyd_burst_enter(struct pyd_burst *burst)
{
    int ret = pyd_enter_alone(&burst->gate);

    if (likely(ret == 0))
        __atomic_store_n(&burst->storage->inside, 1, __ATOMIC_RELAXED);
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    return ret;
}

static inline void
pyd_burst_leave(struct pyd_burst *burst)
{
    __atomic_store_n(&burst->storage->inside, 0, __ATOMIC_RELEASE);
    pyd_leave_alone(&burst->gate);
}

static inline int
pyd_burst_leave_with(struct pyd_burst *burst, int result)
{
    pyd_burst_leave(burst);
    return result;
}

/* The burst now holds n mbufs; the process table has the number too, for recovery if we die. */
static inline void
pyd_burst_holds(struct pyd_burst *burst, uint32_t n)
{
    burst->n = n;
    burst->generation++;
    burst->storage->n = n;
}

/* Free all mbufs of the burst; returns how many there were. */
static inline uint32_t
pyd_burst_empty(struct pyd_burst *burst)
{
    const uint32_t n = burst->n;

    rte_pktmbuf_free_bulk(burst->storage->mbufs, n);
    pyd_burst_holds(burst, 0);
    return n;
}

/* The first `sent` mbufs have gone: move the rest to the front, in order. */
static inline void
pyd_burst_sent(struct pyd_burst *burst, uint32_t sent)
{
    const uint32_t rest = burst->n - sent;

    if (unlikely(rest != 0 && sent != 0))
        memmove(burst->storage->mbufs, burst->storage->mbufs + sent,
                rest * sizeof(burst->storage->mbufs[0]));
    pyd_burst_holds(burst, rest);
}

static inline int
pyd_burst_enter_empty(struct pyd_burst *burst)
{
    int ret = pyd_burst_enter(burst);

    if (likely(ret == 0) && unlikely(burst->n != 0))
        return pyd_burst_leave_with(burst, -ENOTEMPTY);
    return ret;
}

/* For a verb on all packets, whose other arguments are for n: -EMSGSIZE where another thread has
 * changed their number. */
static inline int
pyd_burst_enter_all(struct pyd_burst *burst, uint32_t n)
{
    int ret = pyd_burst_enter(burst);

    if (likely(ret == 0) && unlikely(burst->n != n))
        return pyd_burst_leave_with(burst, -EMSGSIZE);
    return ret;
}

/* Packet i, with the burst entered; or NULL, the reason in *ret, and the burst left. */
static inline struct rte_mbuf *
pyd_burst_enter_packet(struct pyd_burst *burst, uint32_t i, int *ret)
{
    *ret = pyd_burst_enter(burst);
    if (unlikely(*ret != 0))
        return NULL;
    if (likely(i < burst->n))
        return burst->storage->mbufs[i];
    pyd_burst_leave(burst);
    *ret = -ERANGE;
    return NULL;
}

/* Two bursts at once, which may be the same. No call waits, so the order does not matter. */
static inline int
pyd_burst_enter_two(struct pyd_burst *one, struct pyd_burst *other)
{
    int ret = pyd_burst_enter(one);

    if (ret != 0 || one == other)
        return ret;
    ret = pyd_burst_enter(other);
    if (ret != 0)
        pyd_burst_leave(one);
    return ret;
}

static inline int
pyd_burst_leave_two(struct pyd_burst *one, struct pyd_burst *other, int result)
{
    pyd_burst_leave(one);
    if (one != other)
        pyd_burst_leave(other);
    return result;
}

/* An operation on packet i of one burst and packet j of another, both of which exist. */
typedef int pyd_pair(struct pyd_burst *burst, uint32_t i, struct pyd_burst *other, uint32_t j);
int pyd_burst_pair(struct pyd_burst *burst, uint32_t i, struct pyd_burst *other, uint32_t j,
                   pyd_pair *act);

/* How many mbufs share the memory of this segment, itself included. */
static inline uint32_t
pyd_sharers(struct rte_mbuf *m)
{
    if (RTE_MBUF_HAS_EXTBUF(m))
        return rte_mbuf_ext_refcnt_read(m->shinfo);
    return rte_mbuf_refcnt_read(RTE_MBUF_CLONED(m) ? rte_mbuf_from_indirect(m) : m);
}

int pyd_span_is_own(struct rte_mbuf *m, uint32_t off, uint32_t len);
int pyd_span_read(const struct rte_mbuf *m, uint32_t off, uint32_t len, char *data);
void pyd_span_write(struct rte_mbuf *m, uint32_t off, uint32_t len, const char *data);
int pyd_tx_headers(const struct rte_mbuf *m);
void pyd_tx_forget(struct rte_mbuf *m);
uint32_t pyd_burst_part(struct pyd_burst *burst, const uint8_t *mask, int keep);
int pyd_burst_move(struct pyd_burst *burst, const uint8_t *mask, struct pyd_burst *into);
void pyd_swap_macs(struct rte_mbuf **mbufs, uint32_t n);
int pyd_burst_fetch(struct pyd_burst *burst, struct rte_mempool *mp, uint32_t n, uint32_t length);

#endif

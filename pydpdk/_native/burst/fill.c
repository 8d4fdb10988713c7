/* SPDX-License-Identifier: BSD-3-Clause */
/* Packets from bytes: one segment where they fit, a chain where they do not. */
#include "burst/burst.h"

/* The source of a fill: packet i is data[ends[i-1]:ends[i]], or all of data where ends is NULL. */
struct source {
    const char *data;
    const uint32_t *ends;
    uint32_t length;
};

static const char *
piece(const struct source *source, uint32_t i, uint32_t *length)
{
    const uint32_t start = source->ends != NULL && i > 0 ? source->ends[i - 1] : 0;

    *length = source->ends != NULL ? source->ends[i] - start : source->length;
    return source->data + start;
}

/* Segments behind the first that `length` bytes take; -EMSGSIZE where no number of them
 * suffices. */
static int
segments_behind(const struct rte_mbuf *m, uint32_t length)
{
    const uint32_t first = m->buf_len - m->data_off;
    const uint32_t size = rte_pktmbuf_data_room_size(m->pool);
    const uint32_t room = size - RTE_MIN(size, (uint32_t)RTE_PKTMBUF_HEADROOM);
    uint64_t n;

    if (likely(length <= first))
        return 0;
    if (room == 0 || length > PYD_PKT_LEN_MAX)
        return -EMSGSIZE;
    n = ((uint64_t)length - first + room - 1) / room;
    return n < RTE_MBUF_MAX_NB_SEGS ? (int)n : -EMSGSIZE;
}

static void
free_list(struct rte_mbuf *m)
{
    struct rte_mbuf *next;

    for (; m != NULL; m = next) {
        next = m->next;
        rte_pktmbuf_free_seg(m);
    }
}

/* Append n fresh segments of the pool at *end; returns the new end, or NULL. */
static struct rte_mbuf **
take(struct rte_mbuf **end, struct rte_mempool *mp, uint32_t n)
{
    for (; n != 0; n--) {
        *end = rte_pktmbuf_alloc(mp);
        if (*end == NULL)
            return NULL;
        end = &(*end)->next;
    }
    return end;
}

/* Allocate all spare segments that the burst needs, in its order; returns 0, or why nothing may be
 * written. */
static int
prepare(struct pyd_burst *burst, const struct source *source, struct rte_mbuf **spares)
{
    struct rte_mbuf **end = spares;
    uint32_t i, length;
    int n;

    for (i = 0; i < burst->n; i++) {
        struct rte_mbuf *m = burst->storage->mbufs[i];

        if (unlikely(pyd_sharers(m) != 1))
            return 1 + i;
        piece(source, i, &length);
        n = segments_behind(m, length);
        if (unlikely(n < 0))
            return n;
        if (unlikely(n > 0) && (end = take(end, m->pool, n)) == NULL)
            return -ENOBUFS;
    }
    return 0;
}

static const char *
write_segment(struct rte_mbuf *m, const char *data, uint32_t left)
{
    const uint32_t n = RTE_MIN(left, (uint32_t)(m->buf_len - m->data_off));

    rte_memcpy(rte_pktmbuf_mtod(m, char *), data, n);
    m->data_len = n;
    return data + n;
}

static void
write_packet(struct rte_mbuf *m, const char *data, uint32_t length, struct rte_mbuf **spares)
{
    const char *end = data + length;
    struct rte_mbuf *seg = m;

    if (unlikely(m->next != NULL))
        free_list(m->next);
    m->next = NULL;
    m->nb_segs = 1;
    m->pkt_len = length;
    for (data = write_segment(m, data, length); unlikely(data != end);
         data = write_segment(seg, data, end - data)) {
        seg->next = *spares;
        seg = *spares;
        *spares = seg->next;
        seg->next = NULL;
        m->nb_segs++;
    }
    if (unlikely(m->ol_flags & RTE_MBUF_F_TX_OFFLOAD_MASK) && pyd_tx_headers(m) != 0)
        pyd_tx_forget(m);
}

static int
fill(struct pyd_burst *burst, const struct source *source, uint32_t n)
{
    struct rte_mbuf *spares = NULL;
    int ret = pyd_burst_enter(burst);
    uint32_t i, length;

    if (unlikely(ret != 0))
        return ret;
    ret = source->ends == NULL || n == burst->n ? prepare(burst, source, &spares) : -ERANGE;
    for (i = 0; ret == 0 && i < burst->n; i++) {
        const char *data = piece(source, i, &length);

        write_packet(burst->storage->mbufs[i], data, length, &spares);
    }
    free_list(spares);
    return pyd_burst_leave_with(burst, ret);
}

/* Packet i becomes data[ends[i-1]:ends[i]]. Nothing is written unless all fit; else returns 1 + i
 * for a packet whose memory is shared. */
int
pyd_burst_fill(struct pyd_burst *burst, const char *data, const uint32_t *ends, uint32_t n)
{
    const struct source source = {.data = data, .ends = ends};

    return fill(burst, &source, n);
}

/* Every packet becomes `data`. */
int
pyd_burst_fill_each(struct pyd_burst *burst, const char *data, uint32_t length)
{
    const struct source source = {.data = data, .length = length};

    return fill(burst, &source, 0);
}

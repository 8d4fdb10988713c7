/* Mbufs of several segments, and mbufs that see the memory of others. */
#include "burst.h"

static int
enter_two(struct pyd_burst *one, struct pyd_burst *other)
{
    int ret = pyd_enter_alone(&one->gate);

    if (ret != 0 || one == other)
        return ret;
    ret = pyd_enter_alone(&other->gate);
    if (ret != 0)
        pyd_leave_alone(&one->gate);
    return ret;
}

static void
leave_two(struct pyd_burst *one, struct pyd_burst *other)
{
    pyd_leave_alone(&one->gate);
    if (one != other)
        pyd_leave_alone(&other->gate);
}

static void
describe(struct rte_mbuf *m, struct pyd_segment *row)
{
    row->mbuf = (uintptr_t)m;
    row->addr = rte_pktmbuf_mtod(m, uintptr_t);
    row->room_addr = (uintptr_t)m->buf_addr;
    row->pool = RTE_MBUF_CLONED(m) ? rte_mbuf_from_indirect(m)->pool : m->pool;
    row->len = m->data_len;
    row->pkt_len = m->pkt_len;
    row->sharers = pyd_sharers(m);
    row->headroom = rte_pktmbuf_headroom(m);
    row->tailroom = rte_pktmbuf_tailroom(m);
    row->nb_segs = m->nb_segs;
    row->refcnt = rte_mbuf_refcnt_read(m);
}

/* Describe the first `room` segments; returns how many there are. */
int
pyd_mbuf_segments(struct pyd_burst *burst, uint32_t i, struct pyd_segment *rows, uint32_t room)
{
    int ret;
    struct rte_mbuf *m = pyd_burst_enter_packet(burst, i, &ret);
    uint32_t k;

    if (unlikely(m == NULL))
        return ret;
    ret = m->nb_segs;
    for (k = 0; k < room && m != NULL; k++, m = m->next)
        describe(m, &rows[k]);
    pyd_leave_alone(&burst->gate);
    return ret;
}

/* rte_pktmbuf_read adds 32-bit numbers, and runs off the chain when asked for 0 bytes at its end. */
int
pyd_mbuf_read(struct pyd_burst *burst, uint32_t i, uint32_t off, uint32_t len, char *data)
{
    int ret;
    const struct rte_mbuf *m = pyd_burst_enter_packet(burst, i, &ret);
    const char *found;

    if (unlikely(m == NULL))
        return ret;
    if ((uint64_t)off + len > m->pkt_len) {
        ret = -EMSGSIZE;
    } else if (len != 0) {
        found = rte_pktmbuf_read(m, off, len, data);
        if (found == NULL)
            ret = -EIO;
        else if (found != data)
            memcpy(data, found, len);
    }
    pyd_leave_alone(&burst->gate);
    return ret;
}

/* 1 and the reason where DPDK finds the mbuf unsound. */
int
pyd_mbuf_check(struct pyd_burst *burst, uint32_t i, char *reason, uint32_t room)
{
    int ret;
    const struct rte_mbuf *m = pyd_burst_enter_packet(burst, i, &ret);
    const char *found = "";

    if (unlikely(m == NULL))
        return ret;
    ret = rte_mbuf_check(m, 1, &found) != 0;
    snprintf(reason, room, "%s", found);
    pyd_leave_alone(&burst->gate);
    return ret;
}

static void
take_out(struct pyd_burst *burst, uint32_t j)
{
    struct rte_mbuf **mbufs = burst->slots->mbufs;

    memmove(mbufs + j, mbufs + j + 1, (burst->n - j - 1) * sizeof(mbufs[0]));
    pyd_burst_holds(burst, burst->n - 1);
}

static int
chain(struct pyd_burst *burst, uint32_t i, struct pyd_burst *from, uint32_t j)
{
    struct rte_mbuf *head, *tail;
    int ret;

    if (i >= burst->n || j >= from->n || (burst == from && i == j))
        return -ERANGE;
    head = burst->slots->mbufs[i];
    tail = from->slots->mbufs[j];
    if ((uint64_t)head->pkt_len + tail->pkt_len > PYD_PKT_LEN_MAX)
        return -EOVERFLOW;
    ret = rte_pktmbuf_chain(head, tail);
    if (ret == 0)
        take_out(from, j);
    return ret;
}

/* Packet j leaves its burst and becomes the end of packet i. */
int
pyd_mbuf_chain(struct pyd_burst *burst, uint32_t i, struct pyd_burst *from, uint32_t j)
{
    int ret = enter_two(burst, from);

    if (ret != 0)
        return ret;
    ret = chain(burst, i, from, j);
    leave_two(burst, from);
    return ret;
}

/* rte_pktmbuf_linearize writes behind the first segment without asking who else sees that. */
int
pyd_mbuf_linearize(struct pyd_burst *burst, uint32_t i)
{
    int ret;
    struct rte_mbuf *m = pyd_burst_enter_packet(burst, i, &ret);

    if (m == NULL)
        return ret;
    if (m->nb_segs > 1 && pyd_sharers(m) != 1)
        ret = -EPERM;
    else if (rte_pktmbuf_linearize(m) != 0)
        ret = -ENOSPC;
    pyd_leave_alone(&burst->gate);
    return ret;
}

static int
attach(struct pyd_burst *burst, uint32_t i, struct pyd_burst *other, uint32_t j)
{
    struct rte_mbuf *mi, *m;

    if (i >= burst->n || j >= other->n || (burst == other && i == j))
        return -ERANGE;
    mi = burst->slots->mbufs[i];
    m = other->slots->mbufs[j];
    if (!RTE_MBUF_DIRECT(mi) || rte_mbuf_refcnt_read(mi) != 1 || mi->nb_segs != 1)
        return -EPERM;
    if (pyd_sharers(m) >= UINT16_MAX)
        return -EOVERFLOW;
    rte_pktmbuf_attach(mi, m);
    return 0;
}

/* Packet i gives up its data and sees the first segment of packet j. */
int
pyd_mbuf_attach(struct pyd_burst *burst, uint32_t i, struct pyd_burst *other, uint32_t j)
{
    int ret = enter_two(burst, other);

    if (ret != 0)
        return ret;
    ret = attach(burst, i, other, j);
    leave_two(burst, other);
    return ret;
}

static int
is_pinned(struct rte_mempool *mp)
{
    return (rte_pktmbuf_priv_flags(mp) & RTE_PKTMBUF_POOL_F_PINNED_EXT_BUF) != 0;
}

/* rte_pktmbuf_detach leaves the packet's length as it was. */
int
pyd_mbuf_detach(struct pyd_burst *burst, uint32_t i)
{
    int ret;
    struct rte_mbuf *m = pyd_burst_enter_packet(burst, i, &ret);

    if (m == NULL)
        return ret;
    if (RTE_MBUF_DIRECT(m) || is_pinned(m->pool) || m->nb_segs != 1) {
        ret = -EPERM;
    } else {
        rte_pktmbuf_detach(m);
        m->pkt_len = 0;
    }
    pyd_leave_alone(&burst->gate);
    return ret;
}

/* Reference counts are of 16 bits and DPDK lets them wrap. */
static struct rte_mbuf *
clone_of(struct rte_mbuf *m, struct rte_mempool *mp, int *ret)
{
    struct rte_mbuf *seg, *made;

    *ret = -EOVERFLOW;
    for (seg = m; seg != NULL; seg = seg->next)
        if (pyd_sharers(seg) >= UINT16_MAX)
            return NULL;
    *ret = -EPERM;
    if (is_pinned(mp))
        return NULL;
    made = rte_pktmbuf_clone(m, mp);
    *ret = made == NULL ? -ENOBUFS : 0;
    return made;
}

/* rte_pktmbuf_copy counts segments in 16 bits, and unmarks the head of a pool of external memory,
 * which would free other memory later. */
static struct rte_mbuf *
copy_of(struct rte_mbuf *m, struct rte_mempool *mp, uint32_t off, uint32_t len, int *ret)
{
    const uint32_t size = rte_pktmbuf_data_room_size(mp);
    const uint32_t room = size - RTE_MIN(size, (uint32_t)RTE_PKTMBUF_HEADROOM);
    struct rte_mbuf *made;

    *ret = -EMSGSIZE;
    if (off >= m->pkt_len || len == 0)
        return NULL;
    len = RTE_MIN(len, m->pkt_len - off);
    if (room == 0 || len / room >= RTE_MBUF_MAX_NB_SEGS)
        return NULL;
    made = rte_pktmbuf_copy(m, mp, off, len);
    *ret = made == NULL ? -ENOBUFS : 0;
    if (made == NULL)
        return NULL;
    if (is_pinned(mp))
        made->ol_flags |= RTE_MBUF_F_EXTERNAL;
    if (pyd_tx_headers(made) != 0)
        pyd_tx_forget(made);
    return made;
}

static struct rte_mbuf *
derive(struct rte_mbuf *m, struct pyd_pool *pool, int how, uint32_t off, uint32_t len, int *ret)
{
    return how == PYD_MBUF_CLONE ? clone_of(m, pool->mp, ret) : copy_of(m, pool->mp, off, len, ret);
}

/* A clone or copy of packet i comes behind the others of `into`, which stay as they are. */
int
pyd_mbuf_derive(struct pyd_burst *burst, uint32_t i, struct pyd_burst *into, struct pyd_pool *pool,
                int how, uint32_t off, uint32_t len)
{
    struct rte_mbuf *made = NULL;
    int ret = enter_two(burst, into);

    if (ret != 0)
        return ret;
    ret = pyd_enter(&pool->gate);
    if (ret == 0) {
        if (i >= burst->n)
            ret = -ERANGE;
        else if (into->n == into->size)
            ret = -ENOSPC;
        else
            made = derive(burst->slots->mbufs[i], pool, how, off, len, &ret);
        pyd_leave(&pool->gate);
    } else {
        ret = -ENODEV;
    }
    if (made != NULL) {
        into->slots->mbufs[into->n++] = made;
        into->slots->n = into->n;
    }
    leave_two(burst, into);
    return ret;
}

static int
derive_all(struct pyd_burst *burst, struct pyd_burst *into, struct pyd_pool *pool, int how,
           uint32_t off, uint32_t len)
{
    struct rte_mbuf **made = into->slots->mbufs;
    uint32_t i;
    int ret = 0;

    for (i = 0; i < burst->n; i++) {
        made[i] = derive(burst->slots->mbufs[i], pool, how, off, len, &ret);
        if (made[i] == NULL) {
            rte_pktmbuf_free_bulk(made, i);
            return ret;
        }
    }
    pyd_burst_holds(into, burst->n);
    return burst->n;
}

/* Every packet, into an empty burst: all or none. */
int
pyd_burst_derive(struct pyd_burst *burst, struct pyd_burst *into, struct pyd_pool *pool, int how,
                 uint32_t off, uint32_t len)
{
    int ret = burst == into ? -EINVAL : enter_two(burst, into);

    if (ret != 0)
        return ret;
    if (into->n != 0)
        ret = -ENOTEMPTY;
    else if (burst->n > into->size)
        ret = -ENOSPC;
    else
        ret = pyd_enter(&pool->gate) != 0 ? -ENODEV : 0;
    if (ret == 0) {
        ret = derive_all(burst, into, pool, how, off, len);
        pyd_leave(&pool->gate);
    }
    leave_two(burst, into);
    return ret;
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* All packets of a burst get or lose bytes at their front, or are copied out. */
#include <rte_ether.h>

#include "columns/headers.h"

/* Offloads refer to header lengths, which would become wrong. */
static int
may_move_front(struct rte_mbuf *m)
{
    return (m->ol_flags & (RTE_MBUF_F_TX_OFFLOAD_MASK & ~RTE_MBUF_F_TX_VLAN)) == 0;
}

#define MACS offsetof(struct rte_ether_hdr, ether_type)
#define TAG sizeof(struct rte_vlan_hdr)

static int
may_push(struct rte_mbuf *m)
{
    return RTE_MBUF_DIRECT(m) && rte_mbuf_refcnt_read(m) == 1 && may_move_front(m) &&
           m->pkt_len >= sizeof(struct rte_ether_hdr) &&
           (likely(m->data_len >= MACS) || pyd_span_is_own(m, 0, MACS)) &&
           rte_pktmbuf_headroom(m) >= TAG && m->data_len <= UINT16_MAX - TAG &&
           m->pkt_len <= PYD_PKT_LEN_MAX - TAG;
}

/* As rte_vlan_insert, which needs the addresses in the first segment. */
static void
push(struct rte_mbuf *m, uint16_t tci, uint16_t tpid)
{
    const rte_be16_t tag[] = {rte_cpu_to_be_16(tpid), rte_cpu_to_be_16(tci)};
    char bytes[MACS + TAG];

    pyd_span_read(m, 0, MACS, bytes);
    memcpy(bytes + MACS, tag, TAG);
    rte_pktmbuf_prepend(m, TAG);
    pyd_span_write(m, 0, sizeof(bytes), bytes);
    m->ol_flags &= ~(RTE_MBUF_F_RX_VLAN_STRIPPED | RTE_MBUF_F_TX_VLAN);
    m->l2_len = 0;
}

int
pyd_mbufs_vlan_push(struct rte_mbuf **mbufs, uint32_t n, const uint16_t *tci, uint16_t tpid)
{
    uint32_t i;

    for (i = 0; i < n; i++)
        if (!may_push(mbufs[i]))
            return 1 + i;
    for (i = 0; i < n; i++) {
        const uint16_t before = mbufs[i]->vlan_tci;

        if (unlikely(mbufs[i]->data_len < sizeof(struct rte_ether_hdr))) {
            push(mbufs[i], tci[i], tpid);
            continue;
        }
        mbufs[i]->vlan_tci = tci[i];
        if (rte_vlan_insert(&mbufs[i]) != 0)
            return -EIO; /* impossible: may_push has checked all of this */
        mbufs[i]->vlan_tci = before;
        mbufs[i]->l2_len = 0;
        rte_pktmbuf_mtod(mbufs[i], struct rte_ether_hdr *)->ether_type = rte_cpu_to_be_16(tpid);
    }
    return 0;
}

static int
is_tagged(struct rte_mbuf *m)
{
    rte_be16_t type = 0;

    if (likely(m->data_len >= sizeof(struct rte_ether_hdr) + TAG))
        type = rte_pktmbuf_mtod(m, struct rte_ether_hdr *)->ether_type;
    else if (m->pkt_len >= sizeof(struct rte_ether_hdr) + TAG)
        pyd_span_read(m, MACS, sizeof(type), (char *)&type);
    return type == rte_cpu_to_be_16(RTE_ETHER_TYPE_VLAN) ||
           type == rte_cpu_to_be_16(RTE_ETHER_TYPE_QINQ);
}

/* The first segment with more than the 4 bytes of a tag; *start bytes are before it. */
static struct rte_mbuf *
find_roomy(struct rte_mbuf *m, uint32_t *start)
{
    for (*start = 0; m != NULL && m->data_len <= TAG; m = m->next)
        *start += m->data_len;
    return m;
}

static int
may_pop(struct rte_mbuf *m)
{
    uint32_t start;

    if (likely(m->data_len >= MACS + TAG))
        return pyd_sharers(m) == 1 && may_move_front(m);
    return may_move_front(m) && find_roomy(m, &start) != NULL &&
           pyd_span_is_own(m, 0, RTE_MAX(start, MACS + TAG));
}

/* As rte_vlan_strip, which needs the tag in the first segment. Four bytes are cut from one segment,
 * and the bytes before them move up, so no segment becomes empty. */
static void
pop(struct rte_mbuf *m)
{
    uint32_t start, at;
    struct rte_mbuf *roomy = find_roomy(m, &start);
    char macs[MACS], byte = 0;
    rte_be16_t tci = 0;

    pyd_span_read(m, MACS + sizeof(rte_be16_t), sizeof(tci), (char *)&tci);
    pyd_span_read(m, 0, MACS, macs);
    for (at = MACS; at < start; at++) {
        pyd_span_read(m, at + TAG, 1, &byte);
        pyd_span_write(m, at, 1, &byte);
    }
    roomy->data_off += TAG;
    roomy->data_len -= TAG;
    m->pkt_len -= TAG;
    pyd_span_write(m, 0, MACS, macs);
    m->ol_flags |= RTE_MBUF_F_RX_VLAN | RTE_MBUF_F_RX_VLAN_STRIPPED;
    m->vlan_tci = rte_be_to_cpu_16(tci);
}

int
pyd_mbufs_vlan_pop(struct rte_mbuf **mbufs, uint32_t n, uint8_t *popped)
{
    uint32_t i;

    for (i = 0; i < n; i++)
        if (is_tagged(mbufs[i]) && !may_pop(mbufs[i]))
            return 1 + i;
    for (i = 0; i < n; i++) {
        popped[i] = is_tagged(mbufs[i]);
        if (!popped[i])
            continue;
        if (unlikely(mbufs[i]->data_len < MACS + TAG)) {
            pop(mbufs[i]);
            continue;
        }
        rte_pktmbuf_mtod(mbufs[i], struct rte_ether_hdr *)->ether_type =
            rte_cpu_to_be_16(RTE_ETHER_TYPE_VLAN); /* the only one that rte_vlan_strip accepts */
        rte_vlan_strip(mbufs[i]);
    }
    return 0;
}

/* `stride` is the distance between the bytes of two packets; 0: all packets get the same. */
int
pyd_mbufs_prepend(struct rte_mbuf **mbufs, uint32_t n, const char *data, uint32_t width,
                  uint32_t stride)
{
    uint32_t i;

    for (i = 0; i < n; i++)
        if (pyd_sharers(mbufs[i]) != 1 || !may_move_front(mbufs[i]) ||
            width > rte_pktmbuf_headroom(mbufs[i]) ||
            mbufs[i]->data_len + width > UINT16_MAX ||
            mbufs[i]->pkt_len + width > PYD_PKT_LEN_MAX)
            return 1 + i;
    for (i = 0; i < n; i++, data += stride)
        rte_memcpy(rte_pktmbuf_prepend(mbufs[i], width), data, width);
    return 0;
}

int
pyd_mbufs_adj(struct rte_mbuf **mbufs, uint32_t n, const uint32_t *lengths)
{
    uint32_t i;

    for (i = 0; i < n; i++)
        if (lengths[i] > mbufs[i]->data_len || !may_move_front(mbufs[i]))
            return 1 + i;
    for (i = 0; i < n; i++)
        rte_pktmbuf_adj(mbufs[i], lengths[i]);
    return 0;
}

static int64_t
copy_out(struct rte_mbuf **mbufs, uint32_t n, char *data, uint64_t room, uint64_t *offsets)
{
    const struct rte_mbuf *seg;
    uint64_t at = 0;
    uint32_t i, left, len;

    for (i = 0; i < n; i++) {
        offsets[i] = at;
        at += mbufs[i]->pkt_len;
    }
    offsets[n] = at;
    if (at > room)
        return at;
    for (i = 0; i < n; i++)
        for (seg = mbufs[i], left = offsets[i + 1] - offsets[i]; left != 0 && seg != NULL;
             seg = seg->next, left -= len) {
            len = RTE_MIN(left, (uint32_t)seg->data_len);
            memcpy(data, rte_pktmbuf_mtod(seg, const char *), len);
            data += len;
        }
    return at;
}

/* Returns how many bytes there are; they are copied where there is room for all. */
int64_t
pyd_burst_copy_out(struct pyd_burst *burst, char *data, uint64_t room, uint64_t *offsets, uint32_t n)
{
    int64_t ret = pyd_burst_enter(burst);

    if (unlikely(ret != 0))
        return ret;
    ret = n != burst->n ? -EMSGSIZE : copy_out(burst->storage->mbufs, n, data, room, offsets);
    pyd_burst_leave(burst);
    return ret;
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* Scatter a column into its packets, or bytes to one offset of each packet. All or nothing. */
#include "columns/place.h"

#define FIXED_FLAGS                                                                              \
    (RTE_MBUF_F_INDIRECT | RTE_MBUF_F_EXTERNAL | (RTE_MBUF_F_TX_OFFLOAD_MASK & ~RTE_MBUF_F_TX_VLAN))

/* Where the bytes begin, at an offset in the packet or in one of its headers; UINT32_MAX where the
 * packet does not have all of them. */
static uint32_t
span_start(struct rte_mbuf *m, int header, uint32_t offset, uint32_t width)
{
    struct pyd_place place;
    uint64_t start = offset;

    if (header >= 0) {
        pyd_locate(&place, m, pyd_header_depth(header));
        if (place.at[header] == PYD_NOWHERE)
            return UINT32_MAX;
        start += place.at[header];
    }
    return start + width <= m->pkt_len ? (uint32_t)start : UINT32_MAX;
}

static int
poke(struct rte_mbuf **mbufs, uint32_t n, int header, uint32_t offset, uint32_t width,
     uint32_t stride, int swap, const char *data)
{
    char wire[sizeof(uint32_t)];
    uint32_t i, start;

    for (i = 0; i < n; i++) {
        start = span_start(mbufs[i], header, offset, width);
        if (start != UINT32_MAX && !pyd_span_is_own(mbufs[i], start, width))
            return 1 + i;
    }
    for (i = 0; i < n; i++, data += stride) {
        start = span_start(mbufs[i], header, offset, width);
        if (start != UINT32_MAX)
            pyd_span_write(mbufs[i], start, width, pyd_to_wire(data, width, swap, wire));
    }
    return 0;
}

static int
write_mbuf(struct rte_mbuf **mbufs, uint32_t n, const struct pyd_column *column, const char *data)
{
    uint64_t flags;
    uint32_t i;

    for (i = 0; i < n; i++, data += column->width) {
        struct rte_mbuf *m = mbufs[i];

        if (column->write == PYD_WRITE_FLAGS) {
            memcpy(&flags, data, sizeof(flags));
            m->ol_flags = (m->ol_flags & FIXED_FLAGS) | (flags & ~FIXED_FLAGS);
        } else {
            memcpy((char *)m + column->offset, data, column->width);
            m->ol_flags |= column->flags;
        }
    }
    return 0;
}

static int
write_flag(struct rte_mbuf **mbufs, uint32_t n, const struct pyd_column *column, const char *data)
{
    uint32_t i;

    for (i = 0; i < n; i++)
        if (data[i])
            mbufs[i]->ol_flags |= column->flags;
        else
            mbufs[i]->ol_flags &= ~column->flags;
    return 0;
}

/* Returns 1 + i where the bytes to write in packet i are shared; then nothing is written. */
int
pyd_column_write(struct pyd_burst *burst, const struct pyd_column *column, const char *data,
                 uint32_t n)
{
    int ret = pyd_burst_enter_all(burst, n);

    if (unlikely(ret != 0))
        return ret;
    if (column->how == PYD_COLUMN_FIELD)
        ret = poke(burst->storage->mbufs, n, column->header, column->offset, column->width,
                   column->width, column->swap, data);
    else if (column->how == PYD_COLUMN_FLAG)
        ret = write_flag(burst->storage->mbufs, n, column, data);
    else
        ret = write_mbuf(burst->storage->mbufs, n, column, data);
    return pyd_burst_leave_with(burst, ret);
}

/* `width` bytes at an offset of each packet, or of one of its headers; zeros where the packet does
 * not have all, which `valid`, if not NULL, records. */
int
pyd_burst_peek(struct pyd_burst *burst, uint32_t room, uint32_t offset, uint32_t width, int header,
               uint8_t *valid, char *data)
{
    int ret = pyd_burst_enter(burst);
    uint32_t i, n, start;

    if (unlikely(ret != 0))
        return ret;
    n = RTE_MIN(burst->n, room);
    for (i = 0; i < n; i++, data += width) {
        struct rte_mbuf *m = burst->storage->mbufs[i];
        const char *bytes = NULL;

        start = span_start(m, header, offset, width);
        if (start != UINT32_MAX)
            bytes = rte_pktmbuf_read(m, start, width, data);
        if (valid != NULL)
            valid[i] = bytes != NULL;
        if (bytes == NULL)
            memset(data, 0, width);
        else if (bytes != data)
            memcpy(data, bytes, width);
    }
    return pyd_burst_leave_with(burst, n);
}

/* As pyd_column_write; packets that do not have all of the bytes stay as they are. */
int
pyd_burst_poke(struct pyd_burst *burst, uint32_t n, uint32_t offset, const char *data,
               uint32_t width, uint32_t stride, int header)
{
    int ret = pyd_burst_enter_all(burst, n);

    if (likely(ret == 0))
        ret = pyd_burst_leave_with(
            burst, poke(burst->storage->mbufs, n, header, offset, width, stride, 0, data));
    return ret;
}

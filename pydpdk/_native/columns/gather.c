/* SPDX-License-Identifier: BSD-3-Clause */
/* Gather columns, a few packets at a time, so that they stay in the L1 cache. */
#include <rte_ip.h>
#include <rte_net.h>
#include <rte_tcp.h>
#include <rte_thash.h>

#include "columns/alike.h"
#include "columns/flow.h"

#define CHUNK 32

/* The bytes of a column's field in one packet, or NULL. */
static inline const char *
field_of(const struct pyd_place *place, const struct pyd_column *column, uint32_t width, char *copy)
{
    const uint32_t at = place->at[column->header];

    if (unlikely(at == PYD_NOWHERE))
        return NULL;
    return pyd_place_read(place, at + column->offset, width, copy);
}

#define GATHER(type, from_wire)                                                                  \
    do {                                                                                         \
        type *values = (type *)data, copy, value;                                                \
        for (i = 0; i < n; i++) {                                                                \
            const char *bytes = field_of(&places[i], column, sizeof(type), (char *)&copy);       \
            value = 0;                                                                           \
            if (likely(bytes != NULL))                                                           \
                memcpy(&value, bytes, sizeof(type));                                             \
            values[i] = from_wire(value);                                                        \
        }                                                                                        \
    } while (0)
#define AS_IT_IS(value) (value)

static void
gather_bytes(const struct pyd_place *places, uint32_t n, const struct pyd_column *column,
             char *data)
{
    const uint32_t width = column->width;
    char copy[UINT8_MAX];
    uint32_t i;

    for (i = 0; i < n; i++, data += width) {
        const char *bytes = field_of(&places[i], column, width, copy);

        if (bytes != NULL)
            memcpy(data, bytes, width);
        else
            memset(data, 0, width);
    }
}

static void
gather(const struct pyd_place *places, uint32_t n, const struct pyd_column *column, char *data)
{
    uint32_t i;

    if (!column->swap && column->width > 1)
        gather_bytes(places, n, column, data);
    else if (column->width == 1)
        GATHER(uint8_t, AS_IT_IS);
    else if (column->width == 2)
        GATHER(uint16_t, rte_be_to_cpu_16);
    else if (column->width == 4)
        GATHER(uint32_t, rte_be_to_cpu_32);
}

static void
gather_mbuf(struct rte_mbuf **mbufs, uint32_t n, const struct pyd_column *column, char *data)
{
    const uint32_t width = column->width;
    uint32_t i;

    for (i = 0; i < n; i++, data += width) {
        const struct rte_mbuf *m = mbufs[i];

        if (column->flags != 0 && (m->ol_flags & column->flags) == 0)
            memset(data, 0, width);
        else if (width == 4)
            memcpy(data, (const char *)m + column->offset, 4);
        else if (width == 2)
            memcpy(data, (const char *)m + column->offset, 2);
        else
            memcpy(data, (const char *)m + column->offset, width);
    }
}

static void
gather_made(const struct pyd_place *places, uint32_t n, const struct pyd_column *column, char *data)
{
    uint32_t i, value;

    for (i = 0; i < n; i++) {
        const struct pyd_place *place = &places[i];

        switch (column->how) {
        case PYD_COLUMN_HAS:
            data[i] = column->header == PYD_HEADERS || place->at[column->header] != PYD_NOWHERE;
            break;
        case PYD_COLUMN_FLAG:
            data[i] = (place->m->ol_flags & column->flags) != 0;
            break;
        case PYD_COLUMN_PROTO:
            data[i] = place->proto[column->header != 0];
            break;
        case PYD_COLUMN_TUPLE:
            pyd_flow_tuple(place, column->header, data + i * PYD_FLOW_BYTES);
            break;
        case PYD_COLUMN_HASH:
            value = pyd_flow_hash(place, column->header);
            memcpy(data + i * sizeof(value), &value, sizeof(value));
            break;
        case PYD_COLUMN_PTYPE:
            value = rte_net_get_ptype(place->m, NULL, RTE_PTYPE_ALL_MASK);
            memcpy(data + i * sizeof(value), &value, sizeof(value));
            break;
        }
    }
}

/* A few packets; their headers are located when a column first needs them. */
struct chunk {
    struct rte_mbuf **mbufs;
    uint32_t n;
    uint32_t depth;
    int is_located;
    int is_alike;
    struct alike alike;
    struct pyd_place places[CHUNK];
    char *data[CHUNK];
};

static void
look_through(struct chunk *chunk)
{
    uint32_t i;

    for (i = 0; i < chunk->n && !chunk->is_located; i++)
        if (chunk->depth != PYD_DEPTH_MBUF)
            pyd_locate(&chunk->places[i], chunk->mbufs[i], chunk->depth);
        else
            chunk->places[i].m = chunk->mbufs[i];
    chunk->is_located = 1;
}

static void
gather_column(struct chunk *chunk, const struct pyd_column *column, char *data)
{
    if (column->how == PYD_COLUMN_MBUF) {
        gather_mbuf(chunk->mbufs, chunk->n, column, data);
        return;
    }
    if (chunk->is_alike && pyd_gather_alike(&chunk->alike, column, data))
        return;
    look_through(chunk);
    if (column->how == PYD_COLUMN_FIELD)
        gather(chunk->places, chunk->n, column, data);
    else
        gather_made(chunk->places, chunk->n, column, data);
}

/* Columns lie in one block, or, without a base, each in its own array. */
static void
read_chunk(struct rte_mbuf **mbufs, uint32_t n, const struct pyd_columns *plan, uint32_t done,
           char *base, void *const *arrays)
{
    struct chunk chunk;
    uint32_t i;

    chunk.mbufs = chunk.alike.mbufs = mbufs;
    chunk.n = chunk.alike.n = n;
    chunk.alike.data = chunk.data;
    chunk.depth = plan->depth;
    chunk.is_located = 0;
    chunk.is_alike = plan->depth == PYD_DEPTH_OUTER && pyd_count_alike(&chunk.alike) == n;
    for (i = 0; i < plan->n; i++) {
        const struct pyd_column *column = &plan->columns[i];
        char *data = base != NULL ? base + column->start : arrays[i];

        gather_column(&chunk, column, data + (uint64_t)done * column->width);
    }
}

/* Prefetch the mbufs of a chunk, or their headers. */
static inline void
fetch(struct rte_mbuf **mbufs, uint32_t from, uint32_t n, int headers)
{
    const uint32_t end = RTE_MIN(from + CHUNK, n);

    for (; from < end; from++)
        rte_prefetch0(headers ? rte_pktmbuf_mtod(mbufs[from], void *) : mbufs[from]);
}

/* While a chunk is read, prefetch the headers of the next and the mbufs of the one after it. */
static void
read_all(struct pyd_burst *burst, uint32_t n, const struct pyd_columns *plan, char *base,
         void *const *arrays)
{
    struct rte_mbuf **mbufs = burst->storage->mbufs;
    const int headers = plan->depth != PYD_DEPTH_MBUF;
    uint32_t done;

    if (headers)
        fetch(mbufs, 0, n, 1);
    for (done = 0; done < n; done += CHUNK) {
        fetch(mbufs, done + 2 * CHUNK, n, 0);
        if (headers)
            fetch(mbufs, done + CHUNK, n, 1);
        read_chunk(mbufs + done, RTE_MIN(n - done, (uint32_t)CHUNK), plan, done, base, arrays);
    }
}

/* Fill all columns for the first `room` packets; returns how many. */
int
pyd_columns_read(struct pyd_burst *burst, const struct pyd_columns *plan, char *base)
{
    const int ret = pyd_burst_enter(burst);
    uint32_t n;

    if (unlikely(ret != 0))
        return ret;
    n = RTE_MIN(burst->n, plan->room);
    read_all(burst, n, plan, base, NULL);
    return pyd_burst_leave_with(burst, n);
}

/* As arrays of n rows each. */
int
pyd_columns_gather(struct pyd_burst *burst, const struct pyd_columns *plan, void *const *arrays,
                   uint32_t n)
{
    const int ret = pyd_burst_enter_all(burst, n);

    if (unlikely(ret != 0))
        return ret;
    read_all(burst, n, plan, NULL, arrays);
    return pyd_burst_leave_with(burst, 0);
}

int
pyd_bound_read(struct pyd_bound *bound)
{
    return pyd_columns_read(bound->burst, bound->plan, bound->base);
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* Packets for compiled workers: offsets in mbufs, and where headers lie. */
#include "columns/headers.h"
#include "columns/where.h"
#include "worker/worker.h"

/* The address of a header, if `length` bytes of it are in the first segment; else 0. */
int64_t
pyd_worker_find(struct rte_mbuf *m, int64_t header, int64_t length)
{
    struct pyd_place place;

    pyd_locate(&place, m, pyd_header_depth(header));
    if (place.at[header] == PYD_NOWHERE || place.at[header] + length > place.data_len)
        return 0;
    return (int64_t)(uintptr_t)(place.data + place.at[header]);
}

int
pyd_worker_where(const struct pyd_where *where, struct rte_mbuf **mbufs, uint32_t n, uint8_t *mask)
{
    pyd_mbufs_where(where, mbufs, n, mask);
    return n;
}

int
pyd_worker_holds(const struct pyd_where *where, struct rte_mbuf **mbufs)
{
    uint8_t holds;

    pyd_mbufs_where(where, mbufs, 1, &holds);
    return holds;
}

/* One field of one packet; its value is one word, or two where the field is longer. */
int
pyd_worker_rewrite(struct rte_mbuf **mbufs, const struct pyd_column *column, const uint64_t *value)
{
    uint64_t wide[2];
    uint32_t number;
    uint16_t half;
    uint8_t byte;

    switch (column->width) {
    case sizeof(byte):
        byte = *value;
        return pyd_mbufs_rewrite(mbufs, 1, column, (const char *)&byte);
    case sizeof(half):
        half = *value;
        return pyd_mbufs_rewrite(mbufs, 1, column, (const char *)&half);
    case sizeof(number):
        number = *value;
        return pyd_mbufs_rewrite(mbufs, 1, column, (const char *)&number);
    case sizeof(wide):
        wide[0] = rte_cpu_to_be_64(value[0]);
        wide[1] = rte_cpu_to_be_64(value[1]);
        return pyd_mbufs_rewrite(mbufs, 1, column, (const char *)wide);
    }
    return -EINVAL;
}

#define MBUF(field)                                                                                \
    {"mbuf." #field, offsetof(struct rte_mbuf, field), sizeof(((struct rte_mbuf *)0)->field)}
#define CONSTANT(name) {#name, name, 0}

/* Under the compiler's names, so that no number is copied from a header. */
const struct pyd_worker_field *
pyd_worker_fields(uint32_t *n)
{
    static const struct pyd_worker_field fields[] = {
        MBUF(buf_addr),
        MBUF(data_off),
        MBUF(data_len),
        MBUF(pkt_len),
        MBUF(port),
        MBUF(ol_flags),
        CONSTANT(RTE_ETHER_TYPE_IPV4),
        CONSTANT(RTE_ETHER_TYPE_VLAN),
        CONSTANT(RTE_ETHER_TYPE_QINQ),
        {"FRAGMENT", RTE_IPV4_HDR_OFFSET_MASK | RTE_IPV4_HDR_MF_FLAG, 0},
        CONSTANT(IPPROTO_UDP),
        CONSTANT(IPPROTO_TCP),
        {"ETHER_LEN", sizeof(struct rte_ether_hdr), 0},
        {"VLAN_LEN", sizeof(struct rte_vlan_hdr), 0},
        {"IPV4_LEN", sizeof(struct rte_ipv4_hdr), 0},
        {"UDP_LEN", sizeof(struct rte_udp_hdr), 0},
        {"TCP_LEN", sizeof(struct rte_tcp_hdr), 0},
    };

    *n = RTE_DIM(fields);
    return fields;
}

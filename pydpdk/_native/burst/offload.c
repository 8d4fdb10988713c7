/* SPDX-License-Identifier: BSD-3-Clause */
/* Offloads that a packet requests of its port, and dynamic fields. Drivers trust both unchecked. */
#include "burst/burst.h"

#define IPV4_MIN 20
#define IPV6_MIN 40
#define TCP_MIN 20
#define UDP_MIN 8
#define SCTP_MIN 12

#define CHECKSUMS (RTE_MBUF_F_TX_IP_CKSUM | RTE_MBUF_F_TX_L4_MASK)
#define SEGMENTS (RTE_MBUF_F_TX_TCP_SEG | RTE_MBUF_F_TX_UDP_SEG)
#define SETTABLE                                                                                 \
    (CHECKSUMS | SEGMENTS | RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IPV6 |                            \
     RTE_MBUF_F_TX_OUTER_IP_CKSUM | RTE_MBUF_F_TX_OUTER_IPV4 | RTE_MBUF_F_TX_OUTER_IPV6)

static uint32_t
l4_least(uint64_t flags)
{
    if (flags & RTE_MBUF_F_TX_TCP_SEG)
        return TCP_MIN;
    if (flags & RTE_MBUF_F_TX_UDP_SEG)
        return UDP_MIN;
    switch (flags & RTE_MBUF_F_TX_L4_MASK) {
    case RTE_MBUF_F_TX_TCP_CKSUM:
        return TCP_MIN;
    case RTE_MBUF_F_TX_UDP_CKSUM:
        return UDP_MIN;
    case RTE_MBUF_F_TX_SCTP_CKSUM:
        return SCTP_MIN;
    }
    return 0;
}

/* Returns 0 where all headers that the flags refer to lie in the first segment; else -EMSGSIZE. */
int
pyd_tx_headers(const struct rte_mbuf *m)
{
    const uint64_t flags = m->ol_flags;
    const uint32_t outer = flags & (RTE_MBUF_F_TX_OUTER_IPV4 | RTE_MBUF_F_TX_OUTER_IPV6)
                               ? m->outer_l2_len + m->outer_l3_len : 0;
    const uint32_t l4 = RTE_MAX((uint32_t)m->l4_len, l4_least(flags));

    if ((flags & SETTABLE) == 0)
        return 0;
    return outer + m->l2_len + m->l3_len + l4 <= m->data_len ? 0 : -EMSGSIZE;
}

void
pyd_tx_forget(struct rte_mbuf *m)
{
    m->ol_flags &= ~SETTABLE;
    m->tx_offload = 0;
}

static int
lengths_are_sound(const struct rte_mbuf *m)
{
    const uint64_t flags = m->ol_flags;
    const uint64_t inner = flags & (RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IPV6);
    const uint32_t least = flags & RTE_MBUF_F_TX_IPV6 ? IPV6_MIN : IPV4_MIN;

    if (inner == (RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IPV6))
        return 0;
    if (flags & (CHECKSUMS | SEGMENTS) && (inner == 0 || m->l3_len < least))
        return 0;
    if (flags & SEGMENTS && (m->tso_segsz == 0 || m->l4_len < l4_least(flags)))
        return 0;
    if (flags & RTE_MBUF_F_TX_OUTER_IPV4 && m->outer_l3_len < IPV4_MIN)
        return 0;
    return !(flags & RTE_MBUF_F_TX_OUTER_IPV6) || m->outer_l3_len >= IPV6_MIN;
}

int
pyd_mbuf_tx_get(struct pyd_burst *burst, uint32_t i, struct pyd_tx_offload *tx)
{
    int ret;
    const struct rte_mbuf *m = pyd_burst_enter_packet(burst, i, &ret);

    if (m == NULL)
        return ret;
    tx->ol_flags = m->ol_flags & SETTABLE;
    tx->l2_len = m->l2_len;
    tx->l3_len = m->l3_len;
    tx->l4_len = m->l4_len;
    tx->tso_segsz = m->tso_segsz;
    tx->outer_l2_len = m->outer_l2_len;
    tx->outer_l3_len = m->outer_l3_len;
    return pyd_burst_leave_with(burst, 0);
}

/* Tried on a copy of the mbuf, so that an error changes nothing. */
static int
try_tx(struct rte_mbuf *m, const struct pyd_tx_offload *tx)
{
    struct rte_mbuf probe = *m;

    if (tx->ol_flags & ~SETTABLE)
        return -EINVAL;
    probe.ol_flags = (m->ol_flags & ~SETTABLE) | tx->ol_flags;
    probe.tx_offload = rte_mbuf_tx_offload(tx->l2_len, tx->l3_len, tx->l4_len, tx->tso_segsz,
                                           tx->outer_l3_len, tx->outer_l2_len, 0);
    if (rte_validate_tx_offload(&probe) != 0 || !lengths_are_sound(&probe))
        return -EINVAL;
    if (pyd_tx_headers(&probe) != 0)
        return -EMSGSIZE;
    m->ol_flags = probe.ol_flags;
    m->tx_offload = probe.tx_offload;
    return 0;
}

int
pyd_mbuf_tx_set(struct pyd_burst *burst, uint32_t i, const struct pyd_tx_offload *tx)
{
    int ret;
    struct rte_mbuf *m = pyd_burst_enter_packet(burst, i, &ret);

    return m == NULL ? ret : pyd_burst_leave_with(burst, try_tx(m, tx));
}

/* Whether these bytes are in the part of an mbuf that DPDK leaves to registered fields. */
static int
is_dynamic(uint32_t offset, uint32_t size)
{
    const uint32_t start = offsetof(struct rte_mbuf, dynfield1);
    const uint32_t end = start + sizeof(((struct rte_mbuf *)0)->dynfield1);

    if (size > end - start)
        return 0;
    if (offset >= start && offset + size <= end)
        return 1;
    return PYD_DYNFIELD2(offset, size);
}

/* Read a dynamic field of packet i into `to`, or write it from there. */
int
pyd_mbuf_dyn(struct pyd_burst *burst, uint32_t i, uint32_t offset, uint32_t size, char *to,
             const char *from)
{
    int ret;
    struct rte_mbuf *m = pyd_burst_enter_packet(burst, i, &ret);

    if (m == NULL)
        return ret;
    if (!is_dynamic(offset, size))
        return pyd_burst_leave_with(burst, -EINVAL);
    memcpy(to != NULL ? to : (char *)m + offset, to != NULL ? (char *)m + offset : from, size);
    return pyd_burst_leave_with(burst, 0);
}

/* Only bits that DPDK leaves to dynamic flags. */
int
pyd_mbuf_flag_set(struct pyd_burst *burst, uint32_t i, uint32_t bitnum, int on)
{
    int ret;
    struct rte_mbuf *m = pyd_burst_enter_packet(burst, i, &ret);
    const uint64_t bit = bitnum < 64 ? UINT64_C(1) << bitnum : 0;

    if (m == NULL)
        return ret;
    if (bit < RTE_MBUF_F_FIRST_FREE || bit > RTE_MBUF_F_LAST_FREE)
        ret = -EINVAL;
    else
        m->ol_flags = on ? m->ol_flags | bit : m->ol_flags & ~bit;
    return pyd_burst_leave_with(burst, ret);
}

/* The verbs of compiled workers, on what has been lent to them: a call each for a whole burst. */
#include <rte_ip.h>
#include <rte_tcp.h>
#include <rte_udp.h>

#include "ring.h"
#include "worker.h"

/* What every loop does is where a job that does not look whether it is to end is ended. */
static inline int
enter(void)
{
    if (unlikely(pyd_job_asked())) {
        int ret = pyd_job_cancelled();

        if (ret != 0)
            return ret;
    }
    return pyd_worker_in();
}

static inline int
enter_empty(const struct pyd_burst *burst)
{
    return unlikely(burst->n != 0) ? -ENOTEMPTY : enter();
}

/* Somebody wants to stop the port, and waits until we are out. */
static inline int
is_shut(const struct pyd_gate *gate)
{
    return !__atomic_load_n(&gate->open, __ATOMIC_RELAXED);
}

int
pyd_worker_rx(struct pyd_queue *queue, struct pyd_burst *burst)
{
    int ret;

    if (unlikely(is_shut(&queue->gate)))
        return -ENETDOWN;
    ret = enter_empty(burst);
    if (unlikely(ret != 0))
        return ret;
    ret = rte_eth_rx_burst(queue->port_id, queue->queue_id, burst->slots->mbufs, burst->size);
    queue->packets += ret;
    pyd_burst_holds(burst, ret);
    pyd_worker_out();
    return ret;
}

int
pyd_worker_tx(struct pyd_queue *queue, struct pyd_burst *burst)
{
    int ret;

    if (unlikely(is_shut(&queue->gate)))
        return -ENETDOWN;
    ret = enter();
    if (unlikely(ret != 0))
        return ret;
    if (burst->n != 0)
        ret = rte_eth_tx_burst(queue->port_id, queue->queue_id, burst->slots->mbufs, burst->n);
    queue->packets += ret;
    pyd_burst_sent(burst, ret);
    pyd_worker_out();
    return ret;
}

int
pyd_worker_ring_rx(struct pyd_ring *ring, struct pyd_burst *burst)
{
    int ret = enter_empty(burst);

    if (unlikely(ret != 0))
        return ret;
    ret = pyd_ring_dequeue_burst(ring, burst->slots->mbufs, burst->size);
    if (likely(ret >= 0))
        pyd_burst_holds(burst, ret);
    pyd_worker_out();
    return ret;
}

int
pyd_worker_ring_tx(struct pyd_ring *ring, struct pyd_burst *burst)
{
    int ret = enter();

    if (unlikely(ret != 0))
        return ret;
    ret = pyd_ring_enqueue_burst(ring, burst->slots->mbufs, burst->n);
    if (likely(ret > 0))
        pyd_burst_sent(burst, ret);
    pyd_worker_out();
    return ret;
}

int
pyd_worker_alloc(struct pyd_burst *burst, struct pyd_pool *pool, int64_t n, int64_t length)
{
    int ret;

    if (unlikely(n < 0 || n > burst->size || length < 0 || length > UINT16_MAX))
        return -EMSGSIZE;
    ret = enter_empty(burst);
    if (unlikely(ret != 0))
        return ret;
    ret = pyd_burst_fetch(burst, pool->mp, n, length);
    pyd_worker_out();
    return ret;
}

int
pyd_worker_free(struct pyd_burst *burst)
{
    int ret;

    if (burst->n == 0)
        return 0;
    ret = pyd_worker_in();
    if (unlikely(ret != 0))
        return ret;
    ret = burst->n;
    rte_pktmbuf_free_bulk(burst->slots->mbufs, burst->n);
    pyd_burst_holds(burst, 0);
    pyd_worker_out();
    return ret;
}

/* The same bytes into each packet, which must be of one segment with the room. */
int
pyd_worker_fill(struct pyd_burst *burst, const void *data, int64_t length)
{
    uint32_t i;

    for (i = 0; i < burst->n; i++) {
        const struct rte_mbuf *m = burst->slots->mbufs[i];

        if (unlikely(m->nb_segs != 1 || pyd_sharers(burst->slots->mbufs[i]) != 1 || length < 0 ||
                     length > m->data_len + rte_pktmbuf_tailroom(m)))
            return -EMSGSIZE;
    }
    for (i = 0; i < burst->n; i++) {
        struct rte_mbuf *m = burst->slots->mbufs[i];

        m->data_len = length;
        m->pkt_len = length;
        memcpy(rte_pktmbuf_mtod(m, void *), data, length);
    }
    return burst->n;
}

/* Free the packets whose byte of the mask is 0; the others stay in order. */
int
pyd_worker_keep(struct pyd_burst *burst, const void *mask, int64_t length)
{
    const uint8_t *const keep = mask;
    struct rte_mbuf **const mbufs = burst->slots->mbufs;
    uint32_t i, kept = 0, n = burst->n;
    int ret;

    if (unlikely(length < (int64_t)n))
        return -ERANGE;
    ret = pyd_worker_in();
    if (unlikely(ret != 0))
        return ret;
    for (i = 0; i < n; i++) {
        struct rte_mbuf *m = mbufs[i];

        if (keep[i])
            mbufs[kept++] = m;
        else
            rte_pktmbuf_free(m);
    }
    pyd_burst_holds(burst, kept);
    pyd_worker_out();
    return kept;
}

int
pyd_worker_swap_macs(struct pyd_burst *burst)
{
    pyd_swap_macs(burst->slots->mbufs, burst->n);
    return burst->n;
}

#define FIELD(header, type, field)                                                                 \
    {header "." #field, offsetof(struct type, field), sizeof(((struct type *)0)->field)}
#define CONSTANT(name) {#name, name, 0}

/* In the compiler's words, so that no number is copied from a header. */
const struct pyd_worker_field *
pyd_worker_fields(uint32_t *n)
{
    static const struct pyd_worker_field fields[] = {
        FIELD("eth", rte_ether_hdr, dst_addr),
        FIELD("eth", rte_ether_hdr, src_addr),
        FIELD("eth", rte_ether_hdr, ether_type),
        FIELD("ipv4", rte_ipv4_hdr, version_ihl),
        FIELD("ipv4", rte_ipv4_hdr, type_of_service),
        FIELD("ipv4", rte_ipv4_hdr, total_length),
        FIELD("ipv4", rte_ipv4_hdr, packet_id),
        FIELD("ipv4", rte_ipv4_hdr, fragment_offset),
        FIELD("ipv4", rte_ipv4_hdr, time_to_live),
        FIELD("ipv4", rte_ipv4_hdr, next_proto_id),
        FIELD("ipv4", rte_ipv4_hdr, hdr_checksum),
        FIELD("ipv4", rte_ipv4_hdr, src_addr),
        FIELD("ipv4", rte_ipv4_hdr, dst_addr),
        FIELD("udp", rte_udp_hdr, src_port),
        FIELD("udp", rte_udp_hdr, dst_port),
        FIELD("udp", rte_udp_hdr, dgram_len),
        FIELD("udp", rte_udp_hdr, dgram_cksum),
        FIELD("tcp", rte_tcp_hdr, src_port),
        FIELD("tcp", rte_tcp_hdr, dst_port),
        FIELD("tcp", rte_tcp_hdr, sent_seq),
        FIELD("tcp", rte_tcp_hdr, recv_ack),
        FIELD("tcp", rte_tcp_hdr, data_off),
        FIELD("tcp", rte_tcp_hdr, tcp_flags),
        FIELD("tcp", rte_tcp_hdr, rx_win),
        FIELD("tcp", rte_tcp_hdr, cksum),
        FIELD("tcp", rte_tcp_hdr, tcp_urp),
        FIELD("mbuf", rte_mbuf, buf_addr),
        FIELD("mbuf", rte_mbuf, data_off),
        FIELD("mbuf", rte_mbuf, data_len),
        FIELD("mbuf", rte_mbuf, pkt_len),
        FIELD("mbuf", rte_mbuf, port),
        CONSTANT(RTE_ETHER_TYPE_IPV4),
        CONSTANT(RTE_ETHER_TYPE_VLAN),
        CONSTANT(RTE_ETHER_TYPE_QINQ),
        CONSTANT(RTE_IPV4_HDR_OFFSET_MASK),
        CONSTANT(IPPROTO_UDP),
        CONSTANT(IPPROTO_TCP),
        {"ETH_LEN", sizeof(struct rte_ether_hdr), 0},
        {"VLAN_LEN", sizeof(struct rte_vlan_hdr), 0},
        {"IPV4_LEN", sizeof(struct rte_ipv4_hdr), 0},
        {"UDP_LEN", sizeof(struct rte_udp_hdr), 0},
        {"TCP_LEN", sizeof(struct rte_tcp_hdr), 0},
    };

    *n = RTE_DIM(fields);
    return fields;
}

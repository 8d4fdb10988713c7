/* SPDX-License-Identifier: BSD-3-Clause */
/* Losses of drivers of the kernel's interfaces: detect or restore it as packets come in and go out.
 *
 * net_af_packet copies each frame from a ring that it shares with the kernel (TPACKET_V2). Of the
 * ring's header it reads only the length and the VLAN number; that a frame is cut, its tag's type,
 * and that its checksum is unfinished get lost. So the headers are read before the driver is
 * called, while it and not the kernel has their frames. Before 24.11, the driver's socket also
 * receives from every interface until it is bound, and those frames wait in the ring: the address
 * behind the header names the interface of each frame. */
#include <errno.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ethdev/border.h"
#include "ethdev/malformed.h"

#define CHUNK 64

/* The begin of the driver's rx queue, in DPDK 22.11 to 25.11; pyd_packet_adopt is called only after
 * the first and the third field have been verified. */
struct packet_ring {
    int sockfd;
    const struct iovec *frames;
    const uint8_t *map;
    unsigned int framecount;
    unsigned int framenum;
};

/* The ring's header of one frame. */
struct frame {
    uint16_t tpid;
    uint8_t is_cut;
    uint8_t is_unfinished;
    uint8_t is_foreign;
};

int
pyd_packet_queue(uint16_t port_id, uint16_t queue_id, struct pyd_packet_queue *found)
{
    const struct packet_ring *ring = rte_eth_fp_ops[port_id].rxq.data[queue_id];

    if (ring == NULL)
        return -ENODEV;
    found->sockfd = ring->sockfd;
    found->map = (uintptr_t)ring->map;
    return 0;
}

static int
bound_to(int sockfd, uint32_t *interface)
{
    struct sockaddr_ll bound = {0};
    socklen_t size = sizeof(bound);

    if (getsockname(sockfd, (struct sockaddr *)&bound, &size) != 0)
        return -errno;
    *interface = bound.sll_ifindex;
    return 0;
}

/* -EPROTO: the ring does not match the device's arguments. */
int
pyd_packet_adopt(uint16_t port_id, uint16_t queue_id, uint32_t frame_size,
                 struct pyd_border *border)
{
    const struct packet_ring *ring = rte_eth_fp_ops[port_id].rxq.data[queue_id];
    int ret;

    if (ring->frames == NULL || ring->framenum >= ring->framecount ||
        ring->frames[0].iov_base != ring->map || ring->frames[0].iov_len != frame_size)
        return -EPROTO;
    ret = bound_to(ring->sockfd, &border->interface);
    if (ret != 0)
        return ret;
    border->ring = ring;
    return 0;
}

static void
read_header(const struct tpacket2_hdr *header, uint32_t status, uint32_t interface,
            struct frame *frame)
{
    const struct sockaddr_ll *from =
        (const void *)((const char *)header + TPACKET_ALIGN(sizeof(*header)));
    const uint32_t tagged = TP_STATUS_VLAN_VALID | TP_STATUS_VLAN_TPID_VALID;

    frame->tpid = (status & tagged) == tagged ? header->tp_vlan_tpid : 0;
    frame->is_cut = header->tp_snaplen < header->tp_len;
    frame->is_unfinished = (status & TP_STATUS_CSUMNOTREADY) != 0;
    frame->is_foreign = (uint32_t)from->sll_ifindex != interface;
}

/* Read the headers of at most n frames that wait; returns how many. */
static uint32_t
peek(const struct pyd_border *border, struct frame *frames, uint32_t n)
{
    const struct packet_ring *ring = border->ring;
    uint32_t at = ring->framenum, i, status;

    for (i = 0; i < n && i < ring->framecount; i++) {
        const struct tpacket2_hdr *header = ring->frames[at].iov_base;

        status = __atomic_load_n(&header->tp_status, __ATOMIC_ACQUIRE);
        if ((status & TP_STATUS_USER) == 0)
            break;
        read_header(header, status, border->interface, &frames[i]);
        at = at + 1 == ring->framecount ? 0 : at + 1;
    }
    return i;
}

/* The driver always writes 0x8100. A tag of another type stays in the packet, also where the port
 * strips those of 0x8100: the mbuf has no field for the type. */
static void
restore_tag(struct rte_mbuf **m, uint16_t tpid)
{
    const rte_be16_t type = rte_cpu_to_be_16(tpid);

    if ((*m)->ol_flags & RTE_MBUF_F_RX_VLAN_STRIPPED) {
        if (rte_vlan_insert(m) != 0)
            return;
        (*m)->ol_flags &= ~RTE_MBUF_F_RX_VLAN;
    }
    memcpy(rte_pktmbuf_mtod_offset(*m, char *, 2 * RTE_ETHER_ADDR_LEN), &type, sizeof(type));
}

/* Free the packets that were cut or belong to another interface; the others stay in order. */
static uint32_t
settle(struct pyd_border *border, struct rte_mbuf **mbufs, const struct frame *frames, uint32_t n)
{
    uint32_t i, kept = 0;

    for (i = 0; i < n; i++) {
        if (unlikely(frames[i].is_cut | frames[i].is_foreign)) {
            rte_pktmbuf_free(mbufs[i]);
            border->cut += !frames[i].is_foreign;
            continue;
        }
        if (unlikely(frames[i].tpid != 0 && frames[i].tpid != RTE_ETHER_TYPE_VLAN))
            restore_tag(&mbufs[i], frames[i].tpid);
        if (border->finish && frames[i].is_unfinished)
            border->finished += pyd_finish_sum(mbufs[i], 1);
        mbufs[kept++] = mbufs[i];
    }
    return kept;
}

static uint16_t
receive_packet(struct pyd_queue *queue, struct rte_mbuf **mbufs, uint32_t n)
{
    struct pyd_border *border = queue->border;
    struct frame frames[CHUNK];
    uint32_t kept = 0, seen, came;

    do {
        seen = peek(border, frames, RTE_MIN(n, (uint32_t)CHUNK));
        if (seen == 0)
            break;
        came = rte_eth_rx_burst(queue->port_id, queue->queue_id, mbufs + kept, seen);
        kept += settle(border, mbufs + kept, frames, came);
        n -= came;
    } while (came == CHUNK);
    return kept;
}

uint16_t
pyd_border_rx(struct pyd_queue *queue, struct rte_mbuf **mbufs, uint32_t n)
{
    struct pyd_border *border = queue->border;
    uint32_t i;

    if (border->ring != NULL)
        return receive_packet(queue, mbufs, n);
    n = rte_eth_rx_burst(queue->port_id, queue->queue_id, mbufs, n);
    n = pyd_admit(mbufs, n, &queue->malformed); /* before their headers are read */
    for (i = 0; i < n && border->finish; i++)
        border->finished += pyd_finish_sum(mbufs[i], 0);
    return n;
}

/* The kernel allows a tag of 0x8100 on top of the MTU. */
static int
is_tagged(const struct rte_mbuf *m)
{
    rte_be16_t type;

    if (m->data_len < RTE_ETHER_HDR_LEN)
        return 0;
    memcpy(&type, rte_pktmbuf_mtod_offset(m, char *, 2 * RTE_ETHER_ADDR_LEN), sizeof(type));
    return type == rte_cpu_to_be_16(RTE_ETHER_TYPE_VLAN);
}

static int
fits(const struct pyd_border *border, const struct rte_mbuf *m)
{
    if (unlikely(m->pkt_len > border->frame_max || (border->one_segment && m->nb_segs != 1)))
        return 0;
    return m->pkt_len <= border->longest ||
           (m->pkt_len <= border->longest + RTE_VLAN_HLEN && is_tagged(m));
}

static int
mtu_of_interface(unsigned int interface, uint16_t *mtu)
{
    struct ifreq request;
    int fd, ret;

    memset(&request, 0, sizeof(request));
    if (if_indextoname(interface, request.ifr_name) == NULL)
        return -1;
    fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    ret = ioctl(fd, SIOCGIFMTU, &request);
    close(fd);
    *mtu = RTE_MIN(request.ifr_mtu, UINT16_MAX);
    return ret;
}

/* The MTU may have changed: query it only when a packet does not fit. */
static void
ask_mtu(struct pyd_border *border)
{
    uint16_t mtu;
    int ret;

    if (border->over_mtu == 0)
        return;
    ret = border->interface != 0 ? mtu_of_interface(border->interface, &mtu)
                                 : rte_eth_dev_get_mtu(border->port_id, &mtu);
    if (ret == 0)
        border->longest = mtu + border->over_mtu;
}

static uint32_t
first_unsendable(const struct pyd_border *border, struct rte_mbuf **mbufs, uint32_t n)
{
    uint32_t i;

    for (i = 0; i < n; i++)
        if (unlikely(!fits(border, mbufs[i])))
            break;
    return i;
}

/* Free the packets that can never be sent, which the driver would free and count as sent; the
 * others stay in order. Returns how many those are. */
uint32_t
pyd_border_tx(struct pyd_border *border, struct pyd_burst *burst)
{
    struct rte_mbuf **mbufs = burst->storage->mbufs;
    uint32_t n = burst->n, i = first_unsendable(border, mbufs, n), kept;

    if (likely(i == n))
        return n;
    ask_mtu(border);
    for (i = kept = first_unsendable(border, mbufs, n); i < n; i++) {
        if (fits(border, mbufs[i])) {
            mbufs[kept++] = mbufs[i];
            continue;
        }
        rte_pktmbuf_free(mbufs[i]);
        border->unsendable++;
    }
    pyd_burst_holds(burst, kept);
    return kept;
}

/* Free and count the chains of which a driver would send only a part. */
void
pyd_drop_long(struct pyd_queue *queue, struct pyd_burst *burst)
{
    struct rte_mbuf **mbufs = burst->storage->mbufs;
    uint32_t i, kept = 0;

    for (i = 0; i < burst->n; i++) {
        if (unlikely(mbufs[i]->nb_segs > 1 && mbufs[i]->pkt_len > queue->longest))
            rte_pktmbuf_free(mbufs[i]);
        else
            mbufs[kept++] = mbufs[i];
    }
    if (unlikely(kept != burst->n)) {
        queue->dropped += burst->n - kept;
        pyd_burst_holds(burst, kept);
    }
}

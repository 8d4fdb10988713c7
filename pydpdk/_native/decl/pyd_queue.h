/* SPDX-License-Identifier: BSD-3-Clause */
/* The work for a driver of the kernel's interfaces: see border.c. */
struct pyd_border {
    const void *ring;
    uint32_t finish;
    uint32_t frame_max;
    uint32_t longest;
    uint32_t over_mtu;
    uint32_t interface;
    uint16_t port_id;
    uint16_t one_segment;
    uint64_t cut;
    uint64_t finished;
    uint64_t unsendable;
};
struct pyd_packet_queue {
    int64_t sockfd;
    uint64_t map;
};
/* How packets from a driver are checked. AGAIN: the driver returns the same ones again and again;
 * check until `unseen` in a row were sound: net_null's are all alike, net_pcap's with infinite_rx
 * at most as many as its pool has. LENGTHS: single segments must have all the bytes, and chains are
 * walked. ALL: for net_ring, which passes on what any program may have written. */
#define PYD_CHECK_NONE 0
#define PYD_CHECK_AGAIN 1
#define PYD_CHECK_LENGTHS 2
#define PYD_CHECK_ALL 3

struct pyd_queue {
    struct pyd_gate gate;
    uint16_t port_id;
    uint16_t queue_id;
    uint32_t is_tx;
    uint32_t check;
    uint32_t longest; /* [bytes] of a chain that the driver sends whole; 0: any */
    uint32_t unseen;
    struct pyd_border *border;
    uint64_t packets;
    uint64_t dropped;
    uint64_t malformed;
    uint64_t stamp_flag; /* flag of packets with a timestamp; 0: it is left as it is */
    uint32_t stamp_at;
    uint32_t stamp_ns; /* [ns] in the driver's unit */
};
struct pyd_hop {
    struct pyd_queue *rx;
    struct pyd_queue *tx;
};
/* One round of a polling loop, bound once, so that the call has one argument. Where a hop fails,
 * `served` hops and the `came` packets are kept, and the next call goes on there. */
struct pyd_round {
    struct pyd_burst *burst;
    struct pyd_hop *hops;
    uint32_t n;
    int mode;
    uint32_t served;
    uint32_t came;
};
#define PYD_FORWARD_IO 0
#define PYD_FORWARD_MACSWAP 1

int pyd_queue_shut(struct pyd_queue *queue);
void pyd_queue_drain(struct pyd_queue *queue);
int pyd_packet_queue(uint16_t port_id, uint16_t queue_id, struct pyd_packet_queue *found);
int pyd_packet_adopt(uint16_t port_id, uint16_t queue_id, uint32_t frame_size,
    struct pyd_border *border);
int pyd_rx(struct pyd_queue *queue, struct pyd_burst *burst);
int pyd_tx(struct pyd_queue *queue, struct pyd_burst *burst);
int pyd_tx_drop(struct pyd_queue *queue, struct pyd_burst *burst);
int pyd_forward_round(struct pyd_round *round);

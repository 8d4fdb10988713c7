struct pyd_queue {
    struct pyd_gate gate;
    uint16_t port_id;
    uint16_t queue_id;
    uint32_t is_tx;
    uint64_t packets;
    uint64_t dropped;
};
#define PYD_FORWARD_IO 0
#define PYD_FORWARD_MACSWAP 1

int pyd_queue_shut(struct pyd_queue *queue);
int pyd_rx(struct pyd_queue *queue, struct pyd_burst *burst);
int pyd_tx(struct pyd_queue *queue, struct pyd_burst *burst);
int pyd_forward(struct pyd_queue *rx, struct pyd_queue *tx, struct pyd_burst *burst, int mode);

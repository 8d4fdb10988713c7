/* SPDX-License-Identifier: BSD-3-Clause */
/* A channel of messages: a ring and a pool of mbufs, and a memzone that records for every process
 * what the messages are, and which processes are attached or sleep. */
#define PYD_CHANNEL_MAGIC 0x6c6e6e6168637971
#define PYD_CHANNEL_PEERS 16
#define PYD_CHANNEL_PID_BITS 22
#define PYD_CHANNEL_LANES 4
#define PYD_CHANNEL_BATCH 64

/* The two words are futexes, odd while a thread sleeps on them: `filled` until there is a message,
 * `drained` until there is room. */
struct pyd_channel_head {
    uint64_t magic;
    uint32_t message_bytes;
    uint32_t segment_bytes;
    uint32_t itemsize; /* of records; 0: messages are bytes of any length */
    uint32_t dtype_len;
    uint32_t shut;   /* no more messages are sent */
    uint32_t deaths; /* of peers that were noticed */
    uint64_t dropped;
    uint64_t peers[PYD_CHANNEL_PEERS]; /* the PID, above it when it started, in one word; 0: free */
    char apart[128];
    uint32_t filled;
    char apart_too[124];
    uint32_t drained;
    char apart_as_well[124];
};
/* The channel in this process. A call works in one of the lanes, which are bursts, so that the
 * process table has the mbufs that it moves. */
struct pyd_channel {
    struct pyd_gate gate;
    struct pyd_channel_head *head;
    struct pyd_ring *ring;
    struct pyd_pool *pool;
    uint64_t spin; /* [cycles] before a wait sleeps, adapted to recent waits */
    uint64_t spin_max;
    uint32_t message_bytes;
    uint32_t segment_bytes;
    uint32_t itemsize;
    uint32_t unused;
    struct pyd_burst lanes[PYD_CHANNEL_LANES];
};
/* Consecutive messages. To send: `n` messages in `size` bytes, of which `done` messages and `used`
 * bytes have been sent. To receive: room for n messages in `size` bytes. `lengths` is NULL for
 * records. */
struct pyd_batch {
    char *data;
    uint32_t *lengths;
    uint64_t size;
    uint64_t used;
    uint32_t n;
    uint32_t done;
};

struct pyd_channel_head *pyd_channel_head(const struct rte_memzone *mz);
int pyd_channel_join(struct pyd_channel *channel, uint64_t pid, uint64_t started);
int pyd_channel_open(struct pyd_channel *channel, uint64_t pid, uint64_t started);
int pyd_channel_close(struct pyd_channel *channel, uint64_t pid, uint64_t started, int end);
void pyd_channel_forget(struct pyd_channel *channel);
int pyd_channel_shut(struct pyd_channel *channel);
int pyd_channel_remove(struct pyd_channel *channel, uint64_t pid, uint64_t started);
int pyd_channels_remove(void);
int pyd_channel_look(struct pyd_channel *channel, struct pyd_channel_head *head);
int pyd_channel_room(struct pyd_channel *channel);
int pyd_channel_await(struct pyd_channel *channel, uint64_t wait_ns);
int pyd_channel_send(struct pyd_channel *channel, const char *data, uint32_t length,
    uint64_t wait_ns);
int pyd_channel_send_many(struct pyd_channel *channel, struct pyd_batch *batch, uint64_t wait_ns);
int pyd_channel_get(struct pyd_channel *channel, char *data, uint64_t wait_ns);
int pyd_channel_get_many(struct pyd_channel *channel, struct pyd_batch *batch, uint64_t wait_ns);
int pyd_channel_tx(struct pyd_channel *channel, struct pyd_burst *burst, uint64_t wait_ns);
int pyd_channel_rx(struct pyd_channel *channel, struct pyd_burst *burst, uint32_t n,
    uint64_t wait_ns);

/* SPDX-License-Identifier: BSD-3-Clause */
/* The C side of scripts/bench/bench_pipeline: one of the two processes of the pipeline.
 *
 *   bench_pipeline [EAL arguments] -- feed|drain MBUFS CACHE RING PART
 *
 * `feed` is the primary and makes all; `drain` is a secondary. For each line "BURST PARTS" it moves
 * so many parts of PART packets, and answers "MEDIAN MEAN CPU": [ns] that a part took, and how much
 * of the time the process had its CPU. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_ether.h>
#include <rte_mbuf.h>
#include <rte_ring.h>

#define MOST 512
#define AHEAD 4U /* packets whose headers are fetched before they are written */

static uint16_t
port_id(const char *name)
{
    uint16_t id;

    if (rte_eth_dev_get_port_by_name(name, &id) != 0)
        rte_exit(2, "no port %s\n", name);
    return id;
}

static void
start(const char *name, struct rte_mempool *pool)
{
    const struct rte_eth_conf conf = {0};
    const uint16_t id = port_id(name);

    if (rte_eth_dev_configure(id, 1, 1, &conf) != 0 ||
        rte_eth_rx_queue_setup(id, 0, 512, SOCKET_ID_ANY, NULL, pool) != 0 ||
        rte_eth_tx_queue_setup(id, 0, 512, SOCKET_ID_ANY, NULL) != 0 || rte_eth_dev_start(id) != 0)
        rte_exit(2, "%s does not start\n", name);
}

static void
make(uint32_t mbufs, uint32_t cache, uint32_t size)
{
    struct rte_mempool *pool = rte_pktmbuf_pool_create("bench", mbufs, cache, 0,
                                                       RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);

    if (pool == NULL || rte_ring_create("pipe", size, SOCKET_ID_ANY,
                                        RING_F_SP_ENQ | RING_F_SC_DEQ) == NULL)
        rte_exit(2, "no pool or ring: %s\n", rte_strerror(rte_errno));
    start("net_null0", pool);
    start("net_null1", pool);
}

static int
feed(struct rte_ring *ring, uint16_t port, uint32_t burst, int left)
{
    struct rte_mbuf *mbufs[MOST];
    uint32_t n, sent;

    while (left > 0) {
        n = rte_eth_rx_burst(port, 0, mbufs, burst);
        left -= n;
        for (sent = 0; sent < n;)
            sent += rte_ring_enqueue_burst(ring, (void **)&mbufs[sent], n - sent, NULL);
    }
    return left;
}

static inline void
swap_macs(struct rte_mbuf *m)
{
    struct rte_ether_addr *addr = rte_pktmbuf_mtod(m, struct rte_ether_addr *), first = addr[0];

    addr[0] = addr[1];
    addr[1] = first;
}

static int
drain(struct rte_ring *ring, uint16_t port, uint32_t burst, int left)
{
    struct rte_mbuf *mbufs[MOST];
    uint32_t n, i, sent;

    while (left > 0) {
        n = rte_ring_dequeue_burst(ring, (void **)mbufs, burst, NULL);
        if (n == 0)
            continue;
        for (i = 0; i < RTE_MIN(n, AHEAD); i++)
            rte_prefetch0(rte_pktmbuf_mtod(mbufs[i], void *));
        for (i = 0; i < n; i++) {
            if (i + AHEAD < n)
                rte_prefetch0(rte_pktmbuf_mtod(mbufs[i + AHEAD], void *));
            swap_macs(mbufs[i]);
        }
        sent = rte_eth_tx_burst(port, 0, mbufs, n);
        rte_pktmbuf_free_bulk(mbufs + sent, n - sent);
        left -= n;
    }
    return left;
}

static int
by_value(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

static double
seconds(clockid_t clock)
{
    struct timespec t;

    clock_gettime(clock, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

/* [ns] of the median and the mean, without the first two marks: the ring was full, or the other
 * process was not there yet. */
static void
answer(uint64_t *marks, long parts, double cpu)
{
    const double ns = 1e9 / rte_get_tsc_hz(), mean = (marks[parts + 1] - marks[1]) * ns / parts;
    long i;

    for (i = 0; i < parts; i++)
        marks[i] = marks[i + 2] - marks[i + 1];
    qsort(marks, parts, sizeof(*marks), by_value);
    printf("%.0f %.0f %.3f\n", marks[parts / 2] * ns, mean, cpu);
    fflush(stdout);
}

static void
serve(int feeds, int part)
{
    struct rte_ring *ring = rte_ring_lookup("pipe");
    const uint16_t port = port_id(feeds ? "net_null0" : "net_null1");
    long burst, parts, i;
    double wall, cpu;
    uint64_t *marks;
    int left;

    printf("ready\n");
    fflush(stdout);
    while (scanf("%ld %ld", &burst, &parts) == 2 && burst > 0 && burst <= MOST && parts > 0) {
        marks = calloc(parts + 2, sizeof(*marks));
        if (marks == NULL)
            rte_exit(2, "no memory for %ld marks\n", parts);
        wall = seconds(CLOCK_MONOTONIC);
        cpu = seconds(CLOCK_PROCESS_CPUTIME_ID);
        for (left = 0, i = 0; i < parts + 2; i++) {
            marks[i] = rte_rdtsc();
            left = (feeds ? feed : drain)(ring, port, burst, left + part);
        }
        cpu = seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu;
        wall = seconds(CLOCK_MONOTONIC) - wall;
        answer(marks, parts, cpu / wall);
        free(marks);
    }
}

int
main(int argc, char **argv)
{
    const int used = rte_eal_init(argc, argv);
    int feeds;

    if (used < 0 || argc - used != 6)
        rte_exit(1, "no EAL, or other arguments than feed|drain MBUFS CACHE RING PART\n");
    argv += used;
    feeds = strcmp(argv[1], "feed") == 0;
    if (feeds)
        make(atoi(argv[2]), atoi(argv[3]), atoi(argv[4]));
    serve(feeds, atoi(argv[5]));
    rte_eal_cleanup();
    return 0;
}

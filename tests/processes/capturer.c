/* SPDX-License-Identifier: BSD-3-Clause */
/* A foreign DPDK program that captures from port 0 again and again. Once a capture has ended, its
 * pool and its ring belong to this program again: no other process may still write to them.
 *
 *   capturer [EAL arguments] -- TIMES */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <rte_pdump.h>
#include <rte_ring.h>
#include <rte_version.h>

#define N 8191
#define CALL_MAX 256 /* [packets] of one call of the thread that polls */

static unsigned int
taken(const struct rte_mempool *pool)
{
    return rte_mempool_in_use_count(pool);
}

static uint64_t
received(void)
{
    struct rte_eth_stats stats;

    if (rte_eth_stats_get(0, &stats) != 0)
        rte_exit(4, "rte_eth_stats_get: %s\n", rte_strerror(rte_errno));
    return stats.ipackets;
}

/* Wait until the thread that polls has returned from the call in which it may be now. */
static void
wait_for_next_call(void)
{
    const uint64_t now = received();

    while (received() < now + 2 * CALL_MAX)
        usleep(100);
}

/* Return how many mbufs were taken after the end of the capture. */
static unsigned int
capture(struct rte_mempool *pool, struct rte_ring *ring)
{
    struct rte_mbuf *m;
    unsigned int at_end;

    if (rte_pdump_enable(0, RTE_PDUMP_ALL_QUEUES, RTE_PDUMP_FLAG_RXTX, ring, pool, NULL) != 0)
        rte_exit(2, "rte_pdump_enable: %s\n", rte_strerror(rte_errno));
    while (rte_ring_count(ring) < 32)
        usleep(100);
    if (rte_pdump_disable(0, RTE_PDUMP_ALL_QUEUES, RTE_PDUMP_FLAG_RXTX) != 0)
        rte_exit(3, "rte_pdump_disable: %s\n", rte_strerror(rte_errno));
    at_end = taken(pool);
    wait_for_next_call();
    at_end = taken(pool) - at_end;
    while (rte_ring_dequeue(ring, (void **)&m) == 0)
        rte_pktmbuf_free(m);
    return at_end;
}

int
main(int argc, char **argv)
{
    int used = rte_eal_init(argc, argv);
    int times = used < 0 || used + 1 >= argc ? 0 : atoi(argv[used + 1]), late = 0, i;
    struct rte_mempool *pool;
    struct rte_ring *ring;

    if (times == 0)
        rte_exit(1, "no EAL, or no number of times\n");
#if RTE_VERSION >= RTE_VERSION_NUM(25, 11, 0, 0) /* secondaries get requests from then on */
    if (rte_pdump_init() != 0)
        rte_exit(2, "rte_pdump_init: %s\n", rte_strerror(rte_errno));
#endif
    pool = rte_pktmbuf_pool_create("capture", N, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, 0);
    ring = rte_ring_create("capture", 1024, SOCKET_ID_ANY, 0);
    if (pool == NULL || ring == NULL)
        rte_exit(2, "no pool or ring: %s\n", rte_strerror(rte_errno));
    for (i = 0; i < times; i++)
        late += capture(pool, ring) != 0;
    printf("%d times, %d late, %u in use\n", times, late, taken(pool));
    rte_ring_free(ring);
    rte_mempool_free(pool);
    return rte_eal_cleanup() != 0;
}

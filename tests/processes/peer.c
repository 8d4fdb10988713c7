/* SPDX-License-Identifier: BSD-3-Clause */
/* A foreign DPDK program: it takes mbufs from the ring "to_c", checks their bytes, inverts every
 * byte, and passes the same mbufs on through the ring "to_py". As a primary it makes the pool and
 * the rings, as a secondary it looks them up.
 *
 *   peer [EAL arguments] -- NUMBER_OF_PACKETS */
#include <stdio.h>
#include <stdlib.h>

#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_mbuf.h>
#include <rte_ring.h>

#define BURST 32
#define SECONDS 30

static struct rte_ring *
ring(const char *name, int create)
{
    struct rte_ring *found =
        create ? rte_ring_create(name, 1024, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ)
               : rte_ring_lookup(name);

    if (found == NULL)
        rte_exit(2, "no ring %s: %s\n", name, rte_strerror(rte_errno));
    return found;
}

/* Packet k holds 60 + k % 1400 bytes, byte j is k + j. */
static void
turn_over(struct rte_mbuf *m, uint32_t k)
{
    uint8_t *data = rte_pktmbuf_mtod(m, uint8_t *);
    uint32_t j;

    if (m->data_len != 60 + k % 1400 || m->pkt_len != m->data_len)
        rte_exit(3, "packet %u has %u bytes\n", k, m->data_len);
    for (j = 0; j < m->data_len; j++) {
        if (data[j] != (uint8_t)(k + j))
            rte_exit(4, "packet %u, byte %u: %u\n", k, j, data[j]);
        data[j] = ~data[j];
    }
}

int
main(int argc, char **argv)
{
    int used = rte_eal_init(argc, argv), primary = rte_eal_process_type() == RTE_PROC_PRIMARY;
    uint32_t total = used < 0 || used + 1 >= argc ? 0 : atoi(argv[used + 1]), done = 0, n, i, sent;
    uint64_t end = rte_get_timer_cycles() + SECONDS * rte_get_timer_hz();
    struct rte_ring *in, *out;
    struct rte_mbuf *mbufs[BURST];
    struct rte_mempool *pool;

    if (total == 0)
        rte_exit(1, "no EAL, or no number of packets\n");
    pool = primary ? rte_pktmbuf_pool_create("packets", 1023, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, 0)
                   : rte_mempool_lookup("packets");
    if (pool == NULL)
        rte_exit(2, "no pool: %s\n", rte_strerror(rte_errno));
    in = ring("to_c", primary);
    out = ring("to_py", primary);
    printf("ready\n");
    fflush(stdout);
    while (done < total && rte_get_timer_cycles() < end) {
        n = rte_ring_dequeue_burst(in, (void **)mbufs, BURST, NULL);
        for (i = 0; i < n; i++)
            turn_over(mbufs[i], done + i);
        for (sent = 0; sent < n;)
            sent += rte_ring_enqueue_burst(out, (void **)&mbufs[sent], n - sent, NULL);
        done += n;
    }
    printf("%u packets, %u in the pool\n", done, rte_mempool_avail_count(pool));
    fflush(stdout);
    if (primary) {
        getchar(); /* the other side still works: stay until it sends a line */
        rte_ring_free(in);
        rte_ring_free(out);
        rte_mempool_free(pool);
    }
    rte_eal_cleanup();
    return done == total ? 0 : 5;
}

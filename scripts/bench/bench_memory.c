/* SPDX-License-Identifier: BSD-3-Clause */
/* The reference of scripts/bench/bench_memory: the same calls in a C loop, [ns] for all of them.
 * Our functions are passed by address, DPDK's are inlined as in any program. The clock is the CPU
 * time of the thread, so other load on the machine does not count. */
#include <time.h>

#include <rte_mbuf.h>
#include <rte_mempool.h>
#include <rte_ring.h>

#define MANY 4096

typedef int (*move)(void *object, void *data, uint32_t n);
typedef int (*alloc)(void *burst, void *pool, uint32_t n, uint32_t length);
typedef int (*release)(void *burst);

#define TIMED(calls, what)                                                                         \
    do {                                                                                           \
        const uint64_t start = now();                                                              \
        uint32_t i;                                                                                \
                                                                                                   \
        for (i = 0; i < (calls); i++) {                                                            \
            what;                                                                                  \
        }                                                                                          \
        return now() - start;                                                                      \
    } while (0)

static uint64_t
now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return t.tv_sec * 1000000000ULL + t.tv_nsec;
}

uint64_t
tsc_hz(void)
{
    return rte_get_tsc_hz();
}

int
nothing(void *object, void *data, uint32_t n)
{
    (void)object;
    (void)data;
    return n;
}

uint64_t
ours(move there, move back, void *object, void *data, uint32_t n, uint32_t calls)
{
    TIMED(calls, there(object, data, n); back(object, data, n));
}

uint64_t
our_mbufs(alloc there, release back, void *burst, void *pool, uint32_t n, uint32_t calls)
{
    TIMED(calls, there(burst, pool, n, 0); back(burst));
}

uint64_t
ring(struct rte_ring *r, void *data, uint32_t n, uint32_t calls)
{
    TIMED(calls, rte_ring_enqueue_bulk(r, data, n, NULL); rte_ring_dequeue_bulk(r, data, n, NULL));
}

uint64_t
mempool(struct rte_mempool *mp, void *unused, uint32_t n, uint32_t calls)
{
    void *objects[MANY];

    (void)unused;
    TIMED(calls, if (rte_mempool_get_bulk(mp, objects, n) == 0)
                     rte_mempool_put_bulk(mp, objects, n));
}

uint64_t
mbufs(struct rte_mempool *mp, void *unused, uint32_t n, uint32_t calls)
{
    struct rte_mbuf *packets[MANY];

    (void)unused;
    TIMED(calls, if (rte_pktmbuf_alloc_bulk(mp, packets, n) == 0)
                     rte_pktmbuf_free_bulk(packets, n));
}

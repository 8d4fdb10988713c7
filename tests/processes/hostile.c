/* SPDX-License-Identifier: BSD-3-Clause */
/* A foreign secondary that spoils packets. It takes mbufs from the ring "to_c", does to each what
 * its first byte says, and passes it on through the named ring.
 *
 *   hostile [EAL arguments] -- RING NUMBER_OF_PACKETS */
#include <stdio.h>
#include <stdlib.h>

#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_mbuf.h>
#include <rte_ring.h>

#define SECONDS 30

static void
spoil(struct rte_mbuf *m, uint8_t how)
{
    struct rte_mbuf *last = rte_pktmbuf_lastseg(m);

    switch (how) {
    case 1: m->pkt_len++; break;
    case 2: m->pkt_len = 262144; break;
    case 3: m->data_len--; break;
    case 4: m->data_len = m->pkt_len = m->buf_len; break; /* behind the end of its buffer */
    case 5: m->data_off = UINT16_MAX; break;
    case 6: m->nb_segs = 0; break;
    case 7: m->nb_segs++; break;
    case 8: m->nb_segs = UINT16_MAX; break;
    case 9: m->nb_segs = 1; break; /* of a chain */
    case 10: last->next = m; break;
    case 11: last->next = m; m->nb_segs = 1000; break;
    case 12: last->next = m; m->nb_segs *= 2; m->pkt_len *= 2; break; /* twice the same bytes */
    case 13: last->next = RTE_PTR_ADD(m, 1); break;
    case 14: last->next = (struct rte_mbuf *)8; break;
    case 15: last->next = (struct rte_mbuf *)UINTPTR_MAX; break;
    case 16: last->next = (struct rte_mbuf *)(UINTPTR_MAX >> 17 & ~63ULL); m->nb_segs++; break;
    case 17: last->next = RTE_PTR_ADD(m, 64); m->nb_segs++; break; /* within an mbuf */
    case 18: last->next = (struct rte_mbuf *)m->pool; m->nb_segs++; break; /* no mbuf, but mapped */
    case 19: last->next = (struct rte_mbuf *)spoil; m->nb_segs++; break; /* of this process */
    case 20: last->data_len = UINT16_MAX; break;
    case 21: last->data_len++; m->data_len--; m->data_off = m->buf_len; break;
    }
}

int
main(int argc, char **argv)
{
    int used = rte_eal_init(argc, argv);
    uint64_t end = rte_get_timer_cycles() + SECONDS * rte_get_timer_hz();
    uint32_t total = used < 0 || used + 2 >= argc ? 0 : atoi(argv[used + 2]), done = 0;
    struct rte_ring *in, *out;
    struct rte_mbuf *m;

    in = total == 0 ? NULL : rte_ring_lookup("to_c");
    out = total == 0 ? NULL : rte_ring_lookup(argv[used + 1]);
    if (in == NULL || out == NULL)
        rte_exit(1, "no EAL, or no ring\n");
    while (done < total && rte_get_timer_cycles() < end) {
        if (rte_ring_dequeue(in, (void **)&m) != 0)
            continue;
        spoil(m, *rte_pktmbuf_mtod(m, uint8_t *));
        while (rte_ring_enqueue(out, m) != 0)
            ;
        done++;
    }
    printf("%u\n", done);
    rte_eal_cleanup();
    return done == total ? 0 : 2;
}

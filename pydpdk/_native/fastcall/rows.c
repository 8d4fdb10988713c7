/* SPDX-License-Identifier: BSD-3-Clause */
/* Verbs in the call shape of the fast path, for python/rows.h; they add nothing of their own. */
#include <rte_ether.h>

#include "pyd.h"

#define ROWS(name, object)                                                                       \
    int pyd_rows_##name(object, void *const *data __rte_unused,                                  \
                        const uint32_t *numbers __rte_unused, uint32_t n)
#define BURST struct pyd_burst *burst

/* For a verb that returns how many it served, which must be all. */
static inline int
all_of(int result, uint32_t n)
{
    return result < 0 ? result : result == (int)n ? 0 : -EMSGSIZE;
}

ROWS(lengths, BURST)
{
    return all_of(pyd_burst_lengths(burst, data[0], n), n);
}

ROWS(take, BURST)
{
    return pyd_burst_take(burst, data[0], n, data[1]);
}

ROWS(split, BURST)
{
    return all_of(pyd_burst_split(burst, data[0], n, data[1], numbers[0]), n);
}

ROWS(columns, BURST)
{
    return pyd_columns_gather(burst, data[0], data + 1, n);
}

ROWS(write, BURST)
{
    return pyd_column_write(burst, data[0], data[1], n);
}

/* The packets without all of the bytes are not reported here. */
ROWS(peek, BURST)
{
    return all_of(pyd_burst_peek(burst, numbers[2], numbers[0], numbers[1], data[0], NULL, n), n);
}

ROWS(poke, BURST)
{
    return pyd_burst_poke(burst, numbers[2], numbers[0], numbers[1], data[0], n);
}

ROWS(rewrite, BURST)
{
    return pyd_burst_rewrite(burst, data[0], data[1], n);
}

ROWS(ttl, BURST)
{
    return pyd_burst_decrement_ttl(burst, data[0], n);
}

ROWS(verify, BURST)
{
    uint8_t *ip = data[0], *l4 = data[1];
    int ret = pyd_burst_verify_sums(burst, l4, n);
    uint32_t i;

    for (i = 0; i < n && ret == 0; i++) {
        ip[i] = (l4[i] & PYD_SUM_IP_BAD) != 0;
        l4[i] = (l4[i] & PYD_SUM_L4_BAD) != 0;
    }
    return ret;
}

ROWS(compute, BURST)
{
    return pyd_burst_compute_sums(burst, 0, data[0], n);
}

ROWS(vlan_push, BURST)
{
    return pyd_burst_vlan_push(burst, data[0], RTE_ETHER_TYPE_VLAN, n);
}

ROWS(vlan_pop, BURST)
{
    return pyd_burst_vlan_pop(burst, data[0], n);
}

ROWS(prepend, BURST)
{
    return pyd_burst_prepend(burst, data[0], numbers[0], n);
}

ROWS(adj, BURST)
{
    return pyd_burst_adj(burst, data[0], n);
}

ROWS(color, struct pyd_meter *meter)
{
    return all_of(pyd_meter_color(meter, data[0], data[1], data[2], n), n);
}

ROWS(next_hops, struct pyd_fib *fib)
{
    return pyd_fib_lookup(fib, data[0], data[1], n);
}

ROWS(lookup, struct pyd_hash *hash)
{
    return pyd_hash_lookup(hash, data[0], data[1], n);
}

ROWS(match, struct pyd_bpf *bpf)
{
    return all_of(pyd_burst_match(data[0], bpf, data[1], n), n);
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* The functions of librte_fib and librte_rib for one family of addresses, which differ in their
 * names and in the type of an address. fib.c includes this once for each family, after defining
 *
 *     FIB(name), RIB(name)  the names that DPDK gives
 *     LOOKUP                rte_fib_lookup_bulk
 *     OURS(name)            ours
 *     ADDRESS(ip)           16 bytes in network order as DPDK's type
 *     BITS                  of an address
 *     COVER                 the flag of rte_rib_get_nxt for any route inside a prefix
 *     TYPE, SIZES           the kind of table, and its part of the configuration */

static struct {
    __typeof__(FIB(create)) *create;
    __typeof__(FIB(free)) *free;
    __typeof__(FIB(add)) *add;
    __typeof__(LOOKUP) *lookup_bulk;
    __typeof__(FIB(get_rib)) *get_rib;
    __typeof__(RIB(lookup_exact)) *exact;
    __typeof__(RIB(insert)) *insert;
    __typeof__(RIB(remove)) *remove;
    __typeof__(RIB(get_nxt)) *get_nxt;
    __typeof__(RIB(lookup_parent)) *parent;
    __typeof__(RIB(get_nh)) *get_nh;
    __typeof__(RIB(set_nh)) *set_nh;
} OURS(library);

static const struct pyd_late_symbol OURS(symbols)[] = {
    {TEXT(FIB(create)), (void **)&OURS(library).create},
    {TEXT(FIB(free)), (void **)&OURS(library).free},
    {TEXT(FIB(add)), (void **)&OURS(library).add},
    {TEXT(LOOKUP), (void **)&OURS(library).lookup_bulk},
    {TEXT(FIB(get_rib)), (void **)&OURS(library).get_rib},
    {TEXT(RIB(lookup_exact)), (void **)&OURS(library).exact},
    {TEXT(RIB(insert)), (void **)&OURS(library).insert},
    {TEXT(RIB(remove)), (void **)&OURS(library).remove},
    {TEXT(RIB(get_nxt)), (void **)&OURS(library).get_nxt},
    {TEXT(RIB(lookup_parent)), (void **)&OURS(library).parent},
    {TEXT(RIB(get_nh)), (void **)&OURS(library).get_nh},
    {TEXT(RIB(set_nh)), (void **)&OURS(library).set_nh},
    {NULL, NULL},
};

static void *
OURS(create)(const char *name, int socket_id, const struct sizes *sizes)
{
    struct FIB(conf) conf;

    memset(&conf, 0, sizeof(conf));
    conf.type = TYPE;
    conf.default_nh = sizes->default_nh;
    conf.max_routes = sizes->max_routes;
    conf.SIZES.nh_sz = sizes->nh_sz;
    conf.SIZES.num_tbl8 = sizes->num_tbl8;
    return OURS(library).create(name, socket_id, &conf);
}

static void
OURS(free)(void *fib)
{
    OURS(library).free(fib);
}

static void *
OURS(rib_of)(void *fib)
{
    return OURS(library).get_rib(fib);
}

static void
OURS(lookup)(void *fib, void *ips, uint64_t *next_hops, uint32_t n)
{
    OURS(library).lookup_bulk(fib, ips, next_hops, n);
}

static void *
OURS(exact)(void *rib, const uint8_t *ip, uint8_t depth)
{
    return OURS(library).exact(rib, ADDRESS(ip), depth);
}

static void *
OURS(insert)(void *rib, const uint8_t *ip, uint8_t depth)
{
    return OURS(library).insert(rib, ADDRESS(ip), depth);
}

static void
OURS(remove)(void *rib, const uint8_t *ip, uint8_t depth)
{
    OURS(library).remove(rib, ADDRESS(ip), depth);
}

static void *
OURS(longer)(void *rib, const uint8_t *ip, uint8_t depth)
{
    return OURS(library).get_nxt(rib, ADDRESS(ip), depth, NULL, COVER);
}

static void *
OURS(parent)(void *node)
{
    return OURS(library).parent(node);
}

static uint64_t
OURS(hop)(void *node)
{
    uint64_t found = 0;

    OURS(library).get_nh(node, &found);
    return found;
}

static void
OURS(set_hop)(void *node, uint64_t hop)
{
    OURS(library).set_nh(node, hop);
}

static void
OURS(write)(void *fib, const uint8_t *ip, uint8_t depth, uint64_t hop)
{
    OURS(library).add(fib, ADDRESS(ip), depth, hop);
}

static const struct pyd_family OURS(family) = {
    .symbols = OURS(symbols),
    .last = (void **)&OURS(library).set_nh,
    .create = OURS(create),
    .free = OURS(free),
    .rib_of = OURS(rib_of),
    .lookup = OURS(lookup),
    .address_bytes = BITS / 8,
    .rib = {
        .bits = BITS,
        .exact = OURS(exact),
        .insert = OURS(insert),
        .remove = OURS(remove),
        .longer = OURS(longer),
        .parent = OURS(parent),
        .hop = OURS(hop),
        .set_hop = OURS(set_hop),
        .write = OURS(write),
    },
};

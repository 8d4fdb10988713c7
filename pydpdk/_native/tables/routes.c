/* SPDX-License-Identifier: BSD-3-Clause */
/* See routes.h. */
#include "tables/routes.h"

#define PART_DEPTH 8    /* a 256th of the space; at most 8, as a part begins with one byte */
#define BYTES_AT_ONCE 3 /* the first table is indexed by 24 bits, each step behind it by eight */

void
pyd_routes_open(struct pyd_routes *routes, uint64_t default_hop, uint32_t max_routes,
                uint32_t max_steps)
{
    *routes = (struct pyd_routes){
        .default_hop = default_hop, .max_routes = max_routes, .max_steps = max_steps};
}

/* The prefix of that depth with the last address: all ones. */
static void
last_prefix(uint8_t *ip, uint8_t depth)
{
    memset(ip, 0, PYD_ADDRESS_BYTES);
    memset(ip, 0xff, depth / 8);
    if (depth % 8 != 0)
        ip[depth / 8] = (uint8_t)(0xff << (8 - depth % 8));
}

static int
ends_last(const uint8_t *ip, uint8_t depth)
{
    uint8_t last[PYD_ADDRESS_BYTES];

    last_prefix(last, depth);
    return memcmp(ip, last, (depth + 7) / 8) == 0;
}

/* The depth of the next longer route to the last address, 0 without one. */
static uint8_t
longer_to_last(const struct pyd_table *table, uint8_t depth)
{
    uint8_t last[PYD_ADDRESS_BYTES];

    while (depth++ < table->calls->bits) {
        last_prefix(last, depth);
        if (table->calls->exact(table->rib, last, depth) != NULL)
            return depth;
    }
    return 0;
}

/* DPDK returns 0 whether it wrote or not, but sets the node's hop only if it did. Meanwhile lookups
 * wait, as it frees groups of 256 that they may be in. */
static int
write_hop(const struct pyd_table *table, const uint8_t *ip, uint8_t depth, uint64_t hop)
{
    uint32_t *writes = &table->routes->writes;
    const uint32_t before = *writes;

    __atomic_store_n(writes, before + 1, __ATOMIC_RELAXED);
    __atomic_thread_fence(__ATOMIC_RELEASE);
    table->calls->write(table->fib, ip, depth, hop);
    __atomic_store_n(writes, before + 2, __ATOMIC_RELEASE);
    return table->calls->hop(table->calls->exact(table->rib, ip, depth)) == hop ? 0 : -ENOSPC;
}

static int write_range(const struct pyd_table *table, const uint8_t *ip, uint8_t depth, void *node,
                       uint64_t hop);

/* A part of a route, unless another route covers it: written as a route that is removed right
 * after. The RIB has room for it. */
static int
write_part(const struct pyd_table *table, const uint8_t *ip, uint8_t depth, void *whole, uint64_t hop)
{
    void *node = table->calls->exact(table->rib, ip, depth);
    int ret = 0;

    if (node != NULL)
        return 0;
    node = table->calls->insert(table->rib, ip, depth);
    if (node == NULL)
        return -ENOMEM;
    if (table->calls->parent(node) == whole) {
        table->calls->set_hop(node, table->calls->hop(whole));
        ret = write_range(table, ip, depth, node, hop);
    }
    table->calls->remove(table->rib, ip, depth);
    return ret;
}

/* The parts between a prefix and a longer one, where both include the last address. */
static int
write_parts(const struct pyd_table *table, uint8_t depth, uint8_t end, void *node, uint64_t hop)
{
    uint8_t part[PYD_ADDRESS_BYTES];
    int ret = 0;

    while (depth++ < end && ret == 0) {
        last_prefix(part, depth);
        part[(depth - 1) / 8] ^= 0x80 >> ((depth - 1) % 8);
        ret = write_part(table, part, depth, node, hop);
    }
    return ret;
}

/* Where a longer route also includes the last address, its end is 0, which DPDK may take for the
 * beginning of the whole space; parts that end elsewhere do not have this problem. */
static int
write_range(const struct pyd_table *table, const uint8_t *ip, uint8_t depth, void *node, uint64_t hop)
{
    const uint8_t end = ends_last(ip, depth) ? longer_to_last(table, depth) : 0;

    if (end == 0)
        return write_hop(table, ip, depth, hop);
    return write_parts(table, depth, end, node, hop);
}

/* A large route in parts, so that no lookup waits for all of it. For the first default route, DPDK
 * 22.11 to 22.11.3 writes nothing, but it does write the parts. */
static int
write_large(const struct pyd_table *table, const uint8_t *ip, uint8_t depth, void *node, uint64_t hop)
{
    uint8_t part[PYD_ADDRESS_BYTES] = {ip[0]};
    uint32_t left = 1u << (PART_DEPTH - depth);
    int ret = 0;

    for (; left > 0 && ret == 0; left--, part[0]++)
        ret = write_part(table, part, PART_DEPTH, node, hop);
    return ret;
}

/* Give the addresses of a route, except those of longer ones, another hop. Each address changes
 * once, from the old hop to the new one. It cannot fail: what it needs was counted before. */
static int
spread(const struct pyd_table *table, const uint8_t *ip, uint8_t depth, uint64_t hop)
{
    void *node = table->calls->exact(table->rib, ip, depth);
    int ret;

    if (table->calls->hop(node) == hop)
        return 0;
    ret = (depth < PART_DEPTH ? write_large : write_range)(table, ip, depth, node, hop);
    if (ret == 0)
        table->calls->set_hop(node, hop);
    return ret;
}

/* How many groups of 256 (tbl8) only this route needs: one for each byte behind the first table. */
static uint32_t
own_steps(const struct pyd_table *table, const uint8_t *ip, uint8_t depth)
{
    uint32_t n = 0;
    uint8_t byte;

    for (byte = BYTES_AT_ONCE; byte * 8 < depth; byte++)
        n += table->calls->longer(table->rib, ip, byte * 8) == NULL;
    return n;
}

/* The hop that the addresses of a route have without it. */
static uint64_t
hop_without(const struct pyd_table *table, void *node)
{
    void *parent = table->calls->parent(node);

    return parent != NULL ? table->calls->hop(parent) : table->routes->default_hop;
}

static int
add_new(const struct pyd_table *table, const uint8_t *ip, uint8_t depth, uint64_t hop)
{
    const uint32_t steps = own_steps(table, ip, depth);
    struct pyd_routes *routes = table->routes;
    void *node;
    int ret;

    if (routes->n == routes->max_routes || steps > routes->max_steps - routes->steps)
        return -ENOSPC;
    node = table->calls->insert(table->rib, ip, depth);
    if (node == NULL)
        return -ENOMEM;
    table->calls->set_hop(node, hop_without(table, node));
    ret = spread(table, ip, depth, hop);
    if (ret != 0) {
        table->calls->remove(table->rib, ip, depth);
        return ret;
    }
    routes->n++;
    routes->steps += steps;
    return 0;
}

int
pyd_routes_add(const struct pyd_table *table, const uint8_t *ip, uint8_t depth, uint64_t hop)
{
    if (table->calls->exact(table->rib, ip, depth) == NULL)
        return add_new(table, ip, depth, hop);
    return spread(table, ip, depth, hop);
}

int
pyd_routes_delete(const struct pyd_table *table, const uint8_t *ip, uint8_t depth)
{
    void *node = table->calls->exact(table->rib, ip, depth);
    int ret;

    if (node == NULL)
        return -ENOENT;
    ret = spread(table, ip, depth, hop_without(table, node));
    if (ret != 0)
        return ret;
    table->calls->remove(table->rib, ip, depth);
    table->routes->n--;
    table->routes->steps -= own_steps(table, ip, depth);
    return 0;
}

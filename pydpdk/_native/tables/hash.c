/* SPDX-License-Identifier: BSD-3-Clause */
/* Tables of keys, looked up for a whole column. One thread at a time changes a table: the caller
 * holds a lock. Concurrent lookups wait for DPDK's own lock
 * (RTE_HASH_EXTRA_FLAGS_RW_CONCURRENCY). */
#include <rte_hash.h>

#include "core/gate.h"
#include "tables/late.h"

static const char *const tailqs[] = {"RTE_HASH", "RTE_FBK_HASH", "RTE_THASH", NULL};

static struct {
    __typeof__(rte_hash_create) *create;
    __typeof__(rte_hash_free) *free;
    __typeof__(rte_hash_reset) *reset;
    __typeof__(rte_hash_count) *count;
    __typeof__(rte_hash_add_key) *add_key;
    __typeof__(rte_hash_del_key) *del_key;
    __typeof__(rte_hash_lookup) *lookup;
    __typeof__(rte_hash_lookup_bulk) *lookup_bulk;
    __typeof__(rte_hash_iterate) *iterate;
} hash_library;

/* The caller holds a lock. -ENOTSUP: in a secondary whose primary lacks the tailqs of the
 * library. */
int
pyd_hash_load(void)
{
    const struct pyd_late_symbol symbols[] = {
        {"rte_hash_create", (void **)&hash_library.create},
        {"rte_hash_free", (void **)&hash_library.free},
        {"rte_hash_reset", (void **)&hash_library.reset},
        {"rte_hash_count", (void **)&hash_library.count},
        {"rte_hash_add_key", (void **)&hash_library.add_key},
        {"rte_hash_del_key", (void **)&hash_library.del_key},
        {"rte_hash_lookup", (void **)&hash_library.lookup},
        {"rte_hash_lookup_bulk", (void **)&hash_library.lookup_bulk},
        {"rte_hash_iterate", (void **)&hash_library.iterate},
        {NULL, NULL},
    };

    return hash_library.iterate != NULL ? 0 : pyd_late_load("librte_hash", tailqs, symbols);
}

/* With extendable buckets, so that all entries fit whatever they hash to. */
int
pyd_hash_open(struct pyd_hash *hash, const char *name, int socket_id, uint32_t entries,
              uint32_t key_len)
{
    const struct rte_hash_parameters params = {
        .name = name,
        .entries = entries,
        .key_len = key_len,
        .socket_id = socket_id,
        .extra_flag = RTE_HASH_EXTRA_FLAGS_RW_CONCURRENCY | RTE_HASH_EXTRA_FLAGS_EXT_TABLE,
    };

    rte_errno = 0;
    hash->hash = hash_library.create(&params);
    if (hash->hash == NULL) {
        if (rte_errno == 0)
            rte_errno = ENOMEM; /* rte_malloc does not set it */
        return -1;
    }
    hash->key_len = key_len;
    hash->entries = entries;
    __atomic_store_n(&hash->gate.open, 1, __ATOMIC_SEQ_CST);
    return 0;
}

int
pyd_hash_close(struct pyd_hash *hash)
{
    int ret;

    if (hash->hash == NULL)
        return 0;
    ret = pyd_shut(&hash->gate);
    if (ret != 0)
        return ret;
    pyd_end(&hash->gate);
    hash_library.free(hash->hash);
    hash->hash = NULL;
    return 0;
}

/* Not RTE_HASH_LOOKUP_BULK_MAX, which is 64: of 64 keys, all in extended buckets, DPDK finds none,
 * as it compares with 1 << 64 (docs/upstream). */
#define KEYS_AT_ONCE 63

static int
lookup(struct pyd_hash *hash, const char *keys, int32_t *positions, uint32_t n)
{
    const void *pointers[KEYS_AT_ONCE];
    uint32_t done, i, count;
    int ret;

    for (done = 0; done < n; done += count) {
        count = RTE_MIN(n - done, (uint32_t)KEYS_AT_ONCE);
        for (i = 0; i < count; i++, keys += hash->key_len)
            pointers[i] = keys;
        ret = hash_library.lookup_bulk(hash->hash, pointers, count, positions + done);
        if (ret != 0)
            return ret;
        for (i = done; i < done + count; i++)
            positions[i] = RTE_MAX(positions[i], -1);
    }
    return 0;
}

/* The position of each key, or -1. */
int
pyd_hash_lookup(struct pyd_hash *hash, const char *keys, int32_t *positions, uint32_t n)
{
    const int ret = pyd_enter(&hash->gate);

    return unlikely(ret != 0) ? ret : pyd_leave_with(&hash->gate, lookup(hash, keys, positions, n));
}

/* Look a key up before it is added: for an existing key of all zeros, DPDK may add a second one, as
 * an empty entry looks the same to it (docs/upstream). */
static int
add(struct pyd_hash *hash, const char *keys, int32_t *positions, uint8_t *is_new, uint32_t n)
{
    const uint32_t len = hash->key_len;
    uint32_t i;

    for (i = 0; i < n; i++) {
        const char *key = keys + (uint64_t)i * len;

        positions[i] = hash_library.lookup(hash->hash, key);
        is_new[i] = positions[i] < 0;
        if (is_new[i])
            positions[i] = hash_library.add_key(hash->hash, key);
        if (positions[i] < 0)
            break;
    }
    if (i == n)
        return 0;
    for (n = i; i > 0; i--)
        if (is_new[i - 1])
            hash_library.del_key(hash->hash, keys + (uint64_t)(i - 1) * len);
    return positions[n];
}

/* All keys or none. */
int
pyd_hash_add(struct pyd_hash *hash, const char *keys, int32_t *positions, uint8_t *is_new, uint32_t n)
{
    const int ret = pyd_enter(&hash->gate);

    return unlikely(ret != 0) ? ret
                              : pyd_leave_with(&hash->gate, add(hash, keys, positions, is_new, n));
}

/* The position that each key had, or -1. */
int
pyd_hash_delete(struct pyd_hash *hash, const char *keys, int32_t *positions, uint32_t n)
{
    int ret = pyd_enter(&hash->gate);
    uint32_t i;

    if (unlikely(ret != 0))
        return ret;
    for (i = 0; i < n; i++, keys += hash->key_len)
        positions[i] = RTE_MAX(hash_library.del_key(hash->hash, keys), -1);
    return pyd_leave_with(&hash->gate, 0);
}

static int
list(struct pyd_hash *hash, char *keys, int32_t *positions, uint32_t room)
{
    uint32_t next = 0, n = 0;
    const void *key;
    void *data;
    int position;

    while (n < room && (position = hash_library.iterate(hash->hash, &key, &data, &next)) >= 0) {
        memcpy(keys + (uint64_t)n * hash->key_len, key, hash->key_len);
        positions[n++] = position;
    }
    return n;
}

int
pyd_hash_list(struct pyd_hash *hash, char *keys, int32_t *positions, uint32_t room)
{
    const int ret = pyd_enter(&hash->gate);

    return unlikely(ret != 0) ? ret
                              : pyd_leave_with(&hash->gate, list(hash, keys, positions, room));
}

int
pyd_hash_count(struct pyd_hash *hash)
{
    const int ret = pyd_enter(&hash->gate);

    return unlikely(ret != 0) ? ret : pyd_leave_with(&hash->gate, hash_library.count(hash->hash));
}

int
pyd_hash_reset(struct pyd_hash *hash)
{
    int ret = pyd_enter(&hash->gate);

    if (unlikely(ret != 0))
        return ret;
    hash_library.reset(hash->hash);
    return pyd_leave_with(&hash->gate, 0);
}

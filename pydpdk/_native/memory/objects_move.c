/* SPDX-License-Identifier: BSD-3-Clause */
/* Pools of plain objects: converts between Python's ids and DPDK's pointers. An id is read once and
 * then checked, each time: another thread may write to the array meanwhile. */
#include <stdbool.h>
#include <stdlib.h>

#include "core/gate.h"
#include "core/process_table.h"

#define FEW 1024 /* pointers that fit on the stack; a get of more uses malloc */

/* Where objects are evenly spaced, a product instead of a division, which takes 5 times as long.
 * `inverse` is 2^64 / stride, rounded up: exact for multiples of the stride below 2^32 strides. For
 * anything else the id is wrong, and does not lead back to the address. */
static inline int64_t
find_even(const struct pyd_objects *objects, uint64_t address)
{
    const uint64_t distance = address - objects->addresses[0];
    const uint64_t id = (unsigned __int128)distance * objects->inverse >> 64;

    return id < objects->n && id * objects->stride == distance ? (int64_t)id : -1;
}

static int64_t
find_id(const struct pyd_objects *objects, uint64_t address)
{
    const uint64_t *const all = objects->addresses;
    uint32_t low = 0, high = objects->n, middle;

    if (likely(objects->stride != 0))
        return find_even(objects, address);
    while (high - low > 1) {
        middle = low + (high - low) / 2;
        if (all[middle] <= address)
            low = middle;
        else
            high = middle;
    }
    return all[low] == address ? (int64_t)low : -1;
}

/* Mark the first n of these objects as out, or as in the pool. */
static void
note(struct pyd_objects *objects, void *const *pointers, uint32_t n, uint8_t out)
{
    uint32_t i;

    for (i = 0; objects->out != NULL && i < n; i++)
        objects->out[find_id(objects, (uintptr_t)pointers[i])] = out;
}

/* False where one of them is no object of this pool. Always goes through all: the loop is faster
 * without a branch. */
static bool
to_ids(const struct pyd_objects *objects, void *const *pointers, int64_t *ids, uint32_t n)
{
    bool good = true;
    uint32_t i;

    if (likely(objects->stride != 0)) {
        for (i = 0; i < n; i++)
            good &= (ids[i] = find_even(objects, (uintptr_t)pointers[i])) >= 0;
    } else {
        for (i = 0; i < n; i++)
            good &= (ids[i] = find_id(objects, (uintptr_t)pointers[i])) >= 0;
    }
    return good;
}

static int
fetch(struct pyd_objects *objects, void **pointers, int64_t *ids, uint32_t n)
{
    if (n == 0)
        return 0; /* rings call it a failure */
    if (rte_mempool_get_bulk(objects->mp, pointers, n) < 0)
        return -ENOBUFS; /* rings and stacks return this, the manual says -ENOENT */
    if (!to_ids(objects, pointers, ids, n)) { /* a foreign object was put into this pool */
        rte_mempool_put_bulk(objects->mp, pointers, n);
        return -EFAULT;
    }
    note(objects, pointers, n, pyd_process_owner());
    return 0;
}

static int
enter(struct pyd_objects *objects, struct pyd_gate *side, uint32_t alone)
{
    int ret = pyd_enter(&objects->gate);

    if (ret == 0 && alone && (ret = pyd_enter_alone(side)) != 0)
        pyd_leave(&objects->gate);
    return ret;
}

static void
leave(struct pyd_objects *objects, struct pyd_gate *side, uint32_t alone)
{
    if (alone)
        pyd_leave_alone(side);
    pyd_leave(&objects->gate);
}

/* All or nothing. */
int
pyd_objects_get(struct pyd_objects *objects, int64_t *ids, uint32_t n)
{
    void *few[FEW], **pointers = few;
    int ret = enter(objects, &objects->getter, objects->single_get);

    if (ret < 0)
        return ret;
    if (n > objects->n)
        ret = -ENOBUFS;
    else if (n > FEW && (pointers = malloc(n * sizeof(*pointers))) == NULL)
        ret = -ENOMEM;
    else
        ret = fetch(objects, pointers, ids, n);
    leave(objects, &objects->getter, objects->single_get);
    if (pointers != few)
        free(pointers);
    return ret;
}

/* Each object's byte goes from its owner to 0 once, also when several threads try; returns how many
 * ids are valid. */
static uint32_t
release_owned(struct pyd_objects *objects, const int64_t *ids, void **pointers, uint32_t n,
              int *why)
{
    uint32_t i;

    for (i = 0; i < n; i++) {
        const int64_t id = *(const volatile int64_t *)&ids[i];

        if (unlikely(id < 0 || id >= objects->n)) {
            *why = -EINVAL;
            break;
        }
        if (objects->out != NULL &&
            unlikely(__atomic_exchange_n(&objects->out[id], 0, __ATOMIC_ACQ_REL) == 0)) {
            *why = -EALREADY;
            break;
        }
        pointers[i] = (void *)(uintptr_t)objects->addresses[id];
    }
    return i;
}

/* The same for pools without owner bytes: an id only needs to be valid. */
static uint32_t
translate(const struct pyd_objects *objects, const int64_t *ids, void **pointers, uint32_t n,
          int *why)
{
    bool good = true;
    uint32_t i;

    for (i = 0; i < n; i++) {
        const uint64_t id = *(const volatile int64_t *)&ids[i];

        good &= id < objects->n;
        pointers[i] = (void *)(uintptr_t)(objects->addresses[0] + id * objects->stride);
    }
    *why = good ? 0 : -EINVAL;
    return good ? n : 0;
}

static int
give_back(struct pyd_objects *objects, const int64_t *ids, void **pointers, uint32_t n)
{
    int why = 0;
    const uint32_t good = objects->out == NULL && objects->stride != 0
                              ? translate(objects, ids, pointers, n, &why)
                              : release_owned(objects, ids, pointers, n, &why);

    if (good == n) {
        rte_mempool_put_bulk(objects->mp, pointers, n);
        return 0;
    }
    note(objects, pointers, good, pyd_process_owner());
    return why;
}

/* All or nothing: -EINVAL an invalid id, -EALREADY an object that is in the pool. */
int
pyd_objects_put(struct pyd_objects *objects, const int64_t *ids, uint32_t n)
{
    void *few[FEW], **pointers = few;
    int ret = enter(objects, &objects->putter, objects->single_put);

    if (ret < 0)
        return ret;
    if (n > objects->n)
        ret = -EALREADY;
    else if (n > FEW && (pointers = malloc(n * sizeof(*pointers))) == NULL)
        ret = -ENOMEM;
    else
        ret = give_back(objects, ids, pointers, n);
    leave(objects, &objects->putter, objects->single_put);
    if (pointers != few)
        free(pointers);
    return ret;
}

static int
copy(struct pyd_objects *objects, const int64_t *ids, uint32_t n, char *to, const char *from)
{
    const uint32_t size = objects->itemsize;
    int ret = pyd_enter(&objects->gate);
    uint32_t i;

    if (ret < 0)
        return ret;
    for (i = 0; i < n; i++) {
        const int64_t id = *(const volatile int64_t *)&ids[i];
        char *object;

        if (unlikely(id < 0 || id >= objects->n)) {
            ret = -EINVAL;
            break;
        }
        object = (char *)(uintptr_t)objects->addresses[id];
        if (to != NULL)
            memcpy(to + (size_t)i * size, object, size);
        else
            memcpy(object, from + (size_t)i * size, size);
    }
    return pyd_leave_with(&objects->gate, ret);
}

int
pyd_objects_read(struct pyd_objects *objects, const int64_t *ids, uint32_t n, char *data)
{
    return copy(objects, ids, n, data, NULL);
}

int
pyd_objects_write(struct pyd_objects *objects, const int64_t *ids, uint32_t n, const char *data)
{
    return copy(objects, ids, n, NULL, data);
}

/* The ids of the objects at these addresses; -1 where there is none. */
int
pyd_objects_ids(struct pyd_objects *objects, const uint64_t *addresses, uint32_t n, int64_t *ids)
{
    int ret = pyd_enter(&objects->gate);
    uint32_t i;

    if (ret < 0)
        return ret;
    for (i = 0; i < n; i++)
        ids[i] = find_id(objects, addresses[i]);
    return pyd_leave_with(&objects->gate, 0);
}

int
pyd_objects_shut(struct pyd_objects *objects)
{
    return pyd_shut(&objects->gate);
}

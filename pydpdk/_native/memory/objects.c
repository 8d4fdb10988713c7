/* SPDX-License-Identifier: BSD-3-Clause */
/* The description of a pool of plain objects, where every process finds it. */
#include "core/gate.h"
#include "core/process_table.h"

#define MAGIC 0x31534a424f445950ULL /* "PYDOBJS1" */

struct pyd_objects_head *
pyd_objects_head(const struct rte_mempool *mp)
{
    struct pyd_objects_head *head = rte_mempool_get_priv((struct rte_mempool *)(uintptr_t)mp);

    if (mp->private_data_size < sizeof(*head) ||
        __atomic_load_n(&head->magic, __ATOMIC_ACQUIRE) != MAGIC)
        return NULL;
    return head;
}

/* The owner bytes of the objects, by id; NULL for a pool without them. */
uint8_t *
pyd_objects_owners(const struct rte_mempool *mp)
{
    struct pyd_objects_head *head = pyd_objects_head(mp);

    return head == NULL || head->owners == 0 ? NULL : (uint8_t *)head + head->owners;
}

int
pyd_pool_is_pktmbuf(const struct rte_mempool *mp)
{
    if (pyd_objects_head(mp) != NULL)
        return 0;
    return mp->private_data_size >= sizeof(struct rte_pktmbuf_pool_private) &&
           mp->elt_size >= sizeof(struct rte_mbuf);
}

static uint32_t
private_size(uint32_t dtype_len, uint32_t n, int checked)
{
    return sizeof(struct pyd_objects_head) + dtype_len + (checked ? n : 0);
}

/* The magic last: until then no other process takes it for a pool of objects. */
static void
mark(struct rte_mempool *mp, uint32_t itemsize, const char *dtype, uint32_t dtype_len, int checked)
{
    struct pyd_objects_head *head = rte_mempool_get_priv(mp);

    if (pyd_ops_name(mp, head->ops, sizeof(head->ops)) < 0)
        return;
    head->itemsize = itemsize;
    head->dtype_len = dtype_len;
    head->owners = checked ? sizeof(*head) + dtype_len : 0;
    memcpy(head + 1, dtype, dtype_len);
    if (checked)
        memset((char *)head + head->owners, 0, mp->size);
    __atomic_store_n(&head->magic, MAGIC, __ATOMIC_RELEASE);
}

static int
populate(struct rte_mempool *mp, const char *ops)
{
    int ret = rte_mempool_set_ops_byname(mp, ops, NULL);

    return ret < 0 ? ret : rte_mempool_populate_default(mp);
}

/* Returns -1 and sets rte_errno on failure. The gate stays shut until Python has recorded the
 * addresses of the objects. */
int
pyd_objects_make(struct pyd_objects *objects, const char *name, uint32_t n, uint32_t itemsize,
                 uint32_t cache_size, int socket_id, uint32_t flags, const char *ops,
                 const char *dtype, uint32_t dtype_len, int checked)
{
    const uint32_t private = private_size(dtype_len, n, checked);
    struct rte_mempool *mp;
    int ret;

    if (pyd_making_begin() != 0)
        return -1;
    mp = rte_mempool_create_empty(name, n, itemsize, cache_size, private, socket_id, flags);
    if (mp != NULL && (ret = populate(mp, ops)) < 0) {
        rte_mempool_free(mp);
        mp = NULL;
        rte_errno = -ret;
    }
    if (mp != NULL)
        mark(mp, itemsize, dtype, dtype_len, checked);
    objects->mp = mp;
    pyd_critical_end();
    return mp == NULL ? -1 : 0;
}

/* Does nothing if freed or never made. */
int
pyd_objects_free(struct pyd_objects *objects)
{
    if (objects->gate.closed)
        return 0;
    pyd_end(&objects->gate);
    pyd_mempool_give(objects->mp);
    return 0;
}

int
pyd_ops_known(const char *name)
{
    unsigned int i;

    for (i = 0; i < rte_mempool_ops_table.num_ops; i++)
        if (strcmp(rte_mempool_ops_table.ops[i].name, name) == 0)
            return 1;
    return 0;
}

int
pyd_ops_name(const struct rte_mempool *mp, char *name, unsigned int size)
{
    if (mp->ops_index < 0 || (uint32_t)mp->ops_index >= rte_mempool_ops_table.num_ops)
        return -ENOENT;
    snprintf(name, size, "%s", rte_mempool_ops_table.ops[mp->ops_index].name);
    return 0;
}

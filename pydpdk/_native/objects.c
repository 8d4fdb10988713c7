/* What a pool of plain objects is, written where every process finds it, and where they lie. */
#include "pyd.h"

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

/* The bytes that say who has each object, by id; NULL where nobody writes that down. */
uint8_t *
pyd_objects_owners(const struct rte_mempool *mp)
{
    struct pyd_objects_head *head = pyd_objects_head(mp);

    return head == NULL || head->ledger == 0 ? NULL : (uint8_t *)head + head->ledger;
}

uint32_t
pyd_objects_private_size(uint32_t dtype_len, uint32_t n, int checked)
{
    return sizeof(struct pyd_objects_head) + dtype_len + (checked ? n : 0);
}

/* The magic last: until then no other process takes it for a pool of objects. */
void
pyd_objects_mark(struct rte_mempool *mp, uint32_t itemsize, const char *dtype, uint32_t dtype_len,
                 int checked)
{
    struct pyd_objects_head *head = rte_mempool_get_priv(mp);

    if (pyd_ops_name(mp, head->ops, sizeof(head->ops)) < 0)
        return;
    head->itemsize = itemsize;
    head->dtype_len = dtype_len;
    head->ledger = checked ? sizeof(*head) + dtype_len : 0;
    memcpy(head + 1, dtype, dtype_len);
    if (checked)
        memset((char *)head + head->ledger, 0, mp->size);
    __atomic_store_n(&head->magic, MAGIC, __ATOMIC_RELEASE);
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

struct table {
    uint64_t *addresses;
    unsigned int room;
};

static void
note_address(struct rte_mempool *mp, void *arg, void *object, unsigned int i)
{
    struct table *table = arg;

    (void)mp;
    if (i < table->room)
        table->addresses[i] = (uintptr_t)object;
}

unsigned int
pyd_objects_addresses(struct rte_mempool *mp, uint64_t *addresses, unsigned int room)
{
    struct table table = {addresses, room};

    return rte_mempool_obj_iter(mp, note_address, &table);
}

/* Pools of plain objects: Python sees ids, DPDK sees pointers; this is where they meet. An id is
 * checked each time, and only once read: another thread may write to the array meanwhile. */
#include <stdlib.h>

#include "gate.h"
#include "ledger.h"

#define MAGIC 0x31534a424f445950ULL /* "PYDOBJS1" */
#define FEW 512 /* pointers that fit on the stack; a get of more asks malloc */

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

static int64_t
find_id(const struct pyd_objects *objects, uint64_t address)
{
    const uint64_t *const all = objects->addresses;
    uint32_t low = 0, high = objects->n, middle;

    if (objects->stride != 0) {
        low = RTE_MIN((address - all[0]) / objects->stride, (uint64_t)objects->n - 1);
    } else {
        while (high - low > 1) {
            middle = low + (high - low) / 2;
            if (all[middle] <= address)
                low = middle;
            else
                high = middle;
        }
    }
    return all[low] == address ? (int64_t)low : -1;
}

/* Note the first n of these objects as out, or as in the pool. */
static void
note(struct pyd_objects *objects, void *const *pointers, uint32_t n, uint8_t out)
{
    uint32_t i;

    for (i = 0; objects->out != NULL && i < n; i++)
        objects->out[find_id(objects, (uintptr_t)pointers[i])] = out;
}

static int
fetch(struct pyd_objects *objects, void **pointers, int64_t *ids, uint32_t n)
{
    const uint8_t owner = pyd_ledger_owner();
    uint32_t i;

    if (n == 0)
        return 0; /* rings call it a failure */
    if (rte_mempool_get_bulk(objects->mp, pointers, n) < 0)
        return -ENOBUFS; /* rings and stacks say this, the manual says -ENOENT */
    for (i = 0; i < n; i++) {
        const int64_t id = find_id(objects, (uintptr_t)pointers[i]);

        if (unlikely(id < 0)) { /* somebody put into this pool what is not of it */
            note(objects, pointers, i, 0);
            rte_mempool_put_bulk(objects->mp, pointers, n);
            return -EFAULT;
        }
        if (objects->out != NULL)
            objects->out[id] = owner;
        ids[i] = id;
    }
    return 0;
}

static int
enter(struct pyd_objects *objects, struct pyd_gate *side, uint32_t alone)
{
    int ret = pyd_enter(&objects->gate);

    if (ret == 0 && alone) {
        ret = pyd_enter_alone(side);
        if (ret < 0)
            pyd_leave(&objects->gate);
    }
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
    int ret;

    ret = enter(objects, &objects->getter, objects->single_get);
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

/* Each object's byte goes from its owner to 0 once, whoever tries; how many ids are good. */
static uint32_t
claim(struct pyd_objects *objects, const int64_t *ids, void **pointers, uint32_t n, int *why)
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

static int
give_back(struct pyd_objects *objects, const int64_t *ids, void **pointers, uint32_t n)
{
    int why = 0;
    const uint32_t good = claim(objects, ids, pointers, n, &why);

    if (good == n) {
        rte_mempool_put_bulk(objects->mp, pointers, n);
        return 0;
    }
    note(objects, pointers, good, pyd_ledger_owner());
    return why;
}

/* All or nothing: -EINVAL an id that is none, -EALREADY an object that is in the pool. */
int
pyd_objects_put(struct pyd_objects *objects, const int64_t *ids, uint32_t n)
{
    void *few[FEW], **pointers = few;
    int ret;

    ret = enter(objects, &objects->putter, objects->single_put);
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
    pyd_leave(&objects->gate);
    return ret;
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

/* Which objects are at these addresses; -1 where none is. */
int
pyd_objects_ids(struct pyd_objects *objects, const uint64_t *addresses, uint32_t n, int64_t *ids)
{
    int ret = pyd_enter(&objects->gate);
    uint32_t i;

    if (ret < 0)
        return ret;
    for (i = 0; i < n; i++)
        ids[i] = find_id(objects, addresses[i]);
    pyd_leave(&objects->gate);
    return 0;
}

int
pyd_objects_shut(struct pyd_objects *objects)
{
    return pyd_shut(&objects->gate);
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* The storage of bursts, listed in the process table. Writes are ordered so that the list is sound
 * whenever the writer dies: one store links, one store unlinks. */
#include <rte_eal_memconfig.h>
#include <rte_spinlock.h>

#include "core/process_table.h"
#include "core/safepoint.h"

#define MAX_STORAGE 65536 /* of one process; limits a walk over a list that changes */

static rte_spinlock_t lock = RTE_SPINLOCK_INITIALIZER;

/* Storage for `size` mbufs, listed in the process table from here on. Returns NULL and sets
 * rte_errno on failure. */
struct pyd_storage *
pyd_storage_take(uint32_t size)
{
    struct pyd_process *me = pyd_process_me();
    struct pyd_storage *storage;

    rte_errno = ENODEV;
    if (me == NULL || pyd_making_begin() != 0)
        return NULL;
    storage = rte_zmalloc("pyd_storage", sizeof(*storage) + size * sizeof(storage->mbufs[0]),
                          RTE_CACHE_LINE_SIZE);
    if (storage != NULL) {
        storage->size = size;
        rte_spinlock_lock(&lock);
        storage->next = me->storage;
        __atomic_store_n(&me->storage, storage, __ATOMIC_RELEASE);
        rte_spinlock_unlock(&lock);
    }
    pyd_critical_end();
    rte_errno = pyd_intact() == 0 ? ENOMEM : EOWNERDEAD;
    return storage;
}

void
pyd_storage_give(struct pyd_storage *storage)
{
    struct pyd_process *me = pyd_process_me();
    struct pyd_storage **link;

    rte_spinlock_lock(&lock);
    for (link = &me->storage; *link != NULL && *link != storage; link = &(*link)->next)
        ;
    if (*link != NULL)
        __atomic_store_n(link, storage->next, __ATOMIC_RELEASE);
    rte_spinlock_unlock(&lock);
    if (pyd_critical_begin() != 0)
        return; /* shared memory is damaged: nothing is freed any more */
    rte_free(storage);
    pyd_critical_end();
}

static int
is_mapped(const void *address)
{
    const struct rte_memseg *ms = rte_mem_virt2memseg(address, NULL);

    return ms != NULL && ms->addr != NULL;
}

/* Whether this lies in DPDK memory; with the memory lock held it stays there. */
int
pyd_mapped(const void *start, size_t len)
{
    return is_mapped(start) && is_mapped((const char *)start + len - 1);
}

static void
visit_ours(pyd_visit *visit, void *arg)
{
    const struct pyd_process *me = pyd_process_me();
    const struct pyd_storage *storage;

    rte_spinlock_lock(&lock);
    for (storage = me == NULL ? NULL : me->storage; storage != NULL; storage = storage->next)
        visit(storage, RTE_MIN(storage->n, storage->size), me->pid, 1, arg);
    rte_spinlock_unlock(&lock);
}

/* Its process may take and give storage meanwhile: freed storage is zeros, or something else by
 * now. */
static void
visit_process(const struct pyd_process *process, uint64_t pid, pyd_visit *visit, void *arg)
{
    const struct pyd_storage *storage = __atomic_load_n(&process->storage, __ATOMIC_ACQUIRE);
    uint32_t left, size, n;

    for (left = MAX_STORAGE; left != 0 && pyd_mapped(storage, sizeof(*storage)); left--) {
        size = __atomic_load_n(&storage->size, __ATOMIC_RELAXED);
        n = __atomic_load_n(&storage->n, __ATOMIC_RELAXED);
        if (size <= UINT16_MAX && n <= size &&
            pyd_mapped(storage, sizeof(*storage) + n * sizeof(storage->mbufs[0])))
            visit(storage, n, pid, 0, arg);
        storage = __atomic_load_n(&storage->next, __ATOMIC_ACQUIRE);
    }
}

static void
visit_others(pyd_visit *visit, void *arg)
{
    const struct rte_memzone *mz = rte_memzone_lookup(PYD_PROCESS_TABLE_NAME);
    const struct pyd_process_table *found = mz == NULL ? NULL : mz->addr;
    uint32_t i;

    rte_mcfg_mem_read_lock();
    if (pyd_mapped(found, sizeof(*found)) && found->magic == PYD_PROCESS_TABLE_MAGIC &&
        found->version == PYD_PROCESS_TABLE_VERSION)
        for (i = 0; i < PYD_MAX_PROCESSES; i++) {
            const struct pyd_process *process = &found->processes[i];
            const uint64_t pid = __atomic_load_n(&process->pid, __ATOMIC_ACQUIRE);

            if (pid != 0 && process != pyd_process_me())
                visit_process(process, pid, visit, arg);
        }
    rte_mcfg_mem_read_unlock();
}

/* Visit all storage: that of this process, none of which is given back meanwhile; then that of the
 * others. */
void
pyd_storage_each(pyd_visit *visit, void *arg)
{
    visit_ours(visit, arg);
    visit_others(visit, arg);
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* Join the process table, and leave it. */
#include "core/safepoint.h"
#include "core/self.h"

static struct pyd_process_table *
find_table(void)
{
    const struct rte_memzone *mz = rte_memzone_lookup(PYD_PROCESS_TABLE_NAME);
    struct pyd_process_table *found;

    if (mz == NULL) {
        mz = rte_memzone_reserve(PYD_PROCESS_TABLE_NAME, sizeof(*found), SOCKET_ID_ANY, 0);
        if (mz == NULL)
            return NULL;
        found = mz->addr;
        memset(found, 0, sizeof(*found));
        found->foreign = PYD_FOREIGN_UNSURE;
        found->version = PYD_PROCESS_TABLE_VERSION;
        found->magic = PYD_PROCESS_TABLE_MAGIC;
    }
    found = mz->addr;
    if (mz->len < sizeof(*found) || found->magic != PYD_PROCESS_TABLE_MAGIC ||
        found->version != PYD_PROCESS_TABLE_VERSION) {
        rte_errno = EPROTO;
        return NULL;
    }
    return found;
}

static struct pyd_process *
take_entry(struct pyd_process_table *table, uint64_t pid)
{
    struct pyd_process *p;
    uint64_t expected;

    for (p = table->processes; p < &table->processes[PYD_MAX_PROCESSES]; p++) {
        expected = 0;
        if (__atomic_compare_exchange_n(&p->pid, &expected, pid, 0, __ATOMIC_ACQ_REL,
                                        __ATOMIC_RELAXED))
            return p;
    }
    return NULL;
}

/* Clear the entry of a dead process and free its memory. */
void
pyd_process_clear(struct pyd_process *p)
{
    struct pyd_storage *storage = p->storage, *next;
    struct pyd_section *section = p->sections, *after;

    memset(&p->started, 0, sizeof(*p) - offsetof(struct pyd_process, started));
    for (; storage != NULL; storage = next) {
        next = storage->next;
        rte_free(storage);
    }
    for (; section != NULL; section = after) {
        after = section->next;
        rte_free(section);
    }
}

/* Without a primary of ours there is no recovery, and entries of dead processes would never become
 * free: take one over. The objects of that process stay lost. */
static struct pyd_process *
take_over(struct pyd_process_table *table, uint64_t pid)
{
    struct pyd_process *p;

    for (p = table->processes; p < &table->processes[PYD_MAX_PROCESSES]; p++) {
        uint64_t was = __atomic_load_n(&p->pid, __ATOMIC_ACQUIRE);

        if (was == 0 || pyd_process_alive(was, p->started) || pyd_process_inside(p))
            continue; /* one that died inside a call keeps its lcores from being used */
        p->started = 0; /* 0: we are not taken for dead between the PID and our start time */
        if (__atomic_compare_exchange_n(&p->pid, &was, pid, 0, __ATOMIC_ACQ_REL,
                                        __ATOMIC_RELAXED)) {
            pyd_process_clear(p);
            return p;
        }
    }
    return NULL;
}

/* Returns 0, -ENOSPC, or -EBUSY: a process died inside a call on one of these lcores, and there was
 * no recovery. `alone`: there is no primary of ours that could recover. */
int
pyd_process_join(uint64_t pid, uint64_t started, int alone)
{
    struct pyd_process_table *table = find_table();
    uint64_t lcores[PYD_LCORE_WORDS];
    struct pyd_process *me;
    int ret;

    if (table == NULL)
        return -rte_errno;
    pyd_lcores_mine(lcores);
    ret = pyd_lcores_wait(table, lcores);
    if (ret != 0)
        return ret;
    ret = pyd_sections_open();
    if (ret != 0)
        return ret;
    pyd_safepoint_register();
    me = take_entry(table, pid);
    if (me == NULL && alone)
        me = take_over(table, pid);
    if (me == NULL)
        return -ENOSPC;
    memcpy(me->lcores, lcores, sizeof(lcores));
    me->started = started;
    pyd_process_count(table);
    pyd_self_set(table, me);
    if (alone)
        pyd_foreign(PYD_FOREIGN_SEEN, 0);
    return 0;
}

static void
leave_for_good(void)
{
    struct pyd_process *me = pyd_self.me;

    me->storage = NULL;
    pyd_sections_free();
    memset(me->reservations, 0, sizeof(me->reservations));
    memset(me->lcores, 0, sizeof(me->lcores));
    pyd_self_set(pyd_self.table, NULL);
    pyd_my_section = NULL;
    me->started = 0;
    pyd_section_exit(&me->self);
    __atomic_store_n(&me->pid, 0, __ATOMIC_RELEASE);
}

/* The last process frees the memzone: the primary may be a program that does not know it. */
void
pyd_process_leave(void)
{
    if (pyd_self.me == NULL)
        return;
    if (pyd_section_enter(&pyd_self.me->self) != 0)
        return; /* the primary died during a recovery: shared memory must not be touched */
    if (rte_eal_process_type() != RTE_PROC_PRIMARY)
        pyd_lcores_flush(pyd_self.table, pyd_self.me);
    rte_spinlock_lock(&pyd_self.lock);
    leave_for_good();
    rte_spinlock_unlock(&pyd_self.lock);
    if (pyd_process_count(pyd_self.table) == 0)
        rte_memzone_free(rte_memzone_lookup(PYD_PROCESS_TABLE_NAME));
}

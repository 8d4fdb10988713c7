/* SPDX-License-Identifier: BSD-3-Clause */
/* The memzone in which each process of ours records what it holds and which of its threads are
 * inside a call. */
#include <pthread.h>
#include <unistd.h>

#include <rte_spinlock.h>

#include "core/process_table.h"
#include "core/safepoint.h"

_Static_assert(RTE_MAX_LCORE <= PYD_LCORE_WORDS * 64, "lcores[] is too small for this DPDK");

static struct pyd_process_table *table;
static struct pyd_process *me;
static pid_t my_pid; /* a forked child inherits the rest, and must not touch it */
static rte_spinlock_t lock = RTE_SPINLOCK_INITIALIZER;
static const uint32_t not_stopped;
static const uint32_t unsure = PYD_FOREIGN_UNSURE; /* for memory without a process table */
static __thread struct pyd_section unlisted; /* for a process in no table */

__thread struct pyd_section *pyd_my_section;
const uint32_t *pyd_stop_word = &not_stopped;
const uint32_t *pyd_foreign_word = &unsure;

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
take_entry(uint64_t pid)
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
    struct pyd_storage *storage = p->slots, *next;
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
 * free: take one over. What that process held stays lost. */
static struct pyd_process *
take_over(uint64_t pid)
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

/* A thread that ends leaves its section to the next one. */
static void
thread_ends(void *section)
{
    rte_spinlock_lock(&lock);
    if (me != NULL && my_pid == getpid())
        __atomic_store_n(&((struct pyd_section *)section)->taken, 0, __ATOMIC_RELEASE);
    rte_spinlock_unlock(&lock);
}

static pthread_key_t ending;

/* Returns 0, -ENOSPC, or -EBUSY: a process died inside a call on one of these lcores, and there was
 * no recovery. `alone`: there is no primary of ours that could recover. */
int
pyd_process_join(uint64_t pid, uint64_t started, int alone)
{
    uint64_t lcores[PYD_LCORE_WORDS];
    int ret;

    table = find_table();
    if (table == NULL)
        return -rte_errno;
    pyd_lcores_mine(lcores);
    ret = pyd_lcores_wait(table, lcores);
    if (ret != 0)
        return ret;
    if (pthread_key_create(&ending, thread_ends) != 0)
        return -ENOMEM;
    pyd_safepoint_register();
    me = take_entry(pid);
    if (me == NULL && alone)
        me = take_over(pid);
    if (me == NULL)
        return -ENOSPC;
    my_pid = getpid();
    memcpy(me->lcores, lcores, sizeof(lcores));
    me->started = started;
    pyd_stop_word = &table->stopped_by;
    pyd_foreign_word = &table->foreign;
    if (alone)
        pyd_foreign(PYD_FOREIGN_SEEN, 0);
    return 0;
}

/* Change the foreign state of this memory for all processes of ours. Does nothing once this process
 * has left the table. */
void
pyd_foreign(uint32_t set, uint32_t clear)
{
    rte_spinlock_lock(&lock);
    if (me != NULL && my_pid == getpid()) {
        __atomic_fetch_or(&table->foreign, set, __ATOMIC_SEQ_CST);
        __atomic_fetch_and(&table->foreign, ~clear, __ATOMIC_SEQ_CST);
    }
    rte_spinlock_unlock(&lock);
}

/* On the first call of a thread: give it a section that other processes see. */
int
pyd_section_register(void)
{
    struct pyd_section *p;

    rte_spinlock_lock(&lock);
    for (p = me == NULL || pyd_intact() != 0 ? &unlisted : me->sections;
         p != NULL && p->taken; p = p->next)
        ;
    if (p == NULL) {
        p = rte_zmalloc("pyd_section", sizeof(*p), RTE_CACHE_LINE_SIZE);
        if (p != NULL) {
            p->next = me->sections;
            __atomic_store_n(&me->sections, p, __ATOMIC_RELEASE);
        }
    }
    if (p != NULL && p != &unlisted) {
        p->tid = rte_sys_gettid();
        p->taken = 1;
        pthread_setspecific(ending, p);
    }
    rte_spinlock_unlock(&lock);
    pyd_my_section = p;
    return p == NULL ? -ENOMEM : 0;
}

/* Enter for a call that takes DPDK's locks: -EOWNERDEAD where one of them is lost for good. */
int
pyd_critical_begin(void)
{
    int ret = pyd_intact();

    if (ret == 0 && (ret = pyd_critical_enter()) == 0)
        pyd_my_section->slow++;
    return ret;
}

void
pyd_critical_end(void)
{
    pyd_my_section->slow--;
    pyd_critical_exit();
}

static void
free_sections(void)
{
    struct pyd_section *p, *next;

    p = me->sections;
    __atomic_store_n(&me->sections, NULL, __ATOMIC_RELEASE);
    for (; p != NULL; p = next) {
        next = p->next;
        rte_free(p);
    }
}

static void
leave_for_good(void)
{
    struct pyd_process *mine = me;

    me->slots = NULL;
    free_sections();
    memset(me->reservations, 0, sizeof(me->reservations));
    memset(me->lcores, 0, sizeof(me->lcores));
    me = NULL;
    pyd_my_section = NULL;
    pyd_stop_word = &not_stopped;
    pyd_foreign_word = &unsure;
    mine->started = 0;
    pyd_section_exit(&mine->self);
    __atomic_store_n(&mine->pid, 0, __ATOMIC_RELEASE);
}

static int
is_any_left(void)
{
    unsigned int i;

    for (i = 0; i < PYD_MAX_PROCESSES; i++)
        if (__atomic_load_n(&table->processes[i].pid, __ATOMIC_ACQUIRE) != 0)
            return 1;
    return 0;
}

/* The last process frees the memzone: the primary may be a program that does not know it. */
void
pyd_process_leave(void)
{
    if (me == NULL)
        return;
    if (pyd_section_enter(&me->self) != 0)
        return; /* the primary died during a recovery: shared memory must not be touched */
    if (rte_eal_process_type() != RTE_PROC_PRIMARY)
        pyd_lcores_flush(table, me);
    rte_spinlock_lock(&lock);
    leave_for_good();
    rte_spinlock_unlock(&lock);
    if (!is_any_left())
        rte_memzone_free(rte_memzone_lookup(PYD_PROCESS_TABLE_NAME));
}

/* Returns 0; -EOWNERDEAD: a lock that a dead process left guards what cannot be recovered. */
int
pyd_intact(void)
{
    return me == NULL || __atomic_load_n(&table->damaged, __ATOMIC_ACQUIRE) == 0 ? 0
                                                                                  : -EOWNERDEAD;
}

/* PIDs of our processes, living or dead; returns how many. */
int
pyd_process_pids(uint64_t *pids, uint32_t room)
{
    uint32_t i, n = 0;

    for (i = 0; me != NULL && i < PYD_MAX_PROCESSES; i++)
        if (table->processes[i].pid != 0 && n < room)
            pids[n++] = table->processes[i].pid;
    return n;
}

struct pyd_process_table *
pyd_process_table(void)
{
    return me == NULL ? NULL : table;
}

struct pyd_process *
pyd_process_me(void)
{
    return me;
}

/* The owner byte of plain objects that this process takes: 1 + its index. */
uint8_t
pyd_process_owner(void)
{
    return me == NULL ? UINT8_MAX : 1 + (me - table->processes);
}

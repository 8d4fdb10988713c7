/* SPDX-License-Identifier: BSD-3-Clause */
/* The memzone in which each process of ours records what it holds and which of its threads are
 * inside a call. */
#include <unistd.h>

#include "core/safepoint.h"
#include "core/self.h"

_Static_assert(RTE_MAX_LCORE <= PYD_LCORE_WORDS * 64, "lcores[] is too small for this DPDK");

static const uint32_t not_stopped;
static const uint32_t not_shared;
static const uint32_t unsure = PYD_FOREIGN_UNSURE; /* for memory without a process table */

struct pyd_self pyd_self = {.lock = RTE_SPINLOCK_INITIALIZER};
const uint32_t *pyd_stop_word = &not_stopped;
const uint32_t *pyd_foreign_word = &unsure;
const uint32_t *pyd_shared_word = &not_shared;

/* From now on this process has an entry of the table; NULL: none. */
void
pyd_self_set(struct pyd_process_table *table, struct pyd_process *me)
{
    pyd_self.table = table;
    pyd_self.me = me;
    pyd_self.pid = getpid();
    pyd_stop_word = me == NULL ? &not_stopped : &table->stopped_by;
    pyd_foreign_word = me == NULL ? &unsure : &table->foreign;
    pyd_shared_word = me == NULL ? &not_shared : &table->shared;
}

/* Change the foreign state of this memory for all processes of ours. Does nothing once this process
 * has left the table. */
void
pyd_foreign(uint32_t set, uint32_t clear)
{
    rte_spinlock_lock(&pyd_self.lock);
    if (pyd_self.me != NULL && pyd_self.pid == getpid()) {
        __atomic_fetch_or(&pyd_self.table->foreign, set, __ATOMIC_SEQ_CST);
        __atomic_fetch_and(&pyd_self.table->foreign, ~clear, __ATOMIC_SEQ_CST);
    }
    rte_spinlock_unlock(&pyd_self.lock);
}

/* Returns 0; -EOWNERDEAD: a lock that a dead process left guards what cannot be recovered. */
int
pyd_intact(void)
{
    if (pyd_self.me == NULL)
        return 0;
    return __atomic_load_n(&pyd_self.table->damaged, __ATOMIC_ACQUIRE) == 0 ? 0 : -EOWNERDEAD;
}

/* PIDs of our processes, living or dead; returns how many. */
int
pyd_process_pids(uint64_t *pids, uint32_t room)
{
    uint32_t i, n = 0;

    for (i = 0; pyd_self.me != NULL && i < PYD_MAX_PROCESSES; i++)
        if (pyd_self.table->processes[i].pid != 0 && n < room)
            pids[n++] = pyd_self.table->processes[i].pid;
    return n;
}

/* How many processes have an entry, after one has joined or left. Cleared first and counted then: a
 * process that joins meanwhile is counted, or sets the word after us. */
uint32_t
pyd_process_count(struct pyd_process_table *table)
{
    uint32_t i, n = 0;

    __atomic_store_n(&table->shared, 0, __ATOMIC_SEQ_CST);
    for (i = 0; i < PYD_MAX_PROCESSES; i++)
        n += __atomic_load_n(&table->processes[i].pid, __ATOMIC_SEQ_CST) != 0;
    if (n > 1)
        __atomic_store_n(&table->shared, 1, __ATOMIC_SEQ_CST);
    return n;
}

struct pyd_process_table *
pyd_process_table(void)
{
    return pyd_self.me == NULL ? NULL : pyd_self.table;
}

struct pyd_process *
pyd_process_me(void)
{
    return pyd_self.me;
}

/* The owner byte of plain objects that this process takes: 1 + its index. */
uint8_t
pyd_process_owner(void)
{
    return pyd_self.me == NULL ? UINT8_MAX : 1 + (pyd_self.me - pyd_self.table->processes);
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* The lcores of each process: they determine which caches of the pools are its own. */
#include <unistd.h>

#include "core/process_table.h"

void
pyd_lcores_mine(uint64_t *lcores)
{
    uint32_t i;

    memset(lcores, 0, PYD_LCORE_WORDS * sizeof(*lcores));
    for (i = 0; i < RTE_MAX_LCORE; i++)
        if (rte_lcore_is_enabled(i))
            lcores[i / 64] |= UINT64_C(1) << (i % 64);
}

static int
overlap(const uint64_t *a, const uint64_t *b)
{
    uint32_t i;

    for (i = 0; i < PYD_LCORE_WORDS; i++)
        if (a[i] & b[i])
            return 1;
    return 0;
}

enum { FREE, DEAD, ALIVE };

static int
use_of(const struct pyd_process_table *table, const uint64_t *lcores)
{
    const struct pyd_process *p;
    int use = FREE;

    for (p = table->processes; p < &table->processes[PYD_MAX_PROCESSES]; p++)
        if (p->pid != 0 && overlap(p->lcores, lcores)) {
            if (pyd_process_alive(p->pid, p->started))
                use = ALIVE;
            else if (pyd_process_inside(p))
                return DEAD;
        }
    return use;
}

#define RECOVERY_US 5000000
#define EXIT_US 500000 /* an ending process loses its locks, and so its lcores, before it is gone */
#define STEP_US 5000

/* The caches of an lcore pass to its next user. If a call of the last user died inside, they are
 * only sound after a recovery: wait for that. A living process that shares our lcores is not an
 * error here. */
int
pyd_lcores_wait(const struct pyd_process_table *table, const uint64_t *lcores)
{
    uint32_t waited;
    int use;

    for (waited = 0; (use = use_of(table, lcores)) != FREE; waited += STEP_US) {
        if (waited >= (use == DEAD ? RECOVERY_US : EXIT_US))
            break;
        usleep(STEP_US);
    }
    return use == DEAD ? -EBUSY : 0;
}

static void
flush_cache(struct rte_mempool *mp, void *lcore)
{
    if (mp->cache_size != 0)
        rte_mempool_cache_flush(&mp->local_cache[*(uint32_t *)lcore], mp);
}

/* Objects left in these caches would stay there until another process gets these lcores. */
void
pyd_lcores_flush(const struct pyd_process_table *table, const struct pyd_process *me)
{
    const struct pyd_process *p;
    uint32_t lcore;

    for (p = table->processes; p < &table->processes[PYD_MAX_PROCESSES]; p++)
        if (p != me && p->pid != 0 && overlap(p->lcores, me->lcores))
            return;
    for (lcore = 0; lcore < RTE_MAX_LCORE; lcore++)
        if (rte_lcore_is_enabled(lcore))
            rte_mempool_walk(flush_cache, &lcore);
}

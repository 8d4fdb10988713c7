/* SPDX-License-Identifier: BSD-3-Clause */
/* Barriers on all CPUs: what was written before is seen by every thread after. */
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/membarrier.h>

#include "core/clock.h"
#include "core/safepoint.h"

#define YIELD_EVERY 200 /* polls */

/* A barrier on every CPU that runs one of our processes. Where the kernel has none, wait longer
 * than any CPU keeps a store to itself. */
void
pyd_barrier_of_all(void)
{
    if (syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL_EXPEDITED, 0, 0) != 0 &&
        syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0) != 0)
        usleep(10000);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
}

void
pyd_safepoint_register(void)
{
    syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED, 0, 0);
}

static int
has_passed(const struct pyd_section *section, uint64_t deadline)
{
    uint32_t polls;

    for (polls = 1; __atomic_load_n(&section->inside, __ATOMIC_ACQUIRE) != 0; polls++) {
        rte_pause();
        if (polls % YIELD_EVERY != 0)
            continue;
        if (pyd_now_us() > deadline)
            return 0;
        usleep(PYD_POLL_US); /* that thread may need this CPU */
    }
    return 1;
}

/* Wait until each thread of a process has been outside once: its next call reads what was written
 * before this one. Returns whether all have. */
int
pyd_wait_passed(const struct pyd_process *p, uint32_t timeout_ms)
{
    const uint64_t deadline = pyd_now_us() + (uint64_t)timeout_ms * 1000;
    const struct pyd_section *section;

    pyd_barrier_of_all();
    for (section = __atomic_load_n(&p->sections, __ATOMIC_ACQUIRE); section != NULL;
         section = section->next)
        if (!has_passed(section, deadline))
            return 0;
    return 1;
}

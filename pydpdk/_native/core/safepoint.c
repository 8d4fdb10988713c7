/* SPDX-License-Identifier: BSD-3-Clause */
/* Stop-the-world, the waiting side; recovery/stop_world.c is the recovering side. */
#include <unistd.h>

#include "core/process_table.h"
#include "core/safepoint.h"

#define LOOK_EVERY 200 /* polls between two checks that the recovering process is alive */

static int
stopper_lives(uint32_t word)
{
    const struct pyd_process *by = &pyd_process_table()->processes[word - 1];

    return word <= PYD_MAX_PROCESSES && by->pid != 0 && pyd_process_alive(by->pid, by->started);
}

/* Stay outside until the recovery is done. If the recovering process died, shared memory is half
 * recovered: every caller gets -EOWNERDEAD from now on. */
int
pyd_safepoint_wait(struct pyd_section *here)
{
    uint32_t word, polls;

    do {
        pyd_section_exit(here);
        for (polls = 1; (word = __atomic_load_n(pyd_stop_word, __ATOMIC_ACQUIRE)) != 0; polls++) {
            if (polls % LOOK_EVERY == 0 && !stopper_lives(word))
                return -EOWNERDEAD;
            usleep(PYD_POLL_US);
        }
        __atomic_store_n(&here->inside, here->inside + 1, __ATOMIC_RELAXED);
        __atomic_signal_fence(__ATOMIC_SEQ_CST);
    } while (__atomic_load_n(pyd_stop_word, __ATOMIC_ACQUIRE) != 0);
    return 0;
}

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

/* What a thread that has Python's GIL does before it waits, and after; set once, by objects/. The
 * recovery may need the GIL for a log line or a callback, so no thread waits for it with the GIL. */
static void *(*give_up_gil)(void);
static void (*take_gil)(void *state);

void
pyd_on_wait(void *(*before)(void), void (*after)(void *state))
{
    take_gil = after;
    give_up_gil = before;
}

void *
pyd_wait_begin(void)
{
    return give_up_gil == NULL ? NULL : give_up_gil();
}

void
pyd_wait_end(void *state)
{
    if (state != NULL)
        take_gil(state);
}

static int
wait_for_stopper(void)
{
    uint32_t word, polls;

    for (polls = 1; (word = __atomic_load_n(pyd_stop_word, __ATOMIC_ACQUIRE)) != 0; polls++) {
        if (polls % LOOK_EVERY == 0 && !stopper_lives(word))
            return -EOWNERDEAD;
        usleep(PYD_POLL_US);
    }
    return 0;
}

/* Stay outside until the recovery is done. If the recovering process died, shared memory is half
 * recovered: every caller gets -EOWNERDEAD from now on. The GIL is taken again while this
 * thread is still outside: the thread that has it may wait for the recovery too. */
int
pyd_safepoint_wait(struct pyd_section *here)
{
    void *state;
    int ret;

    do {
        pyd_section_exit(here);
        state = pyd_wait_begin();
        ret = wait_for_stopper();
        pyd_wait_end(state);
        if (ret != 0)
            return ret;
        __atomic_store_n(&here->inside, here->inside + 1, __ATOMIC_RELAXED);
        __atomic_signal_fence(__ATOMIC_SEQ_CST);
    } while (__atomic_load_n(pyd_stop_word, __ATOMIC_ACQUIRE) != 0);
    return 0;
}

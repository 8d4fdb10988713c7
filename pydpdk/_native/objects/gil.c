/* SPDX-License-Identifier: BSD-3-Clause */
/* Several threads that poll, each in slices of time. */
#include <sched.h>

#include <rte_cycles.h>

#include "objects/gil.h"

#define SLICE_US 200
#define TURN_US 100 /* the other thread may need that long to wake up */
#define TRIES 3     /* hand-overs that no thread takes, until this one polls alone again */

struct pyd_gil pyd_gil = {.mode = PYD_GIL_AUTO};

static uint64_t
in_us(uint64_t us)
{
    return rte_rdtsc() + us * rte_get_tsc_hz() / 1000000;
}

/* Give up the GIL until another thread polls. Giving it up is not enough: this thread would take it
 * again before the other one has woken up, which then waits for its switch interval, 5 ms. */
static void
hand_over(const void *me)
{
    const uint64_t until = in_us(TURN_US);
    PyThreadState *state = PyEval_SaveThread();

    while (__atomic_load_n(&pyd_gil.poller, __ATOMIC_RELAXED) == me && rte_rdtsc() < until)
        sched_yield(); /* the other one may be on this CPU */
    PyEval_RestoreThread(state);
}

/* Another thread polls, too: begin a slice, or end it. */
void
pyd_gil_share(const void *me)
{
    if (pyd_gil.poller != me) {
        pyd_gil.several = pyd_gil.poller == NULL ? 0 : TRIES;
    } else if (rte_rdtsc() < pyd_gil.slice) {
        return;
    } else {
        hand_over(me);
        pyd_gil.several = pyd_gil.poller == me ? pyd_gil.several - 1 : TRIES;
    }
    __atomic_store_n(&pyd_gil.poller, me, __ATOMIC_RELAXED);
    pyd_gil.slice = in_us(SLICE_US);
}

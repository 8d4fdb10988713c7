/* SPDX-License-Identifier: BSD-3-Clause */
/* When a call into C gives up the GIL.
 *
 * Giving it up and taking it again costs 25 to 40 ns; beside a thread that computes it costs 5 ms, the
 * switch interval, until the next turn. So `auto` keeps it for short work, and gives it up where a
 * call may take long: many packets, a driver that makes system calls, or memory that other processes
 * use, as DPDK waits without end for an operation that a dead process left unfinished, and the
 * recovery from that needs the GIL. Threads that poll hand it over to each other. */
#ifndef PYD_GIL_H
#define PYD_GIL_H

#include <Python.h>

#include "core/safepoint.h"

enum pyd_gil_mode { PYD_GIL_AUTO, PYD_GIL_KEEP, PYD_GIL_RELEASE };

/* Read and written with the GIL held, except that a thread which hands it over watches `poller`. */
struct pyd_gil {
    enum pyd_gil_mode mode;
    uint32_t several;   /* not 0: another thread polls too; counts down while none takes the GIL */
    const void *poller; /* the thread that polled last */
    uint64_t slice;     /* when this thread hands over, in TSC cycles */
};

extern struct pyd_gil pyd_gil;

void pyd_gil_share(const void *me);

#define PYD_MOVE_MOST 512   /* packets that are received or sent in 2 us */
#define PYD_COPY_MOST 65536 /* bytes that a ring copies in 2 us */

/* Whether another process may keep a thread of ours waiting inside DPDK. */
static inline int
pyd_memory_is_shared(void)
{
    return (__atomic_load_n(pyd_shared_word, __ATOMIC_RELAXED) |
            __atomic_load_n(pyd_foreign_word, __ATOMIC_RELAXED)) != 0;
}

#define PYD_GIL_NS 2000 /* of work, up to which a call keeps the GIL */

/* For work on `n` packets that takes 2 us for `most` of them, and takes nothing from a pool or a
 * ring that other processes may use. */
static inline int
pyd_gil_keeps(uint32_t n, uint32_t most)
{
    if (likely(pyd_gil.mode == PYD_GIL_AUTO))
        return n <= most;
    return pyd_gil.mode == PYD_GIL_KEEP;
}

/* The same where pools, and rings that other processes may use, are involved. */
static inline int
pyd_gil_keeps_shared(uint32_t n, uint32_t most)
{
    if (likely(pyd_gil.mode == PYD_GIL_AUTO))
        return n <= most && !pyd_memory_is_shared();
    return pyd_gil.mode == PYD_GIL_KEEP;
}

/* For a call that polls, with its result of the rule for other calls. */
static inline int
pyd_gil_keeps_poll(int keeps)
{
#ifndef Py_GIL_DISABLED
    const void *me = &pyd_my_section; /* of this thread */

    if (unlikely(pyd_gil.poller != me || pyd_gil.several != 0) && pyd_gil.mode == PYD_GIL_AUTO)
        pyd_gil_share(me);
#endif
    return keeps;
}

/* Whether this is the only thread that polls, by the rule of `auto`: then pyd_gil_keeps_poll does
 * nothing. */
static inline int
pyd_gil_polls_alone(void)
{
#ifndef Py_GIL_DISABLED
    if (unlikely(pyd_gil.poller != &pyd_my_section || pyd_gil.several != 0))
        return 0;
#endif
    return likely(pyd_gil.mode == PYD_GIL_AUTO);
}

#define PYD_CALL(result, keeps, call)                                                              \
    do {                                                                                           \
        if (likely(keeps)) {                                                                       \
            result = call;                                                                         \
        } else {                                                                                   \
            PyThreadState *state_ = PyEval_SaveThread();                                           \
                                                                                                   \
            result = call;                                                                         \
            PyEval_RestoreThread(state_);                                                          \
        }                                                                                          \
    } while (0)

#endif

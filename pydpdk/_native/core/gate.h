/* SPDX-License-Identifier: BSD-3-Clause */
/* Operations on a pyd_gate. An exclusive entry costs one locked instruction. A thread inside one is
 * in a critical section: it waits while another process recovers shared memory (safepoint.h). */
#ifndef PYD_GATE_INLINE_H
#define PYD_GATE_INLINE_H

#include <unistd.h>

#include "core/safepoint.h"

#define PYD_SHUT (-EBADF)

/* Keep a gate open without a critical section: a call while it waits, a channel for its own ring
 * and pool, a worker for its whole run, a reader. The object behind the gate is not
 * closed meanwhile. */
static inline int
pyd_ref(struct pyd_gate *gate)
{
    __atomic_fetch_add(&gate->inside, 1, __ATOMIC_SEQ_CST);
    if (likely(__atomic_load_n(&gate->open, __ATOMIC_SEQ_CST)))
        return 0;
    __atomic_fetch_sub(&gate->inside, 1, __ATOMIC_RELEASE);
    return PYD_SHUT;
}

static inline void
pyd_unref(struct pyd_gate *gate)
{
    __atomic_fetch_sub(&gate->inside, 1, __ATOMIC_RELEASE);
}

/* Each `..._with` leaves and returns the result of the call that was made inside. */
static inline int
pyd_unref_with(struct pyd_gate *gate, int result)
{
    pyd_unref(gate);
    return result;
}

/* For rings and pools: any number of threads at a time. */
static inline int
pyd_enter(struct pyd_gate *gate)
{
    int ret = pyd_ref(gate);

    if (likely(ret == 0) && unlikely((ret = pyd_critical_enter()) != 0))
        pyd_unref(gate);
    return ret;
}

static inline void
pyd_leave(struct pyd_gate *gate)
{
    pyd_critical_exit();
    pyd_unref(gate);
}

static inline int
pyd_leave_with(struct pyd_gate *gate, int result)
{
    pyd_leave(gate);
    return result;
}

/* DPDK allows one thread at a time, so a second one gets -EBUSY and does not wait. These two are
 * for a gate behind another one, whose critical section the thread is already in. */
static inline int
pyd_pass_alone(struct pyd_gate *gate)
{
    uint32_t expected = 0;

    if (unlikely(!__atomic_compare_exchange_n(&gate->inside, &expected, 1, 0, __ATOMIC_SEQ_CST,
                                              __ATOMIC_RELAXED)))
        return -EBUSY;
    if (likely(__atomic_load_n(&gate->open, __ATOMIC_SEQ_CST)))
        return 0;
    __atomic_store_n(&gate->inside, 0, __ATOMIC_RELEASE);
    return PYD_SHUT;
}

static inline void
pyd_unpass_alone(struct pyd_gate *gate)
{
    __atomic_store_n(&gate->inside, 0, __ATOMIC_RELEASE);
}

/* For bursts, and for sides of rings that are `single`. */
static inline int
pyd_enter_alone(struct pyd_gate *gate)
{
    int ret = pyd_pass_alone(gate);

    if (likely(ret == 0) && unlikely((ret = pyd_critical_enter()) != 0))
        pyd_unpass_alone(gate);
    return ret;
}

static inline void
pyd_leave_alone(struct pyd_gate *gate)
{
    pyd_critical_exit();
    pyd_unpass_alone(gate);
}

/* Close for good: the object behind the gate is freed, or belongs to another process. */
static inline void
pyd_end(struct pyd_gate *gate)
{
    __atomic_store_n(&gate->closed, 1, __ATOMIC_SEQ_CST);
    __atomic_store_n(&gate->open, 0, __ATOMIC_SEQ_CST);
}

#define PYD_SHUT_WAIT_US 100000 /* a burst takes microseconds; a blocked driver, forever */

/* Returns 0: shut, no thread is inside and none can enter. -EBUSY: a thread did not leave. */
static inline int
pyd_shut(struct pyd_gate *gate)
{
    uint32_t was = __atomic_exchange_n(&gate->open, 0, __ATOMIC_SEQ_CST);
    unsigned int waited;

    for (waited = 0; waited < PYD_SHUT_WAIT_US; waited += 50) {
        if (__atomic_load_n(&gate->inside, __ATOMIC_SEQ_CST) == 0)
            return 0;
        usleep(50);
    }
    __atomic_store_n(&gate->open, was, __ATOMIC_SEQ_CST);
    return -EBUSY;
}

#endif

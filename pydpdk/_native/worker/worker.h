/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PYD_WORKER_INLINE_H
#define PYD_WORKER_INLINE_H

#include "burst/burst.h"

/* The job that runs in this thread, or NULL; each poll reads it. */
extern __thread struct pyd_job *pyd_job_here __attribute__((tls_model("initial-exec")));

int pyd_job_cancelled(void);

static inline int
pyd_job_asked(void)
{
    return pyd_job_here != NULL && __atomic_load_n(&pyd_job_here->stop, __ATOMIC_RELAXED);
}

/* Around each call of a compiled worker. Its bursts and queues are leased to it for its whole
 * run, so no gate is entered; but each call is a critical section, and waits while the world is
 * stopped. */
static inline int
pyd_worker_in(void)
{
    return pyd_critical_enter();
}

static inline int
pyd_worker_out(int result)
{
    pyd_critical_exit();
    return result;
}

#endif

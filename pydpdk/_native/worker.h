#ifndef PYD_WORKER_INLINE_H
#define PYD_WORKER_INLINE_H

#include "burst.h"

int pyd_job_cancelled(void);

/* Around each call of a compiled worker. Its bursts and queues are lent to it for its whole run,
 * so no gate is passed here: whoever must stop all calls puts his word here. */
static inline int
pyd_worker_in(void)
{
    return 0;
}

static inline void
pyd_worker_out(void)
{
}

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
/* Gates that Python closes itself. */
#include "core/gate.h"

/* Close for good: the process has forked, the object is another process's, or DPDK is gone. */
void
pyd_gate_close(struct pyd_gate *gate)
{
    pyd_end(gate);
}

/* Undo a close that was begun and given up; does nothing after a completed one. */
void
pyd_gate_reopen(struct pyd_gate *gate)
{
    if (!gate->closed)
        __atomic_store_n(&gate->open, 1, __ATOMIC_SEQ_CST);
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* Gates as Python closes them, where no other C is at hand. */
#include "core/gate.h"

/* The process has forked, the object is another's, or DPDK is gone. */
void
pyd_gate_close(struct pyd_gate *gate)
{
    pyd_end(gate);
}

/* After closing was begun and given up; not where it was done. */
void
pyd_gate_reopen(struct pyd_gate *gate)
{
    if (!gate->closed)
        __atomic_store_n(&gate->open, 1, __ATOMIC_SEQ_CST);
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* Keeps an object from being freed while a call is inside it: every C call of the data path
 * passes the gate of each object it uses, close() shuts it. Lives in memory of this process,
 * held by the Python object, so a late caller finds a shut gate and never freed memory. `closed`
 * is for good: it is set by the very call that frees the object, and is all that Python asks when
 * it wants to know, so no exception comes between the two. */
struct pyd_gate {
    uint32_t inside;
    uint32_t open;
    uint32_t closed;
};

void pyd_gate_close(struct pyd_gate *gate);
void pyd_gate_reopen(struct pyd_gate *gate);

/* SPDX-License-Identifier: BSD-3-Clause */
/* Keeps an object from being freed while a call is inside it: every C call of the data path enters
 * the gate of each object it uses, close() shuts it. It lives in memory of this process that the
 * Python object owns, so a late caller finds a shut gate and never freed memory. `closed` is final:
 * it is set by the very call that frees the object, and Python reads only this, so no exception
 * comes between the two. */
struct pyd_gate {
    uint32_t inside;
    uint32_t open;
    uint32_t closed;
};

void pyd_gate_close(struct pyd_gate *gate);
void pyd_gate_reopen(struct pyd_gate *gate);

#ifndef PYD_LEDGER_INLINE_H
#define PYD_LEDGER_INLINE_H

#include "pyd.h"

struct pyd_slots *pyd_ledger_take(uint32_t size);
void pyd_ledger_give(struct pyd_slots *slots);
void pyd_ledger_each(void (*visit)(const struct pyd_slots *slots, void *arg), void *arg);

#endif

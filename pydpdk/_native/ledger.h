#ifndef PYD_LEDGER_INLINE_H
#define PYD_LEDGER_INLINE_H

#include "pyd.h"

struct pyd_slots *pyd_ledger_take(uint32_t size);
void pyd_ledger_give(struct pyd_slots *slots);
int pyd_mapped(const void *start, size_t len);

/* `n` of the slots are filled; `ours`: by this process. */
typedef void pyd_visit(const struct pyd_slots *slots, uint32_t n, uint64_t pid, int ours,
                       void *arg);
void pyd_ledger_each(pyd_visit *visit, void *arg);

#endif

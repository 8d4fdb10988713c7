/* SPDX-License-Identifier: BSD-3-Clause */
/* Stop-the-world: while one process recovers shared memory, no other is inside a call. Entering
 * costs a plain store and a load; the recovering process pays for the barrier (membarrier): it
 * stores the word, makes every CPU pass a barrier, then looks which threads are inside. */
#ifndef PYD_SAFEPOINT_INLINE_H
#define PYD_SAFEPOINT_INLINE_H

#include "core/section.h"

extern __thread struct pyd_section *pyd_my_section __attribute__((tls_model("initial-exec")));
extern const uint32_t *pyd_stop_word;
extern const uint32_t *pyd_foreign_word; /* PYD_FOREIGN_* of this memory */
extern const uint32_t *pyd_shared_word;  /* not 0: another process of ours uses this memory */

int pyd_section_register(void);
void pyd_on_wait(void *(*before)(void), void (*after)(void *state));
void *pyd_wait_begin(void);
void pyd_wait_end(void *state);
int pyd_safepoint_wait(struct pyd_section *here);
void pyd_safepoint_register(void);
void pyd_barrier_of_all(void);
int pyd_wait_passed(const struct pyd_process *p, uint32_t timeout_ms);

static inline int
pyd_section_enter(struct pyd_section *here)
{
    const uint32_t depth = here->inside;

    __atomic_store_n(&here->inside, depth + 1, __ATOMIC_RELAXED);
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    if (unlikely(__atomic_load_n(pyd_stop_word, __ATOMIC_ACQUIRE) != 0) && depth == 0)
        return pyd_safepoint_wait(here);
    return 0;
}

/* Returns 0; -EOWNERDEAD where the recovering process died during the recovery, or -ENOMEM: then no
 * section is entered. */
static inline int
pyd_critical_enter(void)
{
    if (unlikely(pyd_my_section == NULL)) {
        int ret = pyd_section_register();

        if (ret != 0)
            return ret;
    }
    return pyd_section_enter(pyd_my_section);
}

static inline void
pyd_critical_exit(void)
{
    pyd_section_exit(pyd_my_section);
}

#endif

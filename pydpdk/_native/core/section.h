/* SPDX-License-Identifier: BSD-3-Clause */
/* Leave a critical section: all that waiting for a recovery needs of it. */
#ifndef PYD_SECTION_INLINE_H
#define PYD_SECTION_INLINE_H

#include "pyd.h"

static inline void
pyd_section_exit(struct pyd_section *here)
{
    __atomic_store_n(&here->inside, here->inside - 1, __ATOMIC_RELEASE);
}

#endif

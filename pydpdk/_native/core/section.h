/* SPDX-License-Identifier: BSD-3-Clause */
/* Leave a critical section: all that waiting for a recovery needs of it. */
#ifndef PYD_SECTION_INLINE_H
#define PYD_SECTION_INLINE_H

#include "pyd.h"

#define PYD_POLL_US 50 /* between two looks at what another thread or process stores */

static inline void
pyd_section_exit(struct pyd_section *here)
{
    __atomic_store_n(&here->inside, here->inside - 1, __ATOMIC_RELEASE);
}

#endif

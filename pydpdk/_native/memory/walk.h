/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PYD_WALK_INLINE_H
#define PYD_WALK_INLINE_H

#include "pyd.h"

const struct rte_ring *pyd_ring_in(const struct rte_memzone *mz);

#endif

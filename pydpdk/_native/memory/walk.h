/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PYD_WALK_INLINE_H
#define PYD_WALK_INLINE_H

#include "pyd.h"

struct rte_stack;

const struct rte_ring *pyd_ring_in(const struct rte_memzone *mz);
struct rte_stack *pyd_stack_of(const struct rte_mempool *mp);

#endif

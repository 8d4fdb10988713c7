/* SPDX-License-Identifier: BSD-3-Clause */
/* What processes ask of the primary over DPDK's channel, done. */
#ifndef PYD_QUIET_INLINE_H
#define PYD_QUIET_INLINE_H

#include "pyd.h"

int pyd_requests_pass(int late_answers);

#endif

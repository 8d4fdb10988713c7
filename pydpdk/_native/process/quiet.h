/* SPDX-License-Identifier: BSD-3-Clause */
/* Requests of processes to the primary over DPDK's channel: wait until they are served. */
#ifndef PYD_QUIET_INLINE_H
#define PYD_QUIET_INLINE_H

#include "pyd.h"

int pyd_requests_pass(int late_answers);

#endif

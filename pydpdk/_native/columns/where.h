/* SPDX-License-Identifier: BSD-3-Clause */
/* Conditions on packets. */
#ifndef PYD_WHERE_INLINE_H
#define PYD_WHERE_INLINE_H

#include "burst/burst.h"

/* Sets a byte of the mask for each packet. */
void pyd_mbufs_where(const struct pyd_where *where, struct rte_mbuf **mbufs, uint32_t n,
                     uint8_t *mask);

#endif

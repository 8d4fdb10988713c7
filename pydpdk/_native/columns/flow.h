/* SPDX-License-Identifier: BSD-3-Clause */
/* Addresses, ports and protocol of a packet as two columns. */
#ifndef PYD_FLOW_INLINE_H
#define PYD_FLOW_INLINE_H

#include "columns/place.h"

uint32_t pyd_flow_hash(const struct pyd_place *place, uint32_t stack);
void pyd_flow_tuple(const struct pyd_place *place, uint32_t stack, char *record);

#endif

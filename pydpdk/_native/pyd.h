/* SPDX-License-Identifier: BSD-3-Clause */
/* DPDK's headers and our declarations: every C file includes this one. */
#ifndef PYD_H
#define PYD_H

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "compat.h"

#include <rte_bpf.h>
#include <rte_cycles.h>
#include <rte_dev.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_fib.h>
#include <rte_fib6.h>
#include <rte_lcore.h>
#include <rte_log.h>
#include <rte_malloc.h>
#include <rte_mbuf.h>
#include <rte_mbuf_dyn.h>
#include <rte_memory.h>
#include <rte_mempool.h>
#include <rte_memzone.h>
#include <rte_pdump.h>
#include <rte_meter.h>
#include <rte_ring.h>
#include <rte_ring_elem.h>

#include "decl/pyd_gate.h"
#include "decl/pyd_eal.h"
#include "decl/pyd_log.h"
#include "decl/pyd_walk.h"
#include "decl/pyd_process_table.h"
#include "decl/pyd_mempool.h"
#include "decl/pyd_objects.h"
#include "decl/pyd_events.h"
#include "decl/pyd_burst.h"
#include "decl/pyd_mbuf.h"
#include "decl/pyd_columns.h"
#include "decl/pyd_where.h"
#include "decl/pyd_masks.h"
#include "decl/pyd_headers.h"
#include "decl/pyd_meter.h"
#include "decl/pyd_fib.h"
#include "decl/pyd_bpf.h"
#include "decl/pyd_hash.h"
#include "decl/pyd_free_list.h"
#include "decl/pyd_ring.h"
#include "decl/pyd_ethdev.h"
#include "decl/pyd_queue.h"
#include "decl/pyd_messages.h"
#include "decl/pyd_recover.h"
#include "decl/pyd_locks.h"
#include "decl/pyd_channel.h"
#include "decl/pyd_worker.h"

#include "verbs_decl.h" /* generated */

#endif

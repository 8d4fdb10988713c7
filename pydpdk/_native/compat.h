/* SPDX-License-Identifier: BSD-3-Clause */
/* Every difference between DPDK releases, each with the release that made it. */
#ifndef PYD_COMPAT_H
#define PYD_COMPAT_H

/* Experimental symbols are refused everywhere (-Wall -Werror) but in a file that asks for one.
 * extmem.c: rte_pktmbuf_pool_create_extbuf became stable in 23.11.
 * bpf.c: rte_bpf_convert did too. */
#ifdef PYD_TAKES_EXPERIMENTAL
#define ALLOW_EXPERIMENTAL_API
#endif

#include <rte_version.h>

#if RTE_VERSION < RTE_VERSION_NUM(22, 11, 0, 0)
#error "pydpdk needs DPDK 22.11 or newer"
#endif

/* Where an mbuf carries no IOVA, dynamic fields may lie there too. The build option is called
 * RTE_IOVA_IN_MBUF from 23.11. */
#if RTE_VERSION < RTE_VERSION_NUM(23, 11, 0, 0)
#define PYD_IOVA_IN_MBUF RTE_IOVA_AS_PA
#else
#define PYD_IOVA_IN_MBUF RTE_IOVA_IN_MBUF
#endif
#if PYD_IOVA_IN_MBUF
#define PYD_DYNFIELD2(offset, size) 0
#else
#define PYD_DYNFIELD2(offset, size)                                                              \
    ((offset) >= offsetof(struct rte_mbuf, dynfield2) &&                                         \
     (offset) + (size) <= offsetof(struct rte_mbuf, dynfield2) + sizeof(uint64_t))
#endif

/* A port that a bond drives was its slave before 23.11. */
#if RTE_VERSION < RTE_VERSION_NUM(23, 11, 0, 0)
#define PYD_BOND_MEMBER RTE_ETH_DEV_BONDED_SLAVE
#else
#define PYD_BOND_MEMBER RTE_ETH_DEV_BONDING_MEMBER
#endif

/* The lock of the ports' shared data lies in the shared configuration from 23.11, before that in the
 * memzone of the data itself. */
#if RTE_VERSION < RTE_VERSION_NUM(23, 11, 0, 0)
#define PYD_ETHDEV_LOCK
#define PYD_ETHDEV_LOCK_AT(config, shared) RTE_PTR_ADD(shared, sizeof(uint64_t))
#else
#define PYD_ETHDEV_LOCK rte_spinlock_t ethdev_lock;
#define PYD_ETHDEV_LOCK_AT(config, shared) (&(config)->ethdev_lock)
#endif

/* A free block of 256 bytes, of 1024 and so on waits in the list below up to 22.11, above from
 * 23.11. */
#if RTE_VERSION < RTE_VERSION_NUM(23, 11, 0, 0)
#define PYD_FREE_LIST_SIZE(size) ((size)-1)
#else
#define PYD_FREE_LIST_SIZE(size) (size)
#endif

/* Of a pool's memory net_af_xdp shows the kernel all from 24.07 (beyond.c). */
#define PYD_AF_XDP_REACHES_ALL (RTE_VERSION >= RTE_VERSION_NUM(24, 7, 0, 0))

/* A capture's end waits for the threads that are in its callbacks from 25.11 (capture.c). */
#define PYD_CAPTURE_WAITS (RTE_VERSION >= RTE_VERSION_NUM(25, 11, 0, 0))

/* 25.11 parses the EAL's arguments with librte_argparse, which exits the process on one that it
 * does not know; before, getopt let our usage hook see it. */
#define PYD_ARGUMENTS_EXIT (RTE_VERSION >= RTE_VERSION_NUM(25, 11, 0, 0))

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
/* Every difference between DPDK releases, with the release that made it. */
#ifndef PYD_COMPAT_H
#define PYD_COMPAT_H

/* Experimental symbols do not compile (-Wall -Werror), except in a file that asks for one.
 * extmem.c: rte_pktmbuf_pool_create_extbuf became stable in 23.11.
 * bpf.c: so did rte_bpf_convert.
 * interrupt.c: so did the functions of an rte_intr_handle; rte_eth_dev_conf_get has not by 26.07. */
#ifdef PYD_TAKES_EXPERIMENTAL
#define ALLOW_EXPERIMENTAL_API
#endif

#include <rte_version.h>

#if RTE_VERSION < RTE_VERSION_NUM(22, 11, 0, 0)
#error "pydpdk needs DPDK 22.11 or newer"
#endif

/* In builds whose mbufs carry no IOVA, dynamic fields may also lie in dynfield2. The build option
 * is called RTE_IOVA_IN_MBUF from 23.11. */
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

/* Before 23.11, a port that a bond drives was called its slave. */
#if RTE_VERSION < RTE_VERSION_NUM(23, 11, 0, 0)
#define PYD_BOND_MEMBER RTE_ETH_DEV_BONDED_SLAVE
#else
#define PYD_BOND_MEMBER RTE_ETH_DEV_BONDING_MEMBER
#endif

/* The lock of the ports' shared data: in the shared configuration from 23.11, in the memzone of
 * that data before. */
#if RTE_VERSION < RTE_VERSION_NUM(23, 11, 0, 0)
#define PYD_ETHDEV_LOCK
#define PYD_ETHDEV_LOCK_AT(config, shared) RTE_PTR_ADD(shared, sizeof(uint64_t))
#else
#define PYD_ETHDEV_LOCK rte_spinlock_t ethdev_lock;
#define PYD_ETHDEV_LOCK_AT(config, shared) (&(config)->ethdev_lock)
#endif

/* Free blocks of exactly 256 bytes, 1024 bytes and so on are in the smaller size's list up to
 * 22.11, in the larger size's from 23.11. */
#if RTE_VERSION < RTE_VERSION_NUM(23, 11, 0, 0)
#define PYD_FREE_LIST_SIZE(size) ((size)-1)
#else
#define PYD_FREE_LIST_SIZE(size) (size)
#endif

/* From 24.07, net_af_xdp shows the kernel all of a pool's memory (beyond.c). */
#define PYD_AF_XDP_REACHES_ALL (RTE_VERSION >= RTE_VERSION_NUM(24, 7, 0, 0))

/* From 25.11, the end of a capture waits for threads inside its callbacks (capture.c). */
#define PYD_CAPTURE_WAITS (RTE_VERSION >= RTE_VERSION_NUM(25, 11, 0, 0))

/* 25.11 parses the EAL's arguments with librte_argparse, which exits the process at an unknown one.
 * Earlier releases use getopt, and our usage hook sees it. */
#define PYD_ARGUMENTS_EXIT (RTE_VERSION >= RTE_VERSION_NUM(25, 11, 0, 0))

#endif

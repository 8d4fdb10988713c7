/* SPDX-License-Identifier: BSD-3-Clause */
typedef uint64_t rte_iova_t;
struct rte_device;
struct rte_devargs;

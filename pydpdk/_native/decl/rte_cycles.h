/* SPDX-License-Identifier: BSD-3-Clause */
uint64_t rte_get_tsc_hz(void);
uint64_t rte_rdtsc(void);

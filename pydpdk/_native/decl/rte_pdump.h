/* SPDX-License-Identifier: BSD-3-Clause */
int rte_pdump_init(void);

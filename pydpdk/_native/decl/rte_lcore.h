/* SPDX-License-Identifier: BSD-3-Clause */
#define LCORE_ID_ANY ...

unsigned int rte_lcore_id(void);
unsigned int rte_get_main_lcore(void);
unsigned int rte_get_next_lcore(unsigned int i, int skip_main, int wrap);
unsigned int rte_lcore_to_socket_id(unsigned int lcore_id);
unsigned int rte_socket_count(void);
int rte_socket_id_by_idx(unsigned int idx);

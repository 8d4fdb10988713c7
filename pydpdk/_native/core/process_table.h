/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PYD_PROCESS_TABLE_INLINE_H
#define PYD_PROCESS_TABLE_INLINE_H

#include "pyd.h"

#define PYD_PROCESS_TABLE_NAME "pydpdk"
#define PYD_PROCESS_TABLE_MAGIC 0x70796470
#define PYD_PROCESS_TABLE_VERSION 5

struct pyd_storage *pyd_storage_take(uint32_t size);
void pyd_storage_give(struct pyd_storage *storage);
int pyd_mapped(const void *start, size_t len);

/* `n` mbufs are in the storage; `ours`: of this process. */
typedef void pyd_visit(const struct pyd_storage *storage, uint32_t n, uint64_t pid, int ours,
                       void *arg);
void pyd_storage_each(pyd_visit *visit, void *arg);

struct pyd_process_table *pyd_process_table(void);
struct pyd_process *pyd_process_me(void);
uint8_t pyd_process_owner(void);
uint64_t pyd_cpu_time(uint64_t pid, uint32_t tid);
int pyd_intact(void);
int pyd_making_begin(void);
int pyd_process_inside(const struct pyd_process *p);
uint32_t pyd_process_count(struct pyd_process_table *table);
void pyd_process_clear(struct pyd_process *p);
void pyd_mempool_give(struct rte_mempool *mp);
void pyd_lcores_mine(uint64_t *lcores);
int pyd_lcores_wait(const struct pyd_process_table *table, const uint64_t *lcores);
void pyd_lcores_flush(const struct pyd_process_table *table, const struct pyd_process *me);
int pyd_reserve(const struct rte_ring *ring, int consumer);
void pyd_reservation_hold(const struct rte_ring *ring, int consumer);
void pyd_unreserve(const struct rte_ring *ring, int consumer);
int pyd_is_reserved(const struct pyd_process *by, const struct rte_ring *ring, int consumer);

#endif

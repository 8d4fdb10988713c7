/* SPDX-License-Identifier: BSD-3-Clause */
/* This process in the process table: for the files of `core` that join, leave and list. */
#ifndef PYD_SELF_INLINE_H
#define PYD_SELF_INLINE_H

#include <sys/types.h>

#include <rte_spinlock.h>

#include "core/process_table.h"

struct pyd_self {
    struct pyd_process_table *table;
    struct pyd_process *me; /* NULL: in no table */
    pid_t pid; /* a forked child inherits the rest, and must not touch it */
    rte_spinlock_t lock;
};

extern struct pyd_self pyd_self;

/* sections.c */
int pyd_sections_open(void);
void pyd_sections_free(void);

/* process_table.c */
void pyd_self_set(struct pyd_process_table *table, struct pyd_process *me);

#endif

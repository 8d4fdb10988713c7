/* SPDX-License-Identifier: BSD-3-Clause */
/* DPDK's libraries of tables, loaded when the first table is made and not with the binding: each
 * has tailqs, and a secondary with a tailq that its primary lacks cannot attach to it (testpmd has
 * no RTE_FIB). */
#ifndef PYD_LATE_H
#define PYD_LATE_H

struct pyd_late_symbol {
    const char *name;
    void **to;
};

int pyd_late_load(const char *library, const char *const *tailqs,
                  const struct pyd_late_symbol *symbols);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
/* Check DPDK's lists of memzones and of named objects after a process died in them. */
#include "core/process_table.h"
#include "core/memconfig.h"

#define MAX_ENTRIES (1 << 20) /* of a list; more means a cycle */

static int
is_complete(const struct rte_memzone *mz)
{
    return mz->addr != NULL && mz->len != 0 && mz->hugepage_sz != 0 && mz->name[0] != '\0';
}

/* Drop a zone that was being made or freed. Its memory, if it has any, stays allocated. */
int
pyd_check_memzones(struct pyd_memconfig *config)
{
    struct rte_fbarray *arr = &config->memzones;
    uint32_t i, n = 0;

    for (i = 0; i < arr->len; i++) {
        struct rte_memzone *mz;

        if (rte_fbarray_is_used(arr, i) != 1)
            continue;
        mz = rte_fbarray_get(arr, i);
        if (is_complete(mz)) {
            n++;
            continue;
        }
        memset(mz, 0, sizeof(*mz));
        rte_fbarray_set_free(arr, i);
    }
    arr->count = n;
    return 0;
}

/* The forward links of a list are valid at any moment, as one store links and one unlinks; rebuild
 * the backward links from them. */
static int
check_list(struct rte_tailq_entry_head *head)
{
    struct rte_tailq_entry **link = &head->tqh_first;
    uint32_t n;

    for (n = 0; *link != NULL; n++) {
        struct rte_tailq_entry *entry = *link;

        if (n == MAX_ENTRIES || !pyd_mapped(entry, sizeof(*entry)))
            return -1;
        entry->next.tqe_prev = link;
        link = &entry->next.tqe_next;
    }
    head->tqh_last = link;
    return 0;
}

int
pyd_check_tailqs(struct pyd_memconfig *config)
{
    uint32_t i;

    for (i = 0; i < RTE_MAX_TAILQ; i++)
        if (config->tailq_head[i].name[0] != '\0' &&
            check_list(&config->tailq_head[i].tailq_head) != 0)
            return -1;
    return 0;
}

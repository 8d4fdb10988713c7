/* SPDX-License-Identifier: BSD-3-Clause */
/* See late.h. */
#include <dlfcn.h>
#include <limits.h>

#include <rte_tailq.h>

#include "pyd.h"
#include "tables/late.h"

/* Open a library that lies beside librte_eal and has its version, "librte_eal.so.23" and so on. */
static void *
open_beside_eal(const char *library)
{
    char path[PATH_MAX];
    const char *version;
    Dl_info eal;

    if (dladdr((void *)rte_eal_init, &eal) == 0)
        return NULL;
    version = strstr(eal.dli_fname, "librte_eal.");
    if (version == NULL)
        return NULL;
    snprintf(path, sizeof(path), "%.*s%s%s", (int)(version - eal.dli_fname), eal.dli_fname, library,
             version + strlen("librte_eal"));
    return dlopen(path, RTLD_NOW);
}

/* Returns 0, -ENOTSUP in a secondary whose primary lacks one of the tailqs, -ELIBACC without the
 * library. */
int
pyd_late_load(const char *library, const char *const *tailqs, const struct pyd_late_symbol *symbols)
{
    void *handle;

    /* checked first: with the library loaded, DPDK would follow a tailq that is NULL */
    for (; rte_eal_process_type() == RTE_PROC_SECONDARY && *tailqs != NULL; tailqs++)
        if (rte_eal_tailq_lookup(*tailqs) == NULL)
            return -ENOTSUP;
    handle = open_beside_eal(library);
    if (handle == NULL)
        return -ELIBACC;
    for (; symbols->name != NULL; symbols++) {
        *symbols->to = dlsym(handle, symbols->name);
        if (*symbols->to == NULL)
            return -ELIBACC;
    }
    return 0;
}

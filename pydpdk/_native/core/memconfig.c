/* SPDX-License-Identifier: BSD-3-Clause */
/* Find DPDK's shared configuration, and replace it by a private copy. */
#include <sys/mman.h>
#include <unistd.h>

#include "core/memconfig.h"

#define MAGIC 19820526 /* RTE_MAGIC of eal_private.h */

static int
first_list(const struct rte_memseg_list *msl, void *arg)
{
    *(const struct rte_memseg_list **)arg = msl;
    return 1;
}

/* The configuration stores the address that it is mapped at, behind everything that its layout
 * depends on. */
static int
is_it(const struct pyd_memconfig *config)
{
    return (uintptr_t)config % sysconf(_SC_PAGESIZE) == 0 && config->magic == MAGIC &&
           config->mem_cfg_addr == (uintptr_t)config;
}

struct pyd_memconfig *
pyd_memconfig(void)
{
    static struct pyd_memconfig *known;
    const struct rte_memseg_list *msl = NULL;
    uint32_t i;

    if (known != NULL)
        return known;
    rte_memseg_list_walk_thread_unsafe(first_list, &msl);
    for (i = 0; msl != NULL && i < RTE_MAX_MEMSEG_LISTS; i++) {
        struct pyd_memconfig *config = (struct pyd_memconfig *)((uintptr_t)(msl - i) -
                                                      offsetof(struct pyd_memconfig, memsegs));

        if ((uintptr_t)config % sysconf(_SC_PAGESIZE) == 0) {
            known = is_it(config) ? config : NULL;
            return known;
        }
    }
    return NULL;
}

/* Length of the mapping at `start` [bytes]. */
static size_t
mapped_length(uintptr_t start)
{
    FILE *maps = fopen("/proc/self/maps", "re");
    unsigned long from, to;
    size_t length = 0;
    char line[512];

    while (maps != NULL && fgets(line, sizeof(line), maps) != NULL)
        if (sscanf(line, "%lx-%lx", &from, &to) == 2 && from == start)
            length = to - from;
    if (maps != NULL)
        fclose(maps);
    return length;
}

/* Replace it by a changed copy in one step: threads of this process that wait for one of its locks
 * see the copy from now on; other processes see no change. */
int
pyd_memconfig_unshare(struct pyd_memconfig *config, void (*change)(struct pyd_memconfig *))
{
    const size_t length = mapped_length((uintptr_t)config);
    void *copy;

    if (length < sizeof(*config))
        return -EINVAL;
    copy = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (copy == MAP_FAILED)
        return -errno;
    memcpy(copy, config, length);
    change(copy);
    if (mremap(copy, length, length, MREMAP_MAYMOVE | MREMAP_FIXED, config) == MAP_FAILED)
        return -errno;
    return 0;
}

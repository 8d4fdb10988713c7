/* SPDX-License-Identifier: BSD-3-Clause */
/* Critical sections of calls that change shared memory without a gate. */
#include "core/process_table.h"
#include "core/safepoint.h"

/* Enter for a call that takes DPDK's locks: -EOWNERDEAD where one of them is lost for good. */
int
pyd_critical_begin(void)
{
    int ret = pyd_intact();

    if (ret == 0 && (ret = pyd_critical_enter()) == 0)
        pyd_my_section->slow++;
    return ret;
}

/* The same for what makes an object: on failure returns -1 and sets rte_errno. */
int
pyd_making_begin(void)
{
    const int ret = pyd_critical_begin();

    if (ret == 0)
        return 0;
    rte_errno = -ret;
    return -1;
}

void
pyd_critical_end(void)
{
    pyd_my_section->slow--;
    pyd_critical_exit();
}

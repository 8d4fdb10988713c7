/* SPDX-License-Identifier: BSD-3-Clause */
/* Alarms of drivers, which DPDK's interrupt thread calls: none is called for a port that is
 * gone. */
#include <stdlib.h>
#include <unistd.h>

#include <rte_alarm.h>

#include "pyd.h"

struct alarm {
    int users; /* the waiting and the calling thread; the last frees it */
};

static void
leave(void *arg)
{
    struct alarm *alarm = arg;

    if (__atomic_sub_fetch(&alarm->users, 1, __ATOMIC_ACQ_REL) == 0)
        free(alarm);
}

/* Return when the alarms that are due within `us` have been called: one thread calls them in
 * order. */
int
pyd_alarms_pass(uint64_t us, uint32_t timeout_ms)
{
    struct alarm *alarm = malloc(sizeof(*alarm));
    uint32_t i;
    int ret;

    if (alarm == NULL)
        return -ENOMEM;
    alarm->users = 2;
    ret = rte_eal_alarm_set(us + 1, leave, alarm);
    if (ret != 0) {
        free(alarm);
        return ret;
    }
    for (i = 0; __atomic_load_n(&alarm->users, __ATOMIC_ACQUIRE) == 2; i++) {
        if (i >= timeout_ms) {
            leave(alarm);
            return -ETIMEDOUT;
        }
        usleep(1000);
    }
    leave(alarm);
    return 0;
}

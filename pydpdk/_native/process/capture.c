/* SPDX-License-Identifier: BSD-3-Clause */
/* The end of a capture. When dpdk-dumpcap or dpdk-pdump asks the primary for it, DPDK before 25.11
 * removes its callbacks and answers at once; the tool then frees the pool and the ring, to which a
 * polling thread inside such a callback still writes. So the answer waits for that thread.
 *
 * librte_pdump answers through this function instead of the librte_eal function of the same name:
 * the loader finds what this module defines before what its libraries define. */
#include <dlfcn.h>
#include <unistd.h>

#include "core/process_table.h"
#include "core/safepoint.h"

static uint32_t answering; /* 1 while DPDK's message thread reads our list of threads */

#if !PYD_CAPTURE_WAITS

#define ACTION "mp_pdump"
#define PATIENCE_MS 3000 /* the tool waits 5 s for the answer */

typedef int reply_fn(struct rte_mp_msg *msg, const char *peer);

static void
wait_for_callbacks(void)
{
    const struct pyd_process *me;

    __atomic_fetch_add(&answering, 1, __ATOMIC_SEQ_CST);
    me = pyd_process_me();
    if (me != NULL && !pyd_wait_passed(me, PATIENCE_MS))
        rte_log(RTE_LOG_ERR, RTE_LOGTYPE_EAL,
                "a thread stays inside a call: a capture may end under it\n");
    __atomic_fetch_sub(&answering, 1, __ATOMIC_SEQ_CST);
}

int
rte_mp_reply(struct rte_mp_msg *msg, const char *peer)
{
    reply_fn *reply = (reply_fn *)dlsym(RTLD_NEXT, "rte_mp_reply");

    if (strncmp(msg->name, ACTION, sizeof(msg->name)) == 0)
        wait_for_callbacks();
    if (reply == NULL) { /* no librte_eal behind this module */
        rte_errno = ENOTSUP;
        return -1;
    }
    return reply(msg, peer);
}

#endif

/* From 25.11, callbacks belong to each process: at the begin and the end of a capture all processes
 * of the prefix get a request. If one does not answer it, the tool's own request times out. */
int
pyd_capture_join(void)
{
#if PYD_CAPTURE_WAITS
    if (rte_eal_process_type() != RTE_PROC_PRIMARY &&
        rte_memzone_lookup("rte_pdump_stats") != NULL)
        return rte_pdump_init();
#endif
    return 0;
}

/* No capture runs from now on. */
void
pyd_capture_end(void)
{
    rte_pdump_uninit();
    while (__atomic_load_n(&answering, __ATOMIC_SEQ_CST) != 0)
        usleep(100);
}

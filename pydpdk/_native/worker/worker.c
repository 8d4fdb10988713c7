/* SPDX-License-Identifier: BSD-3-Clause */
/* Jobs on worker lcores: launch, ask to end, join. */
#include <stdlib.h>
#include <limits.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <linux/futex.h>

#include <rte_launch.h>

#include "worker/worker.h"

__thread struct pyd_job *pyd_job_here;

/* Compiled by cffi: takes the GIL, and runs the Python job of this lcore. */
void pyd_job_python(void);

/* The eventfd is not blocking, and any number but 0 makes it readable. */
static void
make_readable(int fd)
{
    const uint64_t one = 1;

    if (fd >= 0 && write(fd, &one, sizeof(one)) < 0)
        return; /* it is readable already */
}

static int
run(void *arg)
{
    struct pyd_job *job = arg;

    pyd_job_here = job;
    pyd_job_python();
    pyd_job_here = NULL;
    __atomic_store_n(&job->done, 1, __ATOMIC_SEQ_CST);
    syscall(SYS_futex, &job->done, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
    /* A child that was forked here has only this thread, which would now wait for launches on the
     * pipe of its parent. */
    if ((uint64_t)getpid() != job->pid)
        _exit(0);
    make_readable(__atomic_load_n(&job->ready_fd, __ATOMIC_SEQ_CST));
    return 0;
}

int
pyd_job_launch(struct pyd_job *job, unsigned int lcore_id)
{
    int ret;

    job->pid = getpid();
    job->lcore_id = lcore_id;
    ret = rte_eal_remote_launch(run, job, lcore_id);
    if (ret == 0)
        job->launched = 1;
    return ret;
}

/* Wait for so long, or until a signal comes; returns whether the job is done. */
int
pyd_job_wait(struct pyd_job *job, uint64_t ns)
{
    const struct timespec most = {ns / 1000000000, ns % 1000000000};

    if (!__atomic_load_n(&job->done, __ATOMIC_SEQ_CST))
        syscall(SYS_futex, &job->done, FUTEX_WAIT_PRIVATE, 0, &most, NULL, 0);
    return __atomic_load_n(&job->done, __ATOMIC_SEQ_CST);
}

/* Ask it to end. */
void
pyd_job_stop(struct pyd_job *job)
{
    __atomic_store_n(&job->stop, 1, __ATOMIC_SEQ_CST);
}

/* Write to the eventfd once the job is done: here, or where it ends, as one of them sees both. The
 * descriptor stays open until the job is joined. */
void
pyd_job_notify(struct pyd_job *job, int fd)
{
    __atomic_store_n(&job->ready_fd, fd, __ATOMIC_SEQ_CST);
    if (__atomic_load_n(&job->done, __ATOMIC_SEQ_CST))
        make_readable(fd);
}

/* Wait until the lcore has left a job that is done, which takes microseconds. Does nothing if the
 * job was never launched or is joined already. */
void
pyd_job_join(struct pyd_job *job)
{
    if (job->launched && !job->joined)
        rte_eal_wait_lcore(job->lcore_id);
    job->joined = 1;
}

void
pyd_job_close(struct pyd_job *job)
{
    pyd_job_join(job);
    pyd_end(&job->gate);
}

/* The job that runs in this thread, or NULL. */
struct pyd_job *
pyd_job_mine(void)
{
    return pyd_job_here;
}

int
pyd_job_running(void)
{
    return !pyd_job_asked();
}

/* A job that ignores the request to end is cancelled after this time; a job that checks has ended
 * by then. */
#define PATIENCE_MS 50

int
pyd_job_cancelled(void)
{
    const uint64_t now = rte_get_tsc_cycles();

    if (pyd_job_here->asked == 0)
        pyd_job_here->asked = now;
    return now - pyd_job_here->asked > rte_get_tsc_hz() / 1000 * PATIENCE_MS ? -ECANCELED : 0;
}

/* An object leased to a job stays locked until the lcore returns it: a gate counts entries, not
 * threads. `alone`: no other thread may use it meanwhile. A lease is no critical section: see
 * pyd_worker_in. `leased` is set in the same step, so it is returned exactly once, whatever happens
 * between. */
int
pyd_lease(struct pyd_gate *gate, int alone, uint32_t *leased)
{
    const int ret = alone ? pyd_pass_alone(gate) : pyd_ref(gate);

    *leased = ret == 0;
    return ret;
}

void
pyd_return(struct pyd_gate *gate, int alone, uint32_t *leased)
{
    if (!__atomic_exchange_n(leased, 0, __ATOMIC_SEQ_CST))
        return;
    if (alone)
        pyd_unpass_alone(gate);
    else
        pyd_unref(gate);
}

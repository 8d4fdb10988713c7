/* What runs on worker lcores: a job is launched, asked to end, and joined. */
#include <stdlib.h>
#include <unistd.h>

#include <rte_launch.h>

#include "worker.h"

__thread struct pyd_job *pyd_job_here;

/* Compiled by cffi: takes the GIL, and runs what Python has for this lcore. */
void pyd_job_python(void);

static int
run(void *arg)
{
    struct pyd_job *job = arg;

    pyd_job_here = job;
    pyd_job_python();
    pyd_job_here = NULL;
    /* A child that was forked here has this thread alone, and would now wait for launches on the
     * pipe of its parent. */
    if ((uint64_t)getpid() != job->pid)
        _exit(0);
    return 0;
}

int
pyd_job_launch(struct pyd_job *job, unsigned int lcore_id)
{
    job->pid = getpid();
    return rte_eal_remote_launch(run, job, lcore_id);
}

/* Wait until the lcore has left the job that says it is done, which takes microseconds. */
void
pyd_job_join(unsigned int lcore_id)
{
    rte_eal_wait_lcore(lcore_id);
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

/* Asked to end, a job that does not look polls on for a while, in which one that does is gone. */
#define PATIENCE_MS 50

int
pyd_job_cancelled(void)
{
    const uint64_t now = rte_get_tsc_cycles();

    if (pyd_job_here->asked == 0)
        pyd_job_here->asked = now;
    return now - pyd_job_here->asked > rte_get_tsc_hz() / 1000 * PATIENCE_MS ? -ECANCELED : 0;
}

/* What is lent to a job stays locked until it is returned, by the lcore: a gate counts, whoever
 * is inside. That is not being inside a call: see pyd_worker_in. */
int
pyd_lend_queue(struct pyd_queue *queue)
{
    return pyd_pass_alone(&queue->gate);
}

int
pyd_lend_burst(struct pyd_burst *burst)
{
    return pyd_pass_alone(&burst->gate);
}

int
pyd_lend_ring(struct pyd_ring *ring)
{
    return pyd_hold(&ring->gate);
}

int
pyd_lend_pool(struct pyd_pool *pool)
{
    return pyd_hold(&pool->gate);
}

void
pyd_return_queue(struct pyd_queue *queue)
{
    pyd_unpass_alone(&queue->gate);
}

void
pyd_return_burst(struct pyd_burst *burst)
{
    pyd_unpass_alone(&burst->gate);
}

void
pyd_return_ring(struct pyd_ring *ring)
{
    pyd_let_go(&ring->gate);
}

void
pyd_return_pool(struct pyd_pool *pool)
{
    pyd_let_go(&pool->gate);
}

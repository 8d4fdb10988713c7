/* SPDX-License-Identifier: BSD-3-Clause */
/* Stop-the-world, the recovering side; core/safepoint.c is the waiting side. */
#include <unistd.h>

#include "core/clock.h"
#include "core/safepoint.h"
#include "recovery/recover.h"

#define STUCK_MAX 64

struct stuck {
    uint32_t n;
    struct {
        const struct pyd_section *section;
        uint64_t pid;
        uint64_t cpu;
    } rows[STUCK_MAX];
};

static void
note_inside(struct stuck *stuck, const struct pyd_section *section, uint64_t pid)
{
    if (__atomic_load_n(&section->inside, __ATOMIC_ACQUIRE) == 0)
        return;
    if (stuck->n < STUCK_MAX) {
        stuck->rows[stuck->n].section = section;
        stuck->rows[stuck->n].pid = pid;
    }
    stuck->n++;
}

/* The sections that are entered now. The list of a process is sound unless that process is leaving
 * the table. */
static void
look_inside(const struct pyd_snapshot *snapshot, struct stuck *stuck)
{
    const struct pyd_section *section;
    uint32_t i;

    stuck->n = 0;
    for (i = 0; i < PYD_MAX_PROCESSES; i++) {
        const struct pyd_process *p = &snapshot->table->processes[i];
        const uint32_t before = stuck->n;

        if (snapshot->state[i] != PYD_LIVING)
            continue;
        note_inside(stuck, &p->self, p->pid);
        if (stuck->n != before)
            continue;
        for (section = __atomic_load_n(&p->sections, __ATOMIC_ACQUIRE); section != NULL;
             section = section->next)
            note_inside(stuck, section, p->pid);
    }
}

#define QUICK_US 1000
#define QUICK_ATTEMPTS 8
#define PATIENCE_US 20000
#define ATTEMPT_US 500000

static int
all_spin(const struct stuck *stuck)
{
    uint32_t i;

    if (stuck->n > STUCK_MAX)
        return 0;
    for (i = 0; i < stuck->n; i++)
        if (stuck->rows[i].section->tid == 0 || stuck->rows[i].section->slow != 0 ||
            pyd_cpu_time(stuck->rows[i].pid, stuck->rows[i].section->tid) <
                stuck->rows[i].cpu + PYD_SPINS_NS)
            return 0;
    return 1;
}

static int
any_reservation_held(const struct pyd_snapshot *snapshot)
{
    uint32_t i, k;

    for (i = 0; i < PYD_MAX_PROCESSES; i++)
        for (k = 0; snapshot->state[i] == PYD_LIVING && k < PYD_MAX_RESERVATIONS; k++)
            if (snapshot->table->processes[i].reservations[k].held)
                return 1;
    return 0;
}

/* Wait until no living process is inside. A thread that waits for a zero-copy block of a living
 * process does so until the block's end, which waits for us: so resume the world first, soon and a
 * few times. Threads still inside after PATIENCE_US spin for what a dead process holds: once their
 * CPU time proves it, release that (pyd_release). */
static int
wait_outside(struct pyd_snapshot *snapshot, int quick, uint64_t *culprit)
{
    const uint64_t start = pyd_now_us();
    struct stuck stuck, first = {0};
    uint32_t i;
    int ret;

    pyd_snapshot_look(snapshot); /* processes that join from now on find the world stopped */
    for (;;) {
        look_inside(snapshot, &stuck);
        if (stuck.n == 0)
            return 0;
        *culprit = stuck.rows[0].pid;
        if (pyd_now_us() - start > ATTEMPT_US)
            return -EBUSY;
        if (quick && pyd_now_us() - start > QUICK_US && any_reservation_held(snapshot))
            return -EAGAIN;
        if (pyd_now_us() - start > PATIENCE_US) {
            pyd_snapshot_look(snapshot);
            if (first.n == 0) {
                first = stuck;
                for (i = 0; i < RTE_MIN(first.n, (uint32_t)STUCK_MAX); i++)
                    first.rows[i].cpu =
                        pyd_cpu_time(first.rows[i].pid, first.rows[i].section->tid);
            } else if (all_spin(&first)) {
                ret = snapshot->out == NULL ? 0 : pyd_release(snapshot);
                if (ret <= 0) /* 0: they wait for a zero-copy block, whose end waits for us */
                    return ret == 0 ? -EAGAIN : ret;
                first.n = 0;
            }
            usleep(2000);
        }
        usleep(PYD_POLL_US);
    }
}

/* No thread is inside when this returns 0. -EBUSY: one does not leave; `culprit` is its PID. */
int
pyd_stop_world(struct pyd_snapshot *snapshot, uint32_t timeout_ms, uint64_t *culprit)
{
    const uint64_t deadline = pyd_now_us() + (uint64_t)timeout_ms * 1000;
    const uint32_t mine = pyd_process_owner();
    uint32_t expected, attempt;
    int ret;

    for (attempt = 0;; attempt++) {
        expected = 0;
        if (!__atomic_compare_exchange_n(&snapshot->table->stopped_by, &expected, mine, 0,
                                         __ATOMIC_SEQ_CST, __ATOMIC_RELAXED))
            return -EALREADY;
        pyd_barrier_of_all();
        ret = wait_outside(snapshot, attempt < QUICK_ATTEMPTS, culprit);
        if (ret == 0)
            return 0;
        pyd_resume_world(snapshot);
        if (ret == -ENOMEM)
            return ret;
        if (pyd_now_us() > deadline)
            return -EBUSY;
        usleep(500 << RTE_MIN(attempt, 4U));
    }
}

void
pyd_resume_world(struct pyd_snapshot *snapshot)
{
    __atomic_store_n(&snapshot->table->stopped_by, 0, __ATOMIC_RELEASE);
}

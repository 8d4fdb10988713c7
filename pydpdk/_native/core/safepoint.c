/* SPDX-License-Identifier: BSD-3-Clause */
/* Stop-the-world: the waiting side and the recovering side. */
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/membarrier.h>

#include "core/process_table.h"
#include "core/memconfig.h"
#include "core/safepoint.h"
#include "recovery/recover.h"

#define POLL_US 50
#define LOOK_EVERY 200 /* polls between two checks that the recovering process is alive */

/* A barrier on every CPU that runs one of our processes. Where the kernel has none, wait longer
 * than any CPU keeps a store to itself. */
static void
barrier_of_all(void)
{
    if (syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL_EXPEDITED, 0, 0) != 0 &&
        syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0) != 0)
        usleep(10000);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
}

void
pyd_safepoint_register(void)
{
    syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED, 0, 0);
}

/* Field 22 of /proc/PID/stat is the start time. A zombie runs nothing any more: it counts as
 * dead. */
int
pyd_process_alive(uint64_t pid, uint64_t started)
{
    char path[64], text[1024], *after, state;
    unsigned long long since;
    size_t n;
    FILE *file;

    snprintf(path, sizeof(path), "/proc/%" PRIu64 "/stat", pid);
    file = fopen(path, "re");
    if (file == NULL)
        return 0;
    n = fread(text, 1, sizeof(text) - 1, file);
    fclose(file);
    text[n] = '\0';
    after = strrchr(text, ')');
    if (after == NULL ||
        sscanf(after + 1,
               " %c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %llu",
               &state, &since) != 2)
        return 0;
    return state != 'Z' && state != 'X' && (started == 0 || since == started);
}

static int
stopper_lives(uint32_t word)
{
    const struct pyd_process *by = &pyd_process_table()->processes[word - 1];

    return word <= PYD_MAX_PROCESSES && by->pid != 0 && pyd_process_alive(by->pid, by->started);
}

/* Stay outside until the recovery is done. If the recovering process died, shared memory is half
 * repaired: every caller gets -EOWNERDEAD from now on. */
int
pyd_safepoint_wait(struct pyd_section *here)
{
    uint32_t word, polls;

    do {
        pyd_section_exit(here);
        for (polls = 1; (word = __atomic_load_n(pyd_stop_word, __ATOMIC_ACQUIRE)) != 0; polls++) {
            if (polls % LOOK_EVERY == 0 && !stopper_lives(word))
                return -EOWNERDEAD;
            usleep(POLL_US);
        }
        __atomic_store_n(&here->inside, here->inside + 1, __ATOMIC_RELAXED);
        __atomic_signal_fence(__ATOMIC_SEQ_CST);
    } while (__atomic_load_n(pyd_stop_word, __ATOMIC_ACQUIRE) != 0);
    return 0;
}

/* CPU time of a thread of a living process [ns]. */
uint64_t
pyd_cpu_time(uint64_t pid, uint32_t tid)
{
    unsigned long long ns = 0;
    char path[64];
    FILE *file;

    snprintf(path, sizeof(path), "/proc/%" PRIu64 "/task/%u/schedstat", pid, tid);
    file = fopen(path, "re");
    if (file == NULL)
        return 0;
    if (fscanf(file, "%llu", &ns) != 1)
        ns = 0;
    fclose(file);
    return ns;
}

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

/* A thread with this much CPU time inside one call is not about to finish it. */
#define SPINS_NS UINT64_C(10000000)
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
                stuck->rows[i].cpu + SPINS_NS)
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

static uint64_t
now_us(void)
{
    return rte_get_timer_cycles() * 1000000 / rte_get_timer_hz();
}

/* Wait until no living process is inside. A thread that waits for a zero-copy block of a living
 * process does so until the block's end, which waits for us: so resume the world first, soon and a
 * few times. Threads still inside after PATIENCE_US spin for what a dead process holds: once their
 * CPU time proves it, release that (pyd_release). */
static int
wait_outside(struct pyd_snapshot *snapshot, int quick, uint64_t *culprit)
{
    const uint64_t start = now_us();
    struct stuck stuck, first = {0};
    uint32_t i;

    pyd_snapshot_look(snapshot); /* processes that join from now on find the world stopped */
    for (;;) {
        look_inside(snapshot, &stuck);
        if (stuck.n == 0)
            return 0;
        *culprit = stuck.rows[0].pid;
        if (now_us() - start > ATTEMPT_US)
            return -EBUSY;
        if (quick && now_us() - start > QUICK_US && any_reservation_held(snapshot))
            return -EAGAIN;
        if (now_us() - start > PATIENCE_US) {
            pyd_snapshot_look(snapshot);
            if (first.n == 0) {
                first = stuck;
                for (i = 0; i < RTE_MIN(first.n, (uint32_t)STUCK_MAX); i++)
                    first.rows[i].cpu =
                        pyd_cpu_time(first.rows[i].pid, first.rows[i].section->tid);
            } else if (all_spin(&first)) {
                if (!pyd_release(snapshot))
                    return -EAGAIN; /* they wait for a zero-copy block, whose end waits for us */
                first.n = 0;
            }
            usleep(2000);
        }
        usleep(POLL_US);
    }
}

/* No thread is inside when this returns 0. -EBUSY: one does not leave; `culprit` is its PID. */
int
pyd_stop_world(struct pyd_snapshot *snapshot, uint32_t timeout_ms, uint64_t *culprit)
{
    const uint64_t deadline = now_us() + (uint64_t)timeout_ms * 1000;
    const uint32_t mine = pyd_process_owner();
    uint32_t expected, attempt;
    int ret;

    for (attempt = 0;; attempt++) {
        expected = 0;
        if (!__atomic_compare_exchange_n(&snapshot->table->stopped_by, &expected, mine, 0,
                                         __ATOMIC_SEQ_CST, __ATOMIC_RELAXED))
            return -EALREADY;
        barrier_of_all();
        ret = wait_outside(snapshot, attempt < QUICK_ATTEMPTS, culprit);
        if (ret == 0)
            return 0;
        pyd_resume_world(snapshot);
        if (now_us() > deadline)
            return -EBUSY;
        usleep(500 << RTE_MIN(attempt, 4U));
    }
}

static int
has_passed(const struct pyd_section *section, uint64_t deadline)
{
    uint32_t polls;

    for (polls = 1; __atomic_load_n(&section->inside, __ATOMIC_ACQUIRE) != 0; polls++) {
        rte_pause();
        if (polls % LOOK_EVERY != 0)
            continue;
        if (now_us() > deadline)
            return 0;
        usleep(POLL_US); /* that thread may need this CPU */
    }
    return 1;
}

/* Wait until each thread of a process has been outside once: its next call reads what was written
 * before this one. Returns whether all have. */
int
pyd_wait_passed(const struct pyd_process *p, uint32_t timeout_ms)
{
    const uint64_t deadline = now_us() + (uint64_t)timeout_ms * 1000;
    const struct pyd_section *section;

    barrier_of_all();
    for (section = __atomic_load_n(&p->sections, __ATOMIC_ACQUIRE); section != NULL;
         section = section->next)
        if (!has_passed(section, deadline))
            return 0;
    return 1;
}

void
pyd_resume_world(struct pyd_snapshot *snapshot)
{
    __atomic_store_n(&snapshot->table->stopped_by, 0, __ATOMIC_RELEASE);
}

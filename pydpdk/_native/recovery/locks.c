/* SPDX-License-Identifier: BSD-3-Clause */
/* DPDK's locks in shared memory, after a death. They record no owner, and DPDK waits for them
 * without end. A lock that stays held, while the living threads inside such calls only spin, was a
 * dead process's. Recover what it guards, then release it. Where that is impossible, this memory is
 * damaged: no call takes a lock again, and a thread that waits for one gets a private copy. */
#include <stdbool.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/process_table.h"
#include "core/memconfig.h"
#include "process/quiet.h"
#include "recovery/recover.h"

/* Innermost first: a thread that has one may wait for those before it, never for those behind. */
enum { IN_ARRAY, IN_MAP, IN_HEAP, IN_ZONES, IN_TAILQS, IN_POOLS, IN_TIMERS, IN_PORTS };

struct dpdk_lock {
    void *word;
    uint32_t kind;
    uint32_t index; /* of a heap */
    bool spin;
};

#define MAX_LOCKS (RTE_MAX_MEMSEG_LISTS + RTE_MAX_HEAPS + 8)
#define MAX_PASSES 64
#define SLOW_MAX 64
#define ETHDEV_ZONE "rte_eth_dev_data"

static struct pyd_memconfig *unshared; /* this process has a copy of it */

/* Without the lock of the memzones, which may be the one in question. */
static void *
find_zone(struct pyd_memconfig *config, const char *name)
{
    const struct rte_memzone *zones = config->memzones.data;
    uint32_t i;

    for (i = 0; i < config->memzones.len; i++)
        if (zones[i].addr != NULL && strncmp(zones[i].name, name, sizeof(zones[i].name)) == 0)
            return zones[i].addr;
    return NULL;
}

static uint32_t
list_arrays(struct pyd_memconfig *config, struct dpdk_lock *locks)
{
    uint32_t i, n = 0;

    locks[n++] = (struct dpdk_lock){&config->memzones.rwlock, IN_ARRAY, 0, false};
    for (i = 0; i < RTE_MAX_MEMSEG_LISTS; i++)
        if (config->memsegs[i].base_va != NULL)
            locks[n++] =
                (struct dpdk_lock){&config->memsegs[i].memseg_arr.rwlock, IN_ARRAY, 0, false};
    return n;
}

/* All locks, in their order. */
static uint32_t
list_locks(struct pyd_memconfig *config, struct dpdk_lock *locks)
{
    void *shared = find_zone(config, ETHDEV_ZONE);
    uint32_t i, n = list_arrays(config, locks);

    locks[n++] = (struct dpdk_lock){&config->memory_hotplug_lock, IN_MAP, 0, false};
    for (i = 0; i < RTE_MAX_HEAPS; i++)
        locks[n++] = (struct dpdk_lock){&config->heaps[i].lock, IN_HEAP, i, true};
    locks[n++] = (struct dpdk_lock){&config->mlock, IN_ZONES, 0, false};
    locks[n++] = (struct dpdk_lock){&config->qlock, IN_TAILQS, 0, false};
    locks[n++] = (struct dpdk_lock){&config->mplock, IN_POOLS, 0, false};
    locks[n++] = (struct dpdk_lock){&config->tlock, IN_TIMERS, 0, true};
    if (shared != NULL)
        locks[n++] =
            (struct dpdk_lock){PYD_ETHDEV_LOCK_AT(config, shared), IN_PORTS, 0, true};
    return n;
}

static int32_t
value_of(const struct dpdk_lock *lock)
{
    return __atomic_load_n((const int32_t *)lock->word, __ATOMIC_ACQUIRE);
}

static const char *
name_of(const struct pyd_memconfig *config, const struct dpdk_lock *lock, char *room, size_t size)
{
    static const char *const names[] = {
        "an array of pages or zones", "the memory map", "a malloc heap", "the list of memzones",
        "the lists of rings, pools and tables", "the mempools", "the timers", "the ports",
    };

    if (lock->kind == IN_HEAP)
        snprintf(room, size, "the malloc heap %.32s", config->heaps[lock->index].name);
    else
        snprintf(room, size, "%s", names[lock->kind]);
    return room;
}

/* Changes when a thread works on what this lock guards. */
static uint64_t
work_of(const struct pyd_memconfig *config, const struct dpdk_lock *lock)
{
    const struct pyd_heap *heap = &config->heaps[lock->index];
    uint64_t sum = 0;
    uint32_t i;

    if (lock->kind == IN_MAP || lock->kind == IN_HEAP)
        for (i = 0; i < RTE_MAX_MEMSEG_LISTS; i++)
            sum = sum * 31 + config->memsegs[i].memseg_arr.count;
    if (lock->kind == IN_HEAP) {
        sum = sum * 31 + heap->alloc_count;
        sum = sum * 31 + heap->total_size;
        for (i = 0; i < PYD_FREE_LISTS; i++)
            sum = sum * 31 + (uintptr_t)heap->free_head[i].lh_first;
    }
    if (lock->kind == IN_ZONES)
        sum = config->memzones.count;
    return sum;
}

struct slow {
    const struct pyd_section *section;
    uint64_t pid;
    uint64_t cpu;
};

/* Threads of living processes inside a call that takes locks. */
static uint32_t
look_slow(struct slow *rows)
{
    struct pyd_snapshot snapshot = {.table = pyd_process_table()};
    const struct pyd_section *section;
    uint32_t i, n = 0;

    pyd_snapshot_look(&snapshot);
    for (i = 0; i < PYD_MAX_PROCESSES; i++) {
        const struct pyd_process *p = &snapshot.table->processes[i];

        if (snapshot.state[i] != PYD_LIVING)
            continue;
        for (section = __atomic_load_n(&p->sections, __ATOMIC_ACQUIRE);
             section != NULL && n < SLOW_MAX; section = section->next)
            if (section->inside != 0 && section->slow != 0)
                rows[n++] = (struct slow){section, p->pid,
                                          pyd_cpu_time(p->pid, section->tid)};
    }
    return n;
}

/* PID of a thread that is still inside but had no CPU time: it waits for something else, and may
 * have the lock itself. 0 where all of them spin. */
static uint64_t
sleeping_pid(const struct slow *rows, uint32_t n)
{
    uint32_t i;

    for (i = 0; i < n; i++)
        if (rows[i].section->inside != 0 && rows[i].section->slow != 0 &&
            pyd_cpu_time(rows[i].pid, rows[i].section->tid) < rows[i].cpu + PYD_SPINS_NS)
            return rows[i].pid;
    return 0;
}

/* A thread that clears freed memory uses CPU like one that waits for its lock: allow 2 ms for each
 * MB. */
static uint64_t
window_of(const struct pyd_memconfig *config, uint32_t still_ms, uint32_t n_slow)
{
    uint64_t bytes = 0;
    uint32_t i;

    for (i = 0; n_slow != 0 && i < RTE_MAX_HEAPS; i++)
        bytes += config->heaps[i].total_size;
    return still_ms + (bytes >> 19);
}

/* 1: no living thread has it; `least` is the part of its value that stayed all the time. 0: it was
 * free, or a thread worked under it, until the deadline. -EBUSY: a living thread may have it. */
static int
is_left(const struct pyd_memconfig *config, const struct dpdk_lock *lock, uint32_t still_ms,
        uint64_t deadline, int32_t *least, uint64_t *culprit)
{
    struct slow rows[SLOW_MAX];

    for (;;) {
        const uint64_t start = pyd_now_ms(), work = work_of(config, lock);
        const uint32_t n = look_slow(rows);
        const uint64_t end = start + window_of(config, still_ms, n);

        *least = INT32_MAX;
        while (pyd_now_ms() < end && work_of(config, lock) == work) {
            const int32_t value = value_of(lock);

            if (value == 0)
                return 0;
            *least = RTE_MIN(*least, value);
            usleep(200);
        }
        *culprit = 0;
        if (work_of(config, lock) == work && (*culprit = sleeping_pid(rows, n)) == 0)
            return 1;
        if (pyd_now_ms() > deadline)
            return *culprit == 0 ? 0 : -EBUSY;
    }
}

/* There may be living readers beside a dead one; a living writer sets its waiting bit again. */
static void
open_lock(const struct dpdk_lock *lock, int32_t least)
{
    int32_t *word = lock->word, now = least;

    if (lock->spin || least < RTE_RWLOCK_READ)
        __atomic_compare_exchange_n(word, &now, 0, 0, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
    else
        __atomic_fetch_sub(word, least - least % RTE_RWLOCK_READ, __ATOMIC_ACQ_REL);
}

/* A reader has changed nothing. */
static int
make_sound(struct pyd_memconfig *config, const struct dpdk_lock *lock, int32_t least)
{
    if (!lock->spin && !(least & RTE_RWLOCK_WRITE))
        return 0;
    switch (lock->kind) {
    case IN_HEAP:
        return pyd_rebuild_heap(config, &config->heaps[lock->index]);
    case IN_ZONES:
        return pyd_check_memzones(config);
    case IN_TAILQS:
        return pyd_check_tailqs(config);
    default:
        return 0; /* at most a wrong count: what is built from it has other locks */
    }
}

static const struct dpdk_lock *
first_shut(const struct dpdk_lock *locks, uint32_t n, uint32_t from)
{
    uint32_t i;

    for (i = from; i < n; i++)
        if (value_of(&locks[i]) != 0)
            return &locks[i];
    return NULL;
}

/* Free all locks and empty all heaps, so that they gain nothing: a thread that waits in DPDK fails
 * and returns. */
static void
free_locks(struct pyd_memconfig *config)
{
    struct dpdk_lock locks[MAX_LOCKS];
    uint32_t i, n;

    memset(&config->memzones.rwlock, 0, sizeof(config->memzones.rwlock));
    n = list_locks(config, locks);
    for (i = 0; i < n; i++)
        __atomic_store_n((int32_t *)locks[i].word, 0, __ATOMIC_RELEASE);
    for (i = 0; i < RTE_MAX_HEAPS; i++) {
        memset(config->heaps[i].free_head, 0, sizeof(config->heaps[i].free_head));
        config->heaps[i].first = NULL;
        config->heaps[i].last = NULL;
    }
    for (i = 0; i < RTE_MAX_MEMSEG_LISTS; i++)
        config->memsegs[i].socket_id = INT32_MAX;
}

/* Returns 0; -EOWNERDEAD: another process or this one found this memory damaged. */
int
pyd_damage_look(void)
{
    struct pyd_memconfig *config;
    int ret = pyd_intact();

    if (ret == 0 || unshared != NULL)
        return ret;
    config = pyd_memconfig();
    if (config != NULL && pyd_memconfig_unshare(config, free_locks) == 0)
        unshared = config;
    return ret;
}

static int
damaged(const char *what)
{
    struct pyd_process_table *table = pyd_process_table();
    uint32_t expected = 0;

    if (__atomic_compare_exchange_n(&table->damaged, &expected, 1, 0, __ATOMIC_ACQ_REL,
                                    __ATOMIC_RELAXED)) {
        snprintf(table->damage, sizeof(table->damage), "%s", what);
        __atomic_store_n(&table->damaged, 2, __ATOMIC_RELEASE);
    }
    return pyd_damage_look();
}

static void
note(struct pyd_locks *out, const char *what)
{
    if (out->n < RTE_DIM(out->names))
        snprintf(out->names[out->n++], sizeof(out->names[0]), "%s", what);
}

/* Release one lock, the innermost that is held. Returns 0, or an error that ends the recovery. */
static int
give_back(struct pyd_memconfig *config, const struct dpdk_lock *lock, struct pyd_locks *out,
          uint32_t still_ms, uint64_t deadline)
{
    int32_t least;
    char name[60];
    int ret = is_left(config, lock, still_ms, deadline, &least, &out->culprit);

    if (ret <= 0)
        return ret;
    name_of(config, lock, name, sizeof(name));
    /* the primary may still be serving a request of the dead process */
    if (lock->kind <= IN_HEAP && (ret = pyd_requests_pass(pyd_pages_differ(config))) != 0)
        return ret;
    if (make_sound(config, lock, least) != 0)
        return damaged(name);
    open_lock(lock, least);
    note(out, name);
    return 0;
}

/* In the primary, after a death; `out` says how many locks were released. -EOWNERDEAD: this memory
 * is damaged (pyd_damaged). -EBUSY: a living process may have one, or DPDK is still serving a
 * request of the dead process; call again. */
int
pyd_locks_give_back(struct pyd_locks *out, uint32_t still_ms, uint32_t patience_ms)
{
    struct pyd_memconfig *config = pyd_memconfig();
    const uint64_t deadline = pyd_now_ms() + patience_ms;
    struct dpdk_lock locks[MAX_LOCKS];
    const struct dpdk_lock *lock;
    uint32_t n, passes, from = 0;
    int ret = pyd_damage_look();

    if (config == NULL || pyd_process_table() == NULL || ret != 0)
        return ret;
    n = list_locks(config, locks);
    for (passes = 0; passes < MAX_PASSES && (lock = first_shut(locks, n, from)) != NULL; passes++) {
        ret = give_back(config, lock, out, still_ms, deadline);
        if (ret != 0)
            return ret;
        if (value_of(lock) != 0 && pyd_now_ms() > deadline)
            from = lock - locks + 1; /* living threads work there */
    }
    return 0;
}

/* In a secondary whose primary is dead, so that no process releases locks: 0, or -EOWNERDEAD. */
int
pyd_locks_abandon(uint32_t still_ms, uint32_t patience_ms)
{
    struct pyd_memconfig *config = pyd_memconfig();
    const uint64_t deadline = pyd_now_ms() + patience_ms;
    struct dpdk_lock locks[MAX_LOCKS];
    uint32_t i, n;
    int ret = pyd_damage_look();

    if (config == NULL || pyd_process_table() == NULL || ret != 0)
        return ret;
    n = list_locks(config, locks);
    for (i = 0; i < n; i++) {
        uint64_t culprit;
        int32_t least;
        char name[60];

        if (value_of(&locks[i]) != 0 &&
            is_left(config, &locks[i], still_ms, deadline, &least, &culprit) == 1)
            return damaged(name_of(config, &locks[i], name, sizeof(name)));
    }
    return 0;
}

/* The damaged structure; NULL: none. */
const char *
pyd_damaged(void)
{
    return pyd_intact() == 0 ? NULL : pyd_process_table()->damage;
}

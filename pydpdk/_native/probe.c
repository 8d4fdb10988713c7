/* Locks in shared memory that a dead process may hold. DPDK waits for them without end, so a thread
 * that may be lost asks for each. */
#include <assert.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#include <rte_eal_memconfig.h>
#include <rte_memory.h>
#include <rte_rwlock.h>

#include "ledger.h"

struct probe {
    const char *volatile at;
    int users; /* who asks and who waits; the last one frees it */
};

static void
leave(struct probe *probe)
{
    if (__atomic_sub_fetch(&probe->users, 1, __ATOMIC_ACQ_REL) == 0)
        free(probe);
}

static void *
ask(void *arg)
{
    struct rte_malloc_socket_stats stats;
    struct probe *probe = arg;
    uint32_t i;

    probe->at = "the lock of the memory map";
    rte_mcfg_mem_read_lock();
    rte_mcfg_mem_read_unlock();
    probe->at = "the lock of the lists of rings and stacks";
    rte_mcfg_tailq_read_lock();
    rte_mcfg_tailq_read_unlock();
    probe->at = "the lock of the mempools";
    rte_mcfg_mempool_read_lock();
    rte_mcfg_mempool_read_unlock();
    probe->at = "the lock of the memzones";
    rte_memzone_lookup(PYD_LEDGER_NAME);
    probe->at = "the lock of the malloc heap";
    for (i = 0; i < rte_socket_count(); i++)
        rte_malloc_get_socket_stats(rte_socket_id_by_idx(i), &stats);
    __atomic_store_n(&probe->at, NULL, __ATOMIC_RELEASE);
    leave(probe);
    return NULL;
}

static void *
ask_to_read(void *arg)
{
    struct probe *probe = arg;

    rte_mcfg_mem_read_lock();
    rte_mcfg_mem_read_unlock();
    __atomic_store_n(&probe->at, NULL, __ATOMIC_RELEASE);
    leave(probe);
    return NULL;
}

static void *
ask_to_write(void *arg)
{
    struct probe *probe = arg;

    rte_mcfg_mem_write_lock();
    rte_mcfg_mem_write_unlock();
    __atomic_store_n(&probe->at, NULL, __ATOMIC_RELEASE);
    leave(probe);
    return NULL;
}

static struct probe *
begin(void *(*what)(void *arg))
{
    struct probe *probe = calloc(1, sizeof(*probe));
    pthread_t thread;

    if (probe == NULL)
        return NULL;
    probe->at = "";
    probe->users = 2;
    if (pthread_create(&thread, NULL, what, probe) != 0) {
        free(probe);
        return NULL;
    }
    pthread_detach(thread);
    return probe;
}

/* What it asks for now; NULL: it has had all. */
static const char *
wait_for(const struct probe *probe, uint32_t timeout_ms)
{
    const char *at;
    uint32_t i;

    for (i = 0; (at = __atomic_load_n(&probe->at, __ATOMIC_ACQUIRE)) != NULL && i < timeout_ms * 10;
         i++)
        usleep(100);
    return at;
}

/* 0; -EOWNERDEAD and which lock in `where`, if one is held all the time. */
int
pyd_probe_locks(uint32_t timeout_ms, char *where, uint32_t room)
{
    struct probe *probe = begin(ask);
    const char *at;

    if (probe == NULL)
        return -ENOMEM;
    at = wait_for(probe, timeout_ms);
    if (at != NULL)
        snprintf(where, room, "%s", at);
    leave(probe);
    return at == NULL ? 0 : -EOWNERDEAD;
}

static int
count_pages(const struct rte_memseg_list *msl, void *arg)
{
    *(uint64_t *)arg += msl->memseg_arr.count;
    return 0;
}

/* Whether the probe still waits when nobody has mapped or unmapped a page for that long: the living
 * write under the lock of the memory map for as long as that takes, and read for microseconds. */
static bool
stuck(const struct probe *probe, uint32_t still_ms)
{
    uint64_t before, now = 0;

    rte_memseg_list_walk_thread_unsafe(count_pages, &now);
    do {
        if (wait_for(probe, still_ms) == NULL)
            return false;
        before = now;
        now = 0;
        rte_memseg_list_walk_thread_unsafe(count_pages, &now);
    } while (now != before);
    return true;
}

static_assert(RTE_RWLOCK_READ == 2 * RTE_RWLOCK_WRITE, "two steps of a writer are one of a reader");

/* A secondary reads the memory map under its lock while it attaches, tens of milliseconds, and
 * writes it while it leaves. One that dies in there leaves the lock for ever, and whoever lets the
 * heap grow next waits as long. Who cannot even read waits for a writer, or behind one that itself
 * waits for a dead reader: a step that does not open the lock leaves it as shut as it was, and the
 * next one makes it a reader's. 1: its lock was given back; 0: it had none; -EOWNERDEAD: that did
 * not help. */
int
pyd_leave_memory_map(uint32_t still_ms)
{
    struct probe *probe = begin(ask_to_read);
    int ret = 0;

    if (probe == NULL)
        return -ENOMEM;
    if (stuck(probe, still_ms)) {
        rte_mcfg_mem_write_unlock();
        if (stuck(probe, still_ms))
            rte_mcfg_mem_write_unlock();
        ret = stuck(probe, still_ms) ? -EOWNERDEAD : 1;
    }
    leave(probe);
    if (ret != 0)
        return ret;
    probe = begin(ask_to_write);
    if (probe == NULL)
        return -ENOMEM;
    if (stuck(probe, still_ms)) {
        rte_mcfg_mem_read_unlock();
        ret = stuck(probe, still_ms) ? -EOWNERDEAD : 1;
    }
    leave(probe);
    return ret;
}

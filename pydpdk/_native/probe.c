/* Locks in shared memory that a dead process may hold. DPDK waits for them without end, so a thread
 * that may be lost asks for each. */
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include <rte_eal_memconfig.h>

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
ask_alone(void *arg)
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

/* A secondary reads the memory map under its lock while it attaches, tens of milliseconds. One that
 * dies in there leaves the lock read for ever, and whoever lets the heap grow next waits as long.
 * The living read for microseconds: so who still does after the timeout is the one that died.
 * 1: its lock was given back; 0: it had none; -EOWNERDEAD: that did not help. */
int
pyd_leave_memory_map(uint32_t timeout_ms)
{
    struct probe *probe = begin(ask_alone);
    int ret = 0;

    if (probe == NULL)
        return -ENOMEM;
    if (wait_for(probe, timeout_ms) != NULL) {
        rte_mcfg_mem_read_unlock();
        ret = wait_for(probe, timeout_ms) == NULL ? 1 : -EOWNERDEAD;
    }
    leave(probe);
    return ret;
}

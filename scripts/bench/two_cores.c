/* SPDX-License-Identifier: BSD-3-Clause */
/* How far apart two CPUs are: one cache line goes to and fro between two threads, one on each. */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#define BATCHES 64
#define TRIPS 256 /* there and back, in each batch */
#define TURNS (2 * BATCHES * TRIPS)

struct table {
    /* Even: the first thread's turn. Nothing else is in its line, nor in the next, which some CPUs
     * fetch with it. */
    uint32_t turn __attribute__((aligned(128)));
    uint32_t failed __attribute__((aligned(128)));
    int cpus[2];
};

static void
pin(struct table *t, int side)
{
    cpu_set_t only;

    CPU_ZERO(&only);
    CPU_SET(t->cpus[side], &only);
    if (pthread_setaffinity_np(pthread_self(), sizeof(only), &only) != 0)
        __atomic_store_n(&t->failed, 1, __ATOMIC_RELEASE);
}

/* Returns 0 where a thread could not be pinned, so that its turn never ends. */
static int
await(struct table *t, uint32_t turn)
{
    while (__atomic_load_n(&t->turn, __ATOMIC_ACQUIRE) != turn)
        if (__atomic_load_n(&t->failed, __ATOMIC_RELAXED))
            return 0;
    return 1;
}

static void *
answer(void *arg)
{
    struct table *t = arg;
    uint32_t turn;

    pin(t, 1);
    for (turn = 1; turn < TURNS && await(t, turn); turn += 2)
        __atomic_store_n(&t->turn, turn + 1, __ATOMIC_RELEASE);
    return NULL;
}

static double
now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1e9 + t.tv_nsec;
}

static int
by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

struct serving {
    struct table *table;
    double ns;
};

static void *
serve(void *arg)
{
    struct serving *s = arg;
    double took[BATCHES], began;
    uint32_t turn = 0, batch, i;

    pin(s->table, 0);
    for (batch = 0; batch < BATCHES; batch++) {
        began = now();
        for (i = 0; i < TRIPS; i++, turn += 2) {
            __atomic_store_n(&s->table->turn, turn + 1, __ATOMIC_RELEASE);
            if (!await(s->table, turn + 2))
                return NULL;
        }
        took[batch] = now() - began;
    }
    /* not the mean: in some batches another program has one of the CPUs */
    qsort(took, BATCHES, sizeof(took[0]), by_value);
    s->ns = took[BATCHES / 4] / (2 * TRIPS);
    return NULL;
}

/* [ns] from a store of one CPU until the other has seen it; negative where the threads cannot run
 * there. */
double
ping_pong(int cpu, int other)
{
    struct table table = {.cpus = {cpu, other}};
    struct serving serving = {&table, -1};
    pthread_t threads[2];

    if (pthread_create(&threads[0], NULL, answer, &table) != 0)
        return -1;
    if (pthread_create(&threads[1], NULL, serve, &serving) == 0)
        pthread_join(threads[1], NULL);
    else
        __atomic_store_n(&table.failed, 1, __ATOMIC_RELEASE);
    pthread_join(threads[0], NULL);
    return serving.ns;
}

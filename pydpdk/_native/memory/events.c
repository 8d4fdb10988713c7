/* SPDX-License-Identifier: BSD-3-Clause */
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "core/gate.h"

#define QUEUE_EVENTS 65536 /* 2 MB at most; beyond, events are counted and dropped */

struct pyd_events {
    pthread_mutex_t lock;
    struct pyd_event *queue;
    unsigned int n, room;
    uint64_t lost;
    int wake;
    char name[64];
};

static int
grow(struct pyd_events *events)
{
    const unsigned int room = events->room == 0 ? 64 : 2 * events->room;
    struct pyd_event *queue;

    if (room > QUEUE_EVENTS)
        return 0;
    queue = realloc(events->queue, room * sizeof(*queue));
    if (queue == NULL)
        return 0;
    events->queue = queue;
    events->room = room;
    return 1;
}

static void
set_wake(struct pyd_events *events)
{
    if (eventfd_write(events->wake, 1) < 0)
        return; /* the counter is at its maximum: the reader is awake already */
}

static void
on_event(enum rte_mem_event kind, const void *addr, size_t len, void *arg)
{
    struct pyd_events *events = arg;
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    pthread_mutex_lock(&events->lock);
    if (events->n < events->room || grow(events))
        events->queue[events->n++] = (struct pyd_event){
            (uintptr_t)addr, len, now.tv_sec * 1000000000ULL + now.tv_nsec, kind, 0};
    else
        events->lost++;
    pthread_mutex_unlock(&events->lock);
    set_wake(events);
}

static struct pyd_events *
discard(struct pyd_events *events)
{
    if (events->wake >= 0)
        close(events->wake);
    pthread_mutex_destroy(&events->lock);
    free(events->queue);
    free(events);
    return NULL;
}

/* Returns NULL and sets rte_errno on failure. */
static struct pyd_events *
begin(const char *name)
{
    struct pyd_events *events = calloc(1, sizeof(*events));

    if (events == NULL) {
        rte_errno = ENOMEM;
        return NULL;
    }
    pthread_mutex_init(&events->lock, NULL);
    snprintf(events->name, sizeof(events->name), "%s", name);
    events->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (events->wake < 0) {
        rte_errno = errno;
        return discard(events);
    }
    if (rte_mem_event_callback_register(events->name, on_event, events) < 0)
        return discard(events);
    return events;
}

/* Returns -1 and sets rte_errno on failure. */
int
pyd_events_open(struct pyd_watch *watch, const char *name)
{
    watch->events = begin(name);
    watch->gate.open = watch->events != NULL;
    return watch->events == NULL ? -1 : 0;
}

int
pyd_events_fd(const struct pyd_events *events)
{
    return events->wake;
}

/* Returns how many were moved to `rows`; the descriptor stays readable while there are more. */
int
pyd_events_take(struct pyd_watch *watch, struct pyd_event *rows, unsigned int room, uint64_t *lost)
{
    struct pyd_events *events;
    eventfd_t count;
    unsigned int n;
    int ret;

    ret = pyd_enter(&watch->gate);
    if (ret < 0)
        return ret;
    events = watch->events;
    pthread_mutex_lock(&events->lock);
    if (eventfd_read(events->wake, &count) == 0 && events->n > room)
        set_wake(events);
    n = RTE_MIN(room, events->n);
    if (n > 0) {
        memcpy(rows, events->queue, n * sizeof(*rows));
        events->n -= n;
        memmove(events->queue, events->queue + n, events->n * sizeof(*rows));
    }
    *lost = events->lost;
    pthread_mutex_unlock(&events->lock);
    pyd_leave(&watch->gate);
    return n;
}

/* Once unregistered, DPDK is not inside the callback and does not call it again. */
int
pyd_events_close(struct pyd_watch *watch)
{
    int ret;

    if (watch->events == NULL)
        return 0;
    ret = pyd_shut(&watch->gate);
    if (ret < 0)
        return ret;
    if (rte_mem_event_callback_unregister(watch->events->name, watch->events) < 0) {
        watch->gate.open = 1;
        return -rte_errno;
    }
    pyd_end(&watch->gate);
    discard(watch->events);
    watch->events = NULL;
    return 0;
}

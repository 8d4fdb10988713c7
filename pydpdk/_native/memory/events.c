/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdlib.h>

#include "core/clock.h"
#include "core/gate.h"
#include "core/inbox.h"

#define QUEUE_EVENTS 65536 /* 4 MB at most; beyond, events are counted and dropped */

struct pyd_events {
    struct pyd_inbox inbox;
    char name[64];
};

static void
on_event(enum rte_mem_event kind, const void *addr, size_t len, void *arg)
{
    const struct pyd_event event = {
        .addr = (uintptr_t)addr, .len = len, .time_ns = pyd_now_ns(), .kind = kind,
    };

    pyd_inbox_put(&((struct pyd_events *)arg)->inbox, &event, sizeof(event), 0);
}

static void
discard(struct pyd_events *events)
{
    pyd_inbox_close(&events->inbox);
    free(events);
}

/* Returns NULL and sets rte_errno on failure. */
static struct pyd_events *
begin(const char *name)
{
    struct pyd_events *events = calloc(1, sizeof(*events));
    int ret;

    if (events == NULL) {
        rte_errno = ENOMEM;
        return NULL;
    }
    events->inbox.n_max = QUEUE_EVENTS;
    snprintf(events->name, sizeof(events->name), "%s", name);
    ret = pyd_inbox_open(&events->inbox);
    if (ret < 0) {
        rte_errno = -ret;
        free(events);
        return NULL;
    }
    if (rte_mem_event_callback_register(events->name, on_event, events) < 0) {
        discard(events);
        return NULL;
    }
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
    return events->inbox.wake;
}

/* Returns how many were moved to `rows`; the descriptor stays readable while there are more. */
int
pyd_events_take(struct pyd_watch *watch, struct pyd_event *rows, unsigned int room, uint64_t *lost)
{
    int ret = pyd_enter(&watch->gate);

    if (ret < 0)
        return ret;
    ret = pyd_inbox_take_many(&watch->events->inbox, rows, sizeof(*rows), room);
    *lost = pyd_inbox_lost(&watch->events->inbox);
    return pyd_leave_with(&watch->gate, ret);
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

/* SPDX-License-Identifier: BSD-3-Clause */
/* See inbox.h. */
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "core/inbox.h"

struct pyd_inbox_item {
    struct pyd_inbox_item *next;
    uint32_t len;
    uint32_t cost;
    char data[];
};

/* The file descriptor that turns readable when there are items, or a negative errno. */
int
pyd_inbox_open(struct pyd_inbox *inbox)
{
    pthread_mutex_init(&inbox->lock, NULL);
    inbox->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    return inbox->wake < 0 ? -errno : inbox->wake;
}

static void
wake(const struct pyd_inbox *inbox)
{
    if (eventfd_write(inbox->wake, 1) < 0)
        return; /* the counter is at its maximum: the reader is awake already */
}

static struct pyd_inbox_item *
copy_of(const void *data, uint32_t len, uint32_t cost)
{
    struct pyd_inbox_item *item = malloc(sizeof(*item) + len);

    if (item == NULL)
        return NULL;
    *item = (struct pyd_inbox_item){.len = len, .cost = cost};
    memcpy(item->data, data, len);
    return item;
}

static int
append(struct pyd_inbox *inbox, struct pyd_inbox_item *item)
{
    if (item == NULL || inbox->n == inbox->n_max || inbox->cost + item->cost > inbox->cost_max) {
        inbox->lost++;
        return 0;
    }
    if (inbox->first == NULL)
        inbox->first = item;
    else
        inbox->last->next = item;
    inbox->last = item;
    inbox->n++;
    inbox->cost += item->cost;
    return 1;
}

/* From any thread. Returns whether there was room. */
int
pyd_inbox_put(struct pyd_inbox *inbox, const void *data, uint32_t len, uint32_t cost)
{
    struct pyd_inbox_item *item = copy_of(data, len, cost);
    int fits;

    pthread_mutex_lock(&inbox->lock);
    fits = append(inbox, item);
    pthread_mutex_unlock(&inbox->lock);
    if (!fits)
        free(item);
    wake(inbox);
    return fits;
}

/* Count an item that is lost already. */
void
pyd_inbox_lose(struct pyd_inbox *inbox)
{
    pthread_mutex_lock(&inbox->lock);
    append(inbox, NULL);
    pthread_mutex_unlock(&inbox->lock);
    wake(inbox);
}

static struct pyd_inbox_item *
oldest(struct pyd_inbox *inbox)
{
    struct pyd_inbox_item *item;

    pthread_mutex_lock(&inbox->lock);
    item = inbox->first;
    if (item != NULL) {
        inbox->first = item->next;
        inbox->n--;
        inbox->cost -= item->cost;
    }
    pthread_mutex_unlock(&inbox->lock);
    return item;
}

/* Returns 1 and the oldest item, or 0. */
int
pyd_inbox_take(struct pyd_inbox *inbox, void *data)
{
    struct pyd_inbox_item *item = oldest(inbox);

    if (item == NULL)
        return 0;
    memcpy(data, item->data, item->len);
    free(item);
    return 1;
}

/* Items of one length; returns how many. The descriptor stays readable while there are more. */
uint32_t
pyd_inbox_take_many(struct pyd_inbox *inbox, void *data, uint32_t len, uint32_t room)
{
    eventfd_t count;
    uint32_t n = 0, rest;

    if (eventfd_read(inbox->wake, &count) < 0)
        count = 0; /* nothing is new, but something may be left */
    while (n < room && pyd_inbox_take(inbox, (char *)data + (size_t)n * len))
        n++;
    pthread_mutex_lock(&inbox->lock);
    rest = inbox->n;
    pthread_mutex_unlock(&inbox->lock);
    if (rest != 0)
        wake(inbox);
    return n;
}

uint64_t
pyd_inbox_lost(struct pyd_inbox *inbox)
{
    uint64_t lost;

    pthread_mutex_lock(&inbox->lock);
    lost = inbox->lost;
    pthread_mutex_unlock(&inbox->lock);
    return lost;
}

/* Once no callback puts items into it. */
void
pyd_inbox_close(struct pyd_inbox *inbox)
{
    struct pyd_inbox_item *item;

    while ((item = oldest(inbox)) != NULL)
        free(item);
    close(inbox->wake);
    pthread_mutex_destroy(&inbox->lock);
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* rte_log into a queue of this process. DPDK logs from any thread and under its own locks, so
 * nothing here waits or touches Python; a Python thread takes the lines out. */
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "pyd.h"

#define QUEUE_LINES 4096 /* 4 MB at most; beyond, lines are counted and dropped */

struct node {
    struct node *next;
    struct pyd_log_line line;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct node *first, **last = &first;
static unsigned int queued;
static uint64_t lost;
static int wake = -1;
static FILE *stream;
static __thread char mine[1024];

static void
queue_line(const char *text, size_t length)
{
    struct node *node = malloc(sizeof(*node));
    uint64_t one = 1;

    if (node != NULL) {
        node->next = NULL;
        node->line.level = rte_log_cur_msg_loglevel();
        node->line.logtype = rte_log_cur_msg_logtype();
        node->line.length = RTE_MIN(length, sizeof(node->line.text));
        memcpy(node->line.text, text, node->line.length);
    }
    pthread_mutex_lock(&lock);
    if (node == NULL || queued == QUEUE_LINES) {
        lost++;
        free(node);
    } else {
        *last = node;
        last = &node->next;
        queued++;
    }
    pthread_mutex_unlock(&lock);
    if (write(wake, &one, sizeof(one)) < 0)
        return; /* the counter is at its maximum: the reader is awake already */
}

/* DPDK's line for an answer without a waiting request, like our answers in place of dead
 * processes. */
static int
is_expected(const char *text, size_t length)
{
    static const char drop[] = "EAL: Drop mp reply: ";

    return length > sizeof(drop) && memcmp(text, drop, sizeof(drop) - 1) == 0;
}

static ssize_t
write_line(void *cookie, const char *text, size_t length)
{
    const size_t have = strlen(mine);

    (void)cookie;
    if (is_expected(text, length))
        return length;
    queue_line(text, length);
    snprintf(mine + have, sizeof(mine) - have, "%.*s", (int)length, text);
    return length;
}

/* Returns the file descriptor that turns readable when there are lines. */
int
pyd_log_open(void)
{
    const cookie_io_functions_t functions = {.write = write_line};

    if (stream != NULL)
        return wake;
    wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (wake < 0)
        return -errno;
    stream = fopencookie(NULL, "w", functions);
    if (stream == NULL || rte_openlog_stream(stream) != 0)
        return -ENOMEM;
    /* a line must be written by the thread that logs it, not with the next one's */
    setvbuf(stream, NULL, _IONBF, 0);
    return wake;
}

/* Give rte_log back to stderr; lines in the queue can still be taken. */
int
pyd_log_close(void)
{
    return rte_openlog_stream(NULL);
}

/* Returns 1 and a line, or 0. */
int
pyd_log_take(struct pyd_log_line *line)
{
    struct node *node;

    pthread_mutex_lock(&lock);
    node = first;
    if (node != NULL) {
        first = node->next;
        if (first == NULL)
            last = &first;
        queued--;
    }
    pthread_mutex_unlock(&lock);
    if (node == NULL)
        return 0;
    *line = node->line;
    free(node);
    return 1;
}

uint64_t
pyd_log_lost(void)
{
    return __atomic_load_n(&lost, __ATOMIC_RELAXED);
}

/* The ids and names of all log types, as rte_log_dump prints them. */
int
pyd_log_types(char *text, unsigned int size)
{
    FILE *f = fmemopen(text, size, "w");

    if (f == NULL)
        return -errno;
    rte_log_dump(f);
    fclose(f);
    return 0;
}

/* From now on, collect what DPDK logs in this thread, for pyd_log_mine(). */
void
pyd_log_forget(void)
{
    mine[0] = '\0';
}

const char *
pyd_log_mine(void)
{
    return mine;
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* rte_log into a queue of this process. DPDK logs from any thread and under its own locks, so
 * nothing here waits or touches Python; a Python thread takes the lines out. */
#include <stddef.h>

#include "core/inbox.h"
#include "pyd.h"

#define QUEUE_LINES 4096 /* 4 MB at most; beyond, lines are dropped */

static struct pyd_inbox inbox = {.n_max = QUEUE_LINES};
static FILE *stream;
static __thread char mine[1024];

static void
queue_line(const char *text, size_t length)
{
    struct pyd_log_line line;

    line.level = rte_log_cur_msg_loglevel();
    line.logtype = rte_log_cur_msg_logtype();
    line.length = RTE_MIN(length, sizeof(line.text));
    memcpy(line.text, text, line.length);
    pyd_inbox_put(&inbox, &line, offsetof(struct pyd_log_line, text) + line.length, 0);
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
    int ret;

    if (stream != NULL)
        return inbox.wake;
    ret = pyd_inbox_open(&inbox);
    if (ret < 0)
        return ret;
    stream = fopencookie(NULL, "w", functions);
    if (stream == NULL || rte_openlog_stream(stream) != 0)
        return -ENOMEM;
    /* a line must be written by the thread that logs it, not with the next one's */
    setvbuf(stream, NULL, _IONBF, 0);
    return inbox.wake;
}

/* Returns 1 and a line, or 0. */
int
pyd_log_take(struct pyd_log_line *line)
{
    return pyd_inbox_take(&inbox, line);
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

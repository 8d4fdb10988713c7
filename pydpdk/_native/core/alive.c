/* SPDX-License-Identifier: BSD-3-Clause */
/* Ask the kernel whether a process is alive, and how much CPU time a thread has had. */
#include "core/process_table.h"

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

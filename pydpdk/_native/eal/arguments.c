/* SPDX-License-Identifier: BSD-3-Clause */
/* Arguments that would make rte_eal_init exit the process: from 25.11 it does so on any that its
 * parser (librte_argparse) refuses, with no hook before. So a child is asked first: with --help it
 * parses all of them and then exits, and never starts an EAL. */
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pyd.h"

static char refusal[512];

/* The first of exit's handlers in the child, and the last: none of the parent's may run there. */
static void
leave(int status, void *unused)
{
    (void)unused;
    fflush(stderr);
    _exit(status == 0 ? 0 : 1);
}

static void
parse_and_exit(int argc, char **argv, int out)
{
    char **asked = calloc(argc + 2, sizeof(*asked));
    FILE *stream = fdopen(out, "w");

    if (asked == NULL || stream == NULL || on_exit(leave, NULL) != 0)
        _exit(0);
    asked[0] = argv[0];
    asked[1] = (char *)(uintptr_t)"--help";
    memcpy(&asked[2], &argv[1], (argc - 1) * sizeof(*asked));
    stdout = fopen("/dev/null", "w");
    stderr = stream;
    rte_openlog_stream(stream);
    rte_eal_init(argc + 1, asked);
    _exit(0);
}

static void
read_all(int in)
{
    size_t used = 0;
    ssize_t n;

    while (used < sizeof(refusal) - 1 &&
           ((n = read(in, refusal + used, sizeof(refusal) - 1 - used)) > 0 ||
            (n < 0 && errno == EINTR)))
        used += n > 0 ? n : 0;
    refusal[used] = '\0';
}

/* What DPDK says against these arguments; "" where it takes them, or would not exit over them. */
const char *
pyd_eal_refusal(int argc, char **argv)
{
    int pipes[2], status;
    pid_t child;

    refusal[0] = '\0';
    if (!PYD_ARGUMENTS_EXIT || pipe(pipes) != 0)
        return refusal;
    child = fork();
    if (child == 0)
        parse_and_exit(argc, argv, pipes[1]);
    close(pipes[1]);
    read_all(pipes[0]);
    close(pipes[0]);
    while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    if (child < 0 || (WIFEXITED(status) && WEXITSTATUS(status) == 0))
        refusal[0] = '\0';
    else if (refusal[0] == '\0')
        strcpy(refusal, "its parser refuses an argument");
    return refusal;
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* Arguments that would make rte_eal_init exit the process: from 25.11 it does so at any that its
 * parser (librte_argparse) rejects, without a hook before. So a child tries first: with --help it
 * parses all of them and then exits, and never starts an EAL. */
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pyd.h"

static char rejection[512];

/* The first exit handler in the child, and the last: the parent's handlers must not run there. */
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

    while (used < sizeof(rejection) - 1 &&
           ((n = read(in, rejection + used, sizeof(rejection) - 1 - used)) > 0 ||
            (n < 0 && errno == EINTR)))
        used += n > 0 ? n : 0;
    rejection[used] = '\0';
}

/* DPDK's error for these arguments; "" where it accepts them, or would not exit. */
const char *
pyd_eal_rejection(int argc, char **argv)
{
    int pipes[2], status;
    pid_t child;

    rejection[0] = '\0';
    if (!PYD_ARGUMENTS_EXIT || pipe(pipes) != 0)
        return rejection;
    child = fork();
    if (child == 0)
        parse_and_exit(argc, argv, pipes[1]);
    close(pipes[1]);
    read_all(pipes[0]);
    close(pipes[0]);
    while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    if (child < 0 || (WIFEXITED(status) && WEXITSTATUS(status) == 0))
        rejection[0] = '\0';
    else if (rejection[0] == '\0')
        strcpy(rejection, "its parser rejects an argument");
    return rejection;
}

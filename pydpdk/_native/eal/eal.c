/* SPDX-License-Identifier: BSD-3-Clause */
/* rte_eal_init without its exits: it prints its usage and may then exit the process. */
#include <setjmp.h>

#include <rte_devargs.h>

#include "pyd.h"

static jmp_buf usage_printed;
static char *printed;
static size_t printed_size;

static void
leave_usage(const char *program)
{
    (void)program;
    longjmp(usage_printed, 1);
}

static int phase;

/* The phase of the EAL in this process: 0 before rte_eal_init, 1 once it was called, 2 while the
 * EAL runs, 3 after its cleanup. */
int
pyd_eal_phase(void)
{
    return phase;
}

/* rte_eal_cleanup, once. */
void
pyd_eal_cleanup(void)
{
    if (phase != 2)
        return;
    phase = 3;
    rte_eal_cleanup();
}

int
pyd_rte_errno(void)
{
    return rte_errno;
}

/* Returns the result of rte_eal_init, or -1 where it wanted to print its usage. All that it and
 * getopt print is kept in `printed`: the streams belong to the program. */
int
pyd_eal_init(int argc, char **argv)
{
    FILE *const saved[] = {stdout, stderr};
    FILE *sink = open_memstream(&printed, &printed_size);
    int ret;

    if (sink == NULL) {
        rte_errno = ENOMEM;
        return -1;
    }
    phase = 1;
    rte_set_application_usage_hook(leave_usage);
    stdout = stderr = sink;
    if (setjmp(usage_printed) == 0) {
        rte_errno = 0;
        ret = rte_eal_init(argc, argv);
    } else {
        rte_errno = EINVAL;
        ret = -1;
    }
    stdout = saved[0];
    stderr = saved[1];
    rte_set_application_usage_hook(NULL);
    fclose(sink);
    if (ret >= 0)
        phase = 2;
    return ret;
}

/* The text that rte_eal_init printed rather than logged. */
const char *
pyd_eal_printed(void)
{
    return printed == NULL ? "" : printed;
}

/* The arguments a device was made with, e.g. "size=64"; "" where it has none. */
int
pyd_dev_args(const struct rte_device *dev, char *args, unsigned int size)
{
    const struct rte_devargs *devargs = dev == NULL ? NULL : rte_dev_devargs(dev);
    const char *text = devargs == NULL || devargs->args == NULL ? "" : devargs->args;

    return snprintf(args, size, "%s", text);
}

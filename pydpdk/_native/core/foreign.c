/* SPDX-License-Identifier: BSD-3-Clause */
/* Whether a program other than pydpdk may have written into this memory. */
#include <errno.h>
#include <poll.h>

#include "core/process_table.h"

/* Wait until something new appears in the runtime directory, which `inotify` watches, and at once
 * record that it may be a foreign program: the Python code that finds out may wait for the GIL,
 * this code does not. Everything that came before is known to be ours. Returns 1; 0 when `wake` was
 * written to; or a negative errno. */
int
pyd_foreign_wait(int inotify, int wake)
{
    struct pollfd fds[] = {{.fd = inotify, .events = POLLIN}, {.fd = wake, .events = POLLIN}};
    int ret;

    if (poll(fds, 1, 0) == 0)
        pyd_foreign(0, PYD_FOREIGN_UNSURE);
    do
        ret = poll(fds, RTE_DIM(fds), -1);
    while (ret < 0 && errno == EINTR);
    ret = ret < 0 ? -errno : fds[1].revents == 0;
    pyd_foreign(PYD_FOREIGN_UNSURE, 0);
    return ret;
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* Finish the requests between this primary and dead processes. Requests of a dead process lie in
 * the primary's socket in their order, and one thread serves them: once it reaches a message of our
 * own, all before it are served. Requests to a dead process are answered in its place, with "ignore
 * me". */
#include <dirent.h>
#include <fnmatch.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "process/quiet.h"

#define NAME "pydpdk_quiet"
#define TIMEOUT_MS 20000
#define ANSWERS_US 5100000 /* DPDK waits 5 s for the processes that it asks in turn */

static uint32_t passed;

static int
on_message(const struct rte_mp_msg *msg, const void *peer)
{
    (void)peer;
    __atomic_store_n(&passed, *(const uint32_t *)msg->param, __ATOMIC_RELEASE);
    return 0;
}

/* As in DPDK's send_msg. */
enum { WIRE_MSG, WIRE_REQUEST, WIRE_REPLY, WIRE_IGNORE };

struct wire {
    int type;
    struct rte_mp_msg msg;
};

#define WIRE_LENGTH (sizeof(struct wire) - sizeof(((struct rte_mp_msg *)NULL)->fds))

static int
open_socket(void)
{
    return socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

static int
send_to_self(int fd, const struct wire *wire)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    ssize_t sent = -1;
    uint32_t i;

    snprintf(to.sun_path, sizeof(to.sun_path), "%.90s/mp_socket", rte_eal_get_runtime_dir());
    for (i = 0; i < TIMEOUT_MS && sent < 0; i++) {
        sent = sendto(fd, wire, WIRE_LENGTH, 0, (struct sockaddr *)&to, sizeof(to));
        if (sent < 0 && errno != EAGAIN && errno != EINTR)
            break;
        if (sent < 0)
            usleep(1000);
    }
    return sent < 0 ? -EBUSY : 0;
}

static int
send_number(uint32_t number)
{
    struct wire wire = {WIRE_MSG, {.name = NAME, .len_param = sizeof(number)}};
    const int fd = open_socket();
    int ret;

    if (fd < 0)
        return -errno;
    memcpy(wire.msg.param, &number, sizeof(number));
    ret = send_to_self(fd, &wire);
    close(fd);
    return ret;
}

static void
ignore(int fd, const char *name)
{
    struct wire wire = {.type = WIRE_IGNORE};

    snprintf(wire.msg.name, sizeof(wire.msg.name), "%s", name);
    send_to_self(fd, &wire);
}

/* Answer in place of the socket's dead owner. Its path is removed again at once: only messages that
 * are sent in between can arrive. */
static void
answer_at(const char *path)
{
    static const char *const asked[] = {"mp_malloc_sync", "mp_malloc_rollback",
                                        "eal_dev_mp_request"};
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    const int fd = open_socket();
    struct wire wire;
    uint32_t i;

    if (fd < 0)
        return;
    snprintf(at.sun_path, sizeof(at.sun_path), "%s", path);
    unlink(path);
    if (bind(fd, (struct sockaddr *)&at, sizeof(at)) == 0) {
        unlink(path);
        for (i = 0; i < RTE_DIM(asked); i++)
            ignore(fd, asked[i]);
        while (recv(fd, &wire, sizeof(wire), 0) > 0)
            if (wire.type == WIRE_REQUEST)
                ignore(fd, wire.msg.name);
    }
    close(fd);
}

/* DPDK has the directory locked while it sends to the sockets in it. */
static int
lock_directory(DIR *directory)
{
    uint32_t i;

    for (i = 0; i < 100; i++) {
        if (flock(dirfd(directory), LOCK_EX | LOCK_NB) == 0)
            return 1;
        usleep(1000);
    }
    return 0;
}

/* In the primary: stop waiting for answers of a dead process. DPDK would wait 5 s for each and let
 * a heap fail to grow; asked to grow again meanwhile, its one thread can ask two living processes
 * in turns without end, each of which has answered (EEXIST). */
void
pyd_answer_for(uint64_t pid)
{
    DIR *directory = opendir(rte_eal_get_runtime_dir());
    const struct dirent *entry;
    char pattern[64], path[108];
    int locked;

    if (directory == NULL)
        return;
    locked = lock_directory(directory);
    snprintf(pattern, sizeof(pattern), "mp_socket_%" PRIu64 "_*", pid);
    while ((entry = readdir(directory)) != NULL)
        if (fnmatch(pattern, entry->d_name, 0) == 0 &&
            snprintf(path, sizeof(path), "%s/%s", rte_eal_get_runtime_dir(), entry->d_name) <
                (int)sizeof(path))
            answer_at(path);
    if (locked)
        flock(dirfd(directory), LOCK_UN);
    closedir(directory);
}

static int
requests_served(void)
{
    static uint32_t number;
    const uint32_t mine = ++number;
    uint32_t i;
    int ret;

    if (rte_mp_action_register(NAME, on_message) != 0 && rte_errno != EEXIST)
        return -rte_errno;
    ret = send_number(mine);
    for (i = 0; ret == 0 && __atomic_load_n(&passed, __ATOMIC_ACQUIRE) != mine; i++) {
        if (i == TIMEOUT_MS)
            return -EBUSY;
        usleep(1000);
    }
    return ret;
}

/* Return 0 when everything in the socket now has been served; with `late_answers`, also when DPDK's
 * own requests to other processes have been answered or given up. One thread at a time. */
int
pyd_requests_pass(int late_answers)
{
    int ret = requests_served();

    if (ret == 0 && late_answers) {
        ret = pyd_alarms_pass(ANSWERS_US, TIMEOUT_MS);
        ret = ret == 0 ? requests_served() : -EBUSY;
    }
    return ret;
}

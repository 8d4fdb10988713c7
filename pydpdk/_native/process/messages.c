/* SPDX-License-Identifier: BSD-3-Clause */
#include <fcntl.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "core/gate.h"
#include "core/inbox.h"

/* Beyond these limits, messages are counted and dropped. A process that runs out of descriptors
 * loses DPDK's message thread for good (its recvmsg is cut short, and it ends): hence the second
 * limit. */
#define QUEUE_MESSAGES 1024
#define QUEUE_FDS 256

struct message {
    struct rte_mp_msg msg;
    char peer[PYD_PEER_SIZE];
};

/* Never closed: DPDK may still be inside the callback when its name has been unregistered. */
static struct pyd_inbox inbox = {.n_max = QUEUE_MESSAGES, .cost_max = QUEUE_FDS, .wake = -1};

static void
close_fds(const struct rte_mp_msg *msg, int n)
{
    int i;

    for (i = 0; i < n; i++)
        close(msg->fds[i]);
}

/* A message may announce more descriptors than it brought; DPDK leaves other numbers in their
 * place, usually those of earlier messages. A descriptor that was just received is not
 * close-on-exec, as DPDK does not ask for that; Python's own are, and so are all that were taken
 * here. */
static int
has_come(int fd)
{
    const int flags = fd > STDERR_FILENO ? fcntl(fd, F_GETFD) : -1;

    return flags >= 0 && !(flags & FD_CLOEXEC);
}

/* Make the received descriptors close-on-exec; returns how many there are. */
static int
take_fds(const struct rte_mp_msg *msg)
{
    int n;

    for (n = 0; n < msg->num_fds && has_come(msg->fds[n]); n++)
        fcntl(msg->fds[n], F_SETFD, FD_CLOEXEC);
    return n;
}

static int
queue(const struct rte_mp_msg *msg, const char *peer)
{
    struct message message = {.msg = *msg};

    snprintf(message.peer, sizeof(message.peer), "%.*s", PYD_PEER_SIZE - 1, peer);
    return pyd_inbox_put(&inbox, &message, sizeof(message), msg->num_fds);
}

/* So that the next message does not find them in its place. */
static void
forget_fds(const struct rte_mp_msg *msg)
{
    int *fds = (int *)(uintptr_t)msg->fds; /* in a buffer of DPDK's thread */
    int i;

    for (i = 0; i < RTE_MP_MAX_FD_NUM; i++)
        fds[i] = -1;
}

static int
on_message(const struct rte_mp_msg *msg, const void *peer)
{
    const int n = take_fds(msg);

    if (n != msg->num_fds)
        pyd_inbox_lose(&inbox);
    if (n != msg->num_fds || !queue(msg, peer))
        close_fds(msg, n);
    forget_fds(msg);
    return 0; /* also where it is lost: DPDK would log a line for each */
}

/* The file descriptor that turns readable when there are messages, or a negative errno. */
int
pyd_mp_open(void)
{
    return inbox.wake < 0 ? pyd_inbox_open(&inbox) : inbox.wake;
}

/* Returns -1 and sets rte_errno on failure. */
int
pyd_mp_register(struct pyd_listener *listener, const char *message, const char *request)
{
    if (rte_mp_action_register(message, on_message) != 0)
        return -1;
    if (rte_mp_action_register(request, on_message) != 0) {
        const int why = rte_errno;

        rte_mp_action_unregister(message);
        rte_errno = why;
        return -1;
    }
    snprintf(listener->message, sizeof(listener->message), "%s", message);
    snprintf(listener->request, sizeof(listener->request), "%s", request);
    listener->gate.open = 1;
    return 0;
}

/* Does nothing when it is already done or nothing was registered. */
int
pyd_mp_unregister(struct pyd_listener *listener)
{
    if (!listener->gate.open)
        return 0;
    pyd_end(&listener->gate);
    rte_mp_action_unregister(listener->message);
    rte_mp_action_unregister(listener->request);
    return 0;
}

/* Returns 1: the oldest message was moved to `msg`, and the caller owns its descriptors. 0: there
 * is none. */
int
pyd_mp_take(struct rte_mp_msg *msg, char *peer)
{
    struct message message;

    if (!pyd_inbox_take(&inbox, &message))
        return 0;
    *msg = message.msg;
    memcpy(peer, message.peer, PYD_PEER_SIZE);
    return 1;
}

uint64_t
pyd_mp_lost(void)
{
    return pyd_inbox_lost(&inbox);
}

/* Returns -1 and sets rte_errno on failure. */
int
pyd_mp_request_sync(struct rte_mp_msg *msg, struct rte_mp_reply *reply, uint64_t timeout_ns)
{
    const struct timespec wait = {timeout_ns / 1000000000, timeout_ns % 1000000000};

    return rte_mp_request_sync(msg, reply, &wait);
}

void
pyd_mp_free(struct rte_mp_reply *reply)
{
    free(reply->msgs);
    reply->msgs = NULL;
}

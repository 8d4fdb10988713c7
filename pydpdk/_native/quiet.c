/* Requests of dead processes to this primary. They lie in its socket in their order, and one thread
 * serves them: when it has come to a message of our own, all before it are served. */
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "quiet.h"

#define NAME "pydpdk_quiet"
#define TIMEOUT_MS 20000
#define ANSWERS_US 5100000 /* DPDK waits 5 s for those that it asks in turn */

static uint32_t passed;

static int
on_message(const struct rte_mp_msg *msg, const void *peer)
{
    (void)peer;
    __atomic_store_n(&passed, *(const uint32_t *)msg->param, __ATOMIC_RELEASE);
    return 0;
}

/* As DPDK's send_msg has it. */
struct wire {
    int type;
    struct rte_mp_msg msg;
};

static int
send_to_self(uint32_t number)
{
    struct wire wire = {.msg = {.name = NAME, .len_param = sizeof(number)}};
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    const size_t length = sizeof(wire) - sizeof(wire.msg.fds);
    ssize_t sent = -1;
    uint32_t i;

    if (fd < 0)
        return -errno;
    memcpy(wire.msg.param, &number, sizeof(number));
    snprintf(to.sun_path, sizeof(to.sun_path), "%.90s/mp_socket", rte_eal_get_runtime_dir());
    for (i = 0; i < TIMEOUT_MS && sent < 0; i++) {
        sent = sendto(fd, &wire, length, 0, (struct sockaddr *)&to, sizeof(to));
        if (sent < 0 && errno != EAGAIN && errno != EINTR)
            break;
        if (sent < 0)
            usleep(1000);
    }
    close(fd);
    return sent < 0 ? -EBUSY : 0;
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
    ret = send_to_self(mine);
    for (i = 0; ret == 0 && __atomic_load_n(&passed, __ATOMIC_ACQUIRE) != mine; i++) {
        if (i == TIMEOUT_MS)
            return -EBUSY;
        usleep(1000);
    }
    return ret;
}

/* Return 0 when all that is in the socket now has been served; with `late_answers`, also what DPDK
 * asks others for meanwhile has come or been given up. One thread at a time. */
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

/* SPDX-License-Identifier: BSD-3-Clause */
/* DPDK's message thread ends for good at a malformed datagram. So the kernel is asked to drop such
 * datagrams before the thread reads them. */
#include <linux/filter.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "pyd.h"

struct datagram {
    int type;
    struct rte_mp_msg msg; /* its descriptors are sent beside it */
};

#define LENGTH (sizeof(struct datagram) - sizeof(((struct rte_mp_msg *)NULL)->fds))
#define LEN_PARAM offsetof(struct datagram, msg.len_param)
#define NUM_FDS offsetof(struct datagram, msg.num_fds)

#define LOAD(offset) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offset)
#define DROP_UNLESS(test, value, to_drop) BPF_JUMP(BPF_JMP | (test) | BPF_K, value, 0, to_drop)
#define DROP_IF(test, value, to_drop) BPF_JUMP(BPF_JMP | (test) | BPF_K, value, to_drop, 0)

/* The filter reads big-endian words, but x86 and ARM write these numbers little-endian: the lowest
 * byte is the highest here, and the 256 of len_param is 0x00010000. */
static struct sock_filter filter[] = {
    BPF_STMT(BPF_LD | BPF_W | BPF_LEN, 0),
    DROP_UNLESS(BPF_JEQ, LENGTH, 7),
    LOAD(NUM_FDS),
    DROP_IF(BPF_JSET, 0x00ffffff, 5),
    DROP_IF(BPF_JGT, (uint32_t)RTE_MP_MAX_FD_NUM << 24, 4),
    LOAD(LEN_PARAM),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0x00010000, 1, 0),
    DROP_IF(BPF_JSET, 0x00ffffff, 1),
    BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
    BPF_STMT(BPF_RET | BPF_K, 0),
};

static int
is_in(int fd, const char *directory)
{
    struct sockaddr_un name = {0};
    socklen_t length = sizeof(name) - 1;
    const size_t n = strlen(directory);

    return getsockname(fd, (struct sockaddr *)&name, &length) == 0 &&
           name.sun_family == AF_UNIX && strncmp(name.sun_path, directory, n) == 0 &&
           strncmp(name.sun_path + n, "/mp_socket", strlen("/mp_socket")) == 0;
}

/* Filter this process's socket in the runtime directory. Returns 0, or a negative errno: -ENOENT
 * where it has none. */
int
pyd_mp_filter(const char *directory)
{
    const struct sock_fprog program = {.len = RTE_DIM(filter), .filter = filter};
    struct rlimit limit;
    int fd;

    RTE_BUILD_BUG_ON(RTE_MP_MAX_PARAM_LEN != 256);
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return -errno;
    for (fd = 0; fd < (int)RTE_MIN(limit.rlim_cur, 1U << 20); fd++)
        if (is_in(fd, directory))
            return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) == 0
                       ? 0
                       : -errno;
    return -ENOENT;
}

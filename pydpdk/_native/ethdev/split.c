/* SPDX-License-Identifier: BSD-3-Clause */
/* Have the kernel split large packets (TSO, GSO) before they come over a veth pair.
 *
 * While an interface of such a pair has an XDP program, the kernel takes segmentation from the
 * other end, in any namespace. So attach one that passes every packet, by a link: it goes with the
 * descriptor, however the process ends. */
#include <errno.h>
#include <linux/bpf.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "pyd.h"

#ifndef BPF_F_XDP_HAS_FRAGS /* Linux 5.18: any MTU */
#define BPF_F_XDP_HAS_FRAGS (1U << 5)
#endif

static int
call_bpf(int command, union bpf_attr *attr)
{
    const int ret = syscall(__NR_bpf, command, attr, sizeof(*attr));

    return ret < 0 ? -errno : ret;
}

static int
load_pass(uint32_t flags)
{
    static const struct bpf_insn pass[] = {
        {.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = XDP_PASS},
        {.code = BPF_JMP | BPF_EXIT},
    };
    union bpf_attr attr;

    memset(&attr, 0, sizeof(attr));
    attr.prog_type = BPF_PROG_TYPE_XDP;
    attr.insns = (uintptr_t)pass;
    attr.insn_cnt = RTE_DIM(pass);
    attr.license = (uintptr_t) "GPL";
    attr.prog_flags = flags;
    memcpy(attr.prog_name, "pydpdk_pass", sizeof("pydpdk_pass"));
    return call_bpf(BPF_PROG_LOAD, &attr);
}

/* Returns a descriptor to close when large packets may come again; or -errno. */
int
pyd_split_large(uint32_t interface)
{
    union bpf_attr attr;
    int program = load_pass(BPF_F_XDP_HAS_FRAGS), ret;

    if (program == -EINVAL)
        program = load_pass(0);
    if (program < 0)
        return program;
    memset(&attr, 0, sizeof(attr));
    attr.link_create.prog_fd = program;
    attr.link_create.target_ifindex = interface;
    attr.link_create.attach_type = BPF_XDP;
    ret = call_bpf(BPF_LINK_CREATE, &attr);
    close(program);
    return ret;
}

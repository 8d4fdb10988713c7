/* SPDX-License-Identifier: BSD-3-Clause */
/* Filters of packets. rte_bpf_convert was experimental up to DPDK 23.07: see compat.h. */
#define PYD_TAKES_EXPERIMENTAL
#include "burst/burst.h"

#include <dlfcn.h>
#include <stdlib.h>

#if __has_include(<pcap/pcap.h>)
#include <pcap/pcap.h>

#define SNAPLEN 262144

/* libpcap is loaded where librte_bpf needs it, and only there is rte_bpf_convert complete. */
#define FIND(function) typeof(&function) call_##function = dlsym(RTLD_DEFAULT, #function)

/* Returns 0 and a program; or an error and a reason where the expression is invalid. */
static int
compile(const char *expression, struct bpf_program *program, char *reason, uint32_t room)
{
    FIND(pcap_open_dead);
    FIND(pcap_compile);
    FIND(pcap_geterr);
    FIND(pcap_close);
    pcap_t *pcap;
    int ret;

    if (!call_pcap_open_dead || !call_pcap_compile || !call_pcap_geterr || !call_pcap_close)
        return -ENOTSUP;
    pcap = call_pcap_open_dead(DLT_EN10MB, SNAPLEN);
    if (pcap == NULL)
        return -ENOMEM;
    ret = call_pcap_compile(pcap, program, expression, 1, PCAP_NETMASK_UNKNOWN);
    if (ret != 0)
        snprintf(reason, room, "%s", call_pcap_geterr(pcap));
    call_pcap_close(pcap);
    return ret != 0 ? -EINVAL : 0;
}

/* Indexed loads need X's register, but rte_bpf_convert (22.11 to 25.11) sets it only in those of
 * two bytes: it tests a bit of the size as if it were the X bit of arithmetic. Its second
 * instruction clears X, and so names the register. */
static void
fix_loads(struct rte_bpf_prm *prm)
{
    struct ebpf_insn *ins = (struct ebpf_insn *)(uintptr_t)prm->ins;
    uint32_t i;

    for (i = 2; i < prm->nb_ins; i++)
        if (ins[i].code == (BPF_LD | BPF_IND | BPF_B) || ins[i].code == (BPF_LD | BPF_IND | BPF_W))
            ins[i].src_reg = ins[1].dst_reg;
}

/* A shift by a register: for counts above 31, CPUs shift by the count modulo 32, but libpcap
 * returns 0. */
static int
is_open_shift(const struct ebpf_insn *ins)
{
    return ins->code == (BPF_ALU | BPF_LSH | BPF_X) || ins->code == (BPF_ALU | BPF_RSH | BPF_X);
}

#define GUARD 3 /* instructions before the shift */

static void
put_guard(struct ebpf_insn *to, const struct ebpf_insn *shift)
{
    to[0] = (struct ebpf_insn){
        .code = BPF_JMP | EBPF_JLT | BPF_K, .dst_reg = shift->src_reg, .off = 2, .imm = 32};
    to[1] = (struct ebpf_insn){.code = BPF_ALU | EBPF_MOV | BPF_K, .dst_reg = shift->dst_reg};
    to[2] = (struct ebpf_insn){.code = BPF_JMP | BPF_JA, .off = 1};
}

static int
is_jump(const struct ebpf_insn *ins)
{
    return BPF_CLASS(ins->code) == BPF_JMP && BPF_OP(ins->code) != EBPF_EXIT &&
           BPF_OP(ins->code) != EBPF_CALL;
}

/* Copy the program with its guards; at[i] is where instruction i begins, its guard included. */
static void
copy_guarded(const struct rte_bpf_prm *prm, const uint32_t *at, struct ebpf_insn *to)
{
    uint32_t i, own;

    for (i = 0; i < prm->nb_ins; i++) {
        const struct ebpf_insn *ins = &prm->ins[i];

        own = at[i];
        if (is_open_shift(ins)) {
            put_guard(to + own, ins);
            own += GUARD;
        }
        to[own] = *ins;
        if (is_jump(ins))
            to[own].off = at[i + 1 + ins->off] - (own + 1);
    }
}

/* Returns the instructions, or NULL and sets rte_errno. */
static struct ebpf_insn *
guard_shifts(struct rte_bpf_prm *prm)
{
    uint32_t *at = malloc((prm->nb_ins + 1) * sizeof(*at)), i, n = 0;
    struct ebpf_insn *guarded = NULL;

    for (i = 0; at != NULL && i <= prm->nb_ins; i++) {
        at[i] = n;
        if (i < prm->nb_ins)
            n += is_open_shift(&prm->ins[i]) ? GUARD + 1 : 1;
    }
    rte_errno = n > INT16_MAX ? E2BIG : ENOMEM; /* jumps have 16 bits */
    if (at != NULL && n <= INT16_MAX)
        guarded = malloc(n * sizeof(*guarded));
    if (guarded != NULL) {
        copy_guarded(prm, at, guarded);
        prm->ins = guarded;
        prm->nb_ins = n;
    }
    free(at);
    return guarded;
}

static int
load(struct pyd_bpf *bpf, struct bpf_program *program)
{
    FIND(pcap_freecode);
    struct rte_bpf_prm *prm = rte_bpf_convert(program);
    struct ebpf_insn *guarded;

    if (call_pcap_freecode)
        call_pcap_freecode(program);
    if (prm == NULL) /* EPERM stands for -1: there is no instruction for it */
        return rte_errno == EPERM ? -ENOTSUP : -rte_errno;
    fix_loads(prm);
    guarded = guard_shifts(prm);
    bpf->bpf = guarded != NULL ? rte_bpf_load(prm) : NULL;
    free(guarded);
    rte_free(prm);
    if (bpf->bpf == NULL)
        return -rte_errno;
    return 0;
}

int
pyd_bpf_open(struct pyd_bpf *bpf, const char *expression, char *reason, uint32_t room)
{
    struct bpf_program program;
    int ret = compile(expression, &program, reason, room);

    if (ret == 0) {
        ret = load(bpf, &program);
        if (ret == -ENOTSUP)
            snprintf(reason, room, "DPDK's filters have no loops (protochain), and no direction or "
                     "interface of a packet (inbound, outbound, ifindex)");
    }
    if (ret == 0)
        __atomic_store_n(&bpf->gate.open, 1, __ATOMIC_SEQ_CST);
    return ret;
}
#else
int
pyd_bpf_open(struct pyd_bpf *bpf, const char *expression, char *reason, uint32_t room)
{
    (void)bpf, (void)expression, (void)reason, (void)room;
    return -ENOTSUP;
}
#endif

int
pyd_bpf_close(struct pyd_bpf *bpf)
{
    int ret;

    if (bpf->bpf == NULL)
        return 0;
    ret = pyd_shut(&bpf->gate);
    if (ret != 0)
        return ret;
    pyd_end(&bpf->gate);
    rte_bpf_destroy(bpf->bpf);
    bpf->bpf = NULL;
    return 0;
}

/* Interpreted: the machine code that 22.11 makes for x86 treats jset as true (`ether[0] & 1 !=
 * 0`). */
static int
match(struct rte_mbuf **mbufs, uint32_t n, const struct pyd_bpf *bpf, uint8_t *mask)
{
    uint32_t i;

    for (i = 0; i < n; i++)
        mask[i] = rte_bpf_exec(bpf->bpf, mbufs[i]) != 0;
    return n;
}

int
pyd_burst_match(struct pyd_burst *burst, struct pyd_bpf *bpf, uint8_t *mask, uint32_t n)
{
    int ret = pyd_burst_enter_all(burst, n);

    if (unlikely(ret != 0))
        return ret;
    ret = pyd_enter(&bpf->gate);
    ret = ret != 0 ? -ENETDOWN
                   : pyd_leave_with(&bpf->gate, match(burst->storage->mbufs, n, bpf, mask));
    return pyd_burst_leave_with(burst, ret);
}

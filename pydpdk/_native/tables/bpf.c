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

#define LENGTH_MAX (1 << 30) /* no packet is longer */

/* Indexed loads need X's register, but rte_bpf_convert (22.11 to 25.11) sets it only in those of
 * two bytes: it tests a bit of the size as if it were the X bit of arithmetic. Its second
 * instruction clears X, and so names the register. Offsets above 2^31 are negative for rte_bpf_load,
 * which refuses them; here they become one that ends the program too. */
static void
fix_loads(struct rte_bpf_prm *prm)
{
    struct ebpf_insn *ins = (struct ebpf_insn *)(uintptr_t)prm->ins;
    uint32_t i;

    for (i = 2; i < prm->nb_ins; i++) {
        if (BPF_CLASS(ins[i].code) != BPF_LD)
            continue;
        if ((uint32_t)ins[i].imm > LENGTH_MAX)
            ins[i] = (struct ebpf_insn){.code = BPF_LD | BPF_ABS | BPF_B, .imm = LENGTH_MAX};
        else if (BPF_MODE(ins[i].code) == BPF_IND)
            ins[i].src_reg = ins[1].dst_reg;
    }
}

/* rte_bpf_convert puts four instructions before a division by X: X = X, a jump to the division if X
 * is not 0, A = 0, exit. Where X is always 0, the verifier believes that the jump is taken with this
 * 0, and refuses the program (docs/upstream). It believes two comparisons with "above 0", one for
 * each of its ranges, unsigned and signed; X, of 32 bits in a register of 64, makes both the same. */
static void
fix_divisions(struct rte_bpf_prm *prm)
{
    struct ebpf_insn *ins = (struct ebpf_insn *)(uintptr_t)prm->ins;
    uint32_t i;

    for (i = 4; i < prm->nb_ins; i++) {
        if (ins[i].code != (BPF_ALU | BPF_DIV | BPF_X) && ins[i].code != (BPF_ALU | BPF_MOD | BPF_X))
            continue;
        if (ins[i - 3].code != (BPF_JMP | EBPF_JNE | BPF_K))
            continue;
        ins[i - 4] = (struct ebpf_insn){
            .code = BPF_JMP | EBPF_JLE | BPF_K, .dst_reg = ins[i].src_reg, .off = 1};
        ins[i - 3].code = BPF_JMP | EBPF_JSGT | BPF_K;
    }
}

/* X is the length of an IPv4 header, at most 60, unless the program computes it. */
static int
has_computed_x(const struct bpf_program *program)
{
    uint32_t i;

    for (i = 0; i < program->bf_len; i++) {
        uint32_t code = program->bf_insns[i].code;

        if (code == (BPF_MISC | BPF_TAX) ||
            (BPF_CLASS(code) == BPF_LDX && BPF_MODE(code) != BPF_MSH))
            return 1;
    }
    return 0;
}

#define GUARD_MAX 4 /* instructions before one */

/* A shift by a register: for counts above 31, CPUs shift by the count modulo 32, but libpcap
 * returns 0. */
static uint32_t
guard_shift(const struct ebpf_insn *ins, struct ebpf_insn *to)
{
    if (ins->code != (BPF_ALU | BPF_LSH | BPF_X) && ins->code != (BPF_ALU | BPF_RSH | BPF_X))
        return 0;
    to[0] = (struct ebpf_insn){
        .code = BPF_JMP | EBPF_JLT | BPF_K, .dst_reg = ins->src_reg, .off = 2, .imm = 32};
    to[1] = (struct ebpf_insn){.code = BPF_ALU | EBPF_MOV | BPF_K, .dst_reg = ins->dst_reg};
    to[2] = (struct ebpf_insn){.code = BPF_JMP | BPF_JA, .off = 1};
    return 3;
}

/* A load at an index that may be near 2^32: rte_pktmbuf_read adds in 32 bits and reads 4 GB behind
 * the packet, and the verifier refuses some constants (docs/upstream). libpcap returns 0. The
 * verifier does not see that the index is at most LENGTH_MAX, but that it has 31 bits. */
static uint32_t
guard_load(const struct ebpf_insn *ins, struct ebpf_insn *to)
{
    if (BPF_CLASS(ins->code) != BPF_LD || BPF_MODE(ins->code) != BPF_IND)
        return 0;
    to[0] = (struct ebpf_insn){
        .code = BPF_JMP | EBPF_JLE | BPF_K, .dst_reg = ins->src_reg, .off = 2, .imm = LENGTH_MAX};
    to[1] = (struct ebpf_insn){.code = BPF_ALU | EBPF_MOV | BPF_K, .dst_reg = EBPF_REG_0};
    to[2] = (struct ebpf_insn){.code = BPF_JMP | EBPF_EXIT};
    to[3] = (struct ebpf_insn){
        .code = BPF_ALU | BPF_AND | BPF_K, .dst_reg = ins->src_reg, .imm = INT32_MAX};
    return 4;
}

/* Write an instruction and its guard. Returns their number. */
static uint32_t
put(const struct ebpf_insn *ins, struct ebpf_insn *to, int computes_x)
{
    uint32_t n = guard_shift(ins, to);

    if (n == 0 && computes_x)
        n = guard_load(ins, to);
    to[n] = *ins;
    return n + 1;
}

static int
is_jump(const struct ebpf_insn *ins)
{
    return BPF_CLASS(ins->code) == BPF_JMP && BPF_OP(ins->code) != EBPF_EXIT &&
           BPF_OP(ins->code) != EBPF_CALL;
}

/* Copy the program with its guards; at[i] becomes where instruction i begins, its guard included.
 * Returns its length. */
static uint32_t
copy_guarded(const struct rte_bpf_prm *prm, uint32_t *at, struct ebpf_insn *to, int computes_x)
{
    uint32_t i, n = 0;

    for (i = 0; i < prm->nb_ins; i++) {
        at[i] = n;
        n += put(&prm->ins[i], to + n, computes_x);
    }
    for (i = 0; i < prm->nb_ins; i++) /* jumps have no guard */
        if (is_jump(&prm->ins[i]))
            to[at[i]].off = at[i + 1 + prm->ins[i].off] - (at[i] + 1);
    return n;
}

/* Returns the instructions, or NULL and sets rte_errno. */
static struct ebpf_insn *
guard(struct rte_bpf_prm *prm, int computes_x)
{
    uint32_t *at = malloc(prm->nb_ins * sizeof(*at));
    struct ebpf_insn *guarded = malloc((size_t)prm->nb_ins * (GUARD_MAX + 1) * sizeof(*guarded));
    uint32_t n = 0;

    if (at != NULL && guarded != NULL)
        n = copy_guarded(prm, at, guarded, computes_x);
    free(at);
    if (n == 0 || n > INT16_MAX) { /* jumps have 16 bits */
        rte_errno = n == 0 ? ENOMEM : E2BIG;
        free(guarded);
        return NULL;
    }
    prm->ins = guarded;
    prm->nb_ins = n;
    return guarded;
}

#define NO_LOOPS \
    "DPDK's filters have no loops (protochain), and no direction or interface of a packet " \
    "(inbound, outbound, ifindex)"
/* `geneve or vlan`: behind a packet that is not Geneve, the offset of what Geneve carries is read */
#define NO_MEANING \
    "DPDK's verifier refuses what libpcap makes of it: it reads a value that not all branches set " \
    "(geneve with or, not and other keywords behind it)"

/* -ENOTSUP where DPDK cannot run the program, and the reason. */
static int
load(struct pyd_bpf *bpf, struct bpf_program *program, const char **why)
{
    FIND(pcap_freecode);
    struct rte_bpf_prm *prm = rte_bpf_convert(program);
    int computes_x = has_computed_x(program);
    struct ebpf_insn *guarded;

    if (call_pcap_freecode)
        call_pcap_freecode(program);
    *why = NO_LOOPS;
    if (prm == NULL) /* EPERM stands for -1: there is no instruction for it */
        return rte_errno == EPERM ? -ENOTSUP : -rte_errno;
    fix_loads(prm);
    fix_divisions(prm);
    guarded = guard(prm, computes_x);
    bpf->bpf = guarded != NULL ? rte_bpf_load(prm) : NULL;
    free(guarded);
    rte_free(prm);
    *why = NO_MEANING;
    if (bpf->bpf == NULL)
        return rte_errno == EINVAL ? -ENOTSUP : -rte_errno;
    return 0;
}

int
pyd_bpf_open(struct pyd_bpf *bpf, const char *expression, char *reason, uint32_t room)
{
    struct bpf_program program;
    const char *why;
    int ret = compile(expression, &program, reason, room);

    if (ret == 0) {
        ret = load(bpf, &program, &why);
        if (ret == -ENOTSUP)
            snprintf(reason, room, "%s", why);
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
pyd_bpf_match(struct pyd_bpf *bpf, struct pyd_burst *burst, uint8_t *mask, uint32_t n)
{
    int ret = pyd_burst_enter_all(burst, n);

    if (unlikely(ret != 0))
        return ret;
    ret = pyd_enter(&bpf->gate);
    ret = ret != 0 ? -ENETDOWN
                   : pyd_leave_with(&bpf->gate, match(burst->storage->mbufs, n, bpf, mask));
    return pyd_burst_leave_with(burst, ret);
}

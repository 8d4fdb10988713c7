/* SPDX-License-Identifier: BSD-3-Clause */
#define PYD_UNDONE_MAX 512

/* One mempool after a recovery. */
struct pyd_recovered {
    char name[32];
    uint64_t address;
    uint32_t mbufs; /* or plain objects */
    uint32_t returned;
    uint32_t recounted; /* reference counts that were too high */
    uint32_t in_doubt;
    uint32_t relinked; /* nodes of a stack that were in no list */
};
struct pyd_undone {
    char name[32];
    uint32_t consumer;
    uint32_t sync;
    uint32_t n;
};
struct pyd_gone {
    uint64_t pid;
    uint32_t inside;
};
/* `n_undone` counts also those beyond `undone`. `unlisted`: mbufs of a pool that is being made, or
 * whose ops this process lacks. */
struct pyd_recovery {
    uint32_t n_pools;
    uint32_t n_undone;
    uint32_t n_gone;
    uint32_t exact;
    uint32_t unlisted;
    uint64_t culprit; /* the process that did not leave */
    uint64_t stopped_ns;
    char holds_mbufs[64]; /* a port whose queues may hold mbufs */
    struct pyd_recovered *pools; /* pyd_recovery_free frees them */
    struct pyd_undone undone[PYD_UNDONE_MAX];
    struct pyd_gone gone[PYD_MAX_PROCESSES];
};

int pyd_recover(struct pyd_recovery *out, int foreign, int everything, uint32_t timeout_ms);
void pyd_recovery_free(struct pyd_recovery *out);
int pyd_take_back(struct rte_mempool *mp, uint32_t timeout_ms);

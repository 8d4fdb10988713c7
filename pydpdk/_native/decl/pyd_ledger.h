#define PYD_MAX_PROCESSES 128

/* What a process of ours holds, in DPDK memory, so that it can be found after its death. */
struct pyd_slots {
    struct pyd_slots *next;
    uint32_t size;
    uint32_t n;
    struct rte_mbuf *mbufs[];
};
struct pyd_process {
    uint64_t pid;
    uint64_t started;
    struct pyd_slots *slots;
};
struct pyd_ledger {
    uint32_t magic;
    uint32_t version;
    struct pyd_process processes[128];
};

int pyd_ledger_join(uint64_t pid, uint64_t started);
void pyd_ledger_leave(void);

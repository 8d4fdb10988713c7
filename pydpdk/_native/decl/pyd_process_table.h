/* SPDX-License-Identifier: BSD-3-Clause */
#define PYD_MAX_PROCESSES 128
#define PYD_LCORE_WORDS 16
#define PYD_MAX_RESERVATIONS 32
/* Of a program that is not ours: it has attached, or nobody knows yet. 0: there was none. */
#define PYD_FOREIGN_SEEN 1
#define PYD_FOREIGN_UNSURE 2

/* What a process of ours holds, in DPDK memory, so that it can be found after its death. */
struct pyd_storage {
    struct pyd_storage *next;
    uint32_t size;
    uint32_t n;
    uint32_t inside; /* a call changes them: what they say may be half of it */
    uint32_t unused;
    struct rte_mbuf *mbufs[];
};
/* One thread: how many calls deep it is in what shares memory. */
struct pyd_section {
    struct pyd_section *next;
    uint32_t inside;
    uint32_t taken;
    uint32_t tid;
    uint32_t slow; /* inside something that takes its time, like making a pool */
};
/* Slots of a ring in a process's hands between two calls: head and tail differ for a reason. */
struct pyd_reservation {
    uint64_t ring;
    uint32_t consumer;
    uint32_t held; /* else it is only asked for */
};
struct pyd_process {
    uint64_t pid;
    uint64_t started;
    struct pyd_storage *slots;
    struct pyd_section *sections;
    struct pyd_section self; /* of the process as a whole, when it leaves */
    uint64_t lcores[16];
    struct pyd_reservation reservations[32];
};
/* `stopped_by`: 1 + index of the process that repairs this memory; all others stay out meanwhile.
 * `foreign`: whether a program that is not ours may have written into this memory.
 * `doubt`: a repair could not tell all; the next one looks again.
 * `damaged`: a process died in a lock of DPDK's, and `damage` could not be made sound. */
struct pyd_process_table {
    uint32_t magic;
    uint32_t version;
    uint32_t stopped_by;
    uint32_t foreign;
    uint32_t doubt;
    uint32_t damaged;
    char damage[60];
    struct pyd_process processes[128];
};

int pyd_process_join(uint64_t pid, uint64_t started, int alone);
void pyd_process_leave(void);
void pyd_foreign(uint32_t set, uint32_t clear);
int pyd_foreign_wait(int inotify, int wake);
int pyd_critical_begin(void);
void pyd_critical_end(void);
int pyd_process_pids(uint64_t *pids, uint32_t room);
int pyd_process_alive(uint64_t pid, uint64_t started);

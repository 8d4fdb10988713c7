/* SPDX-License-Identifier: BSD-3-Clause */
#define PYD_MAX_PROCESSES 128
#define PYD_LCORE_WORDS 16
#define PYD_MAX_RESERVATIONS 32
/* A foreign program has attached, or it is not known yet whether one has. 0: there was none. */
#define PYD_FOREIGN_SEEN 1
#define PYD_FOREIGN_UNSURE 2

/* The mbufs of a burst of one of our processes, in DPDK memory, so that recovery finds them. */
struct pyd_storage {
    struct pyd_storage *next;
    uint32_t size;
    uint32_t n;
    uint32_t inside; /* a call is changing it: the contents may be half written */
    uint32_t unused;
    struct rte_mbuf *mbufs[];
};
/* The critical section of one thread: `inside` is how many calls deep it is. */
struct pyd_section {
    struct pyd_section *next;
    uint32_t inside;
    uint32_t taken;
    uint32_t tid;
    uint32_t slow; /* inside a call that takes long, like making a pool */
};
/* Slots of a ring that a process has between two calls: head and tail differ on purpose. */
struct pyd_reservation {
    uint64_t ring;
    uint32_t consumer;
    uint32_t held; /* else it is only requested */
};
struct pyd_process {
    uint64_t pid;
    uint64_t started;
    struct pyd_storage *storage;
    struct pyd_section *sections;
    struct pyd_section self; /* of the process as a whole, when it leaves */
    uint64_t lcores[PYD_LCORE_WORDS];
    struct pyd_reservation reservations[PYD_MAX_RESERVATIONS];
};
/* `stopped_by`: 1 + index of the process that recovers this memory; all others stay out meanwhile.
 * `foreign`: whether a program other than pydpdk may have written into this memory.
 * `shared`: more than one process has an entry.
 * `doubt`: a recovery could not settle everything; the next one checks again.
 * `damaged`: a process died holding a lock of DPDK, and `damage` could not be recovered. */
struct pyd_process_table {
    uint32_t magic;
    uint32_t version;
    uint32_t stopped_by;
    uint32_t foreign;
    uint32_t shared;
    uint32_t doubt;
    uint32_t damaged;
    char damage[60];
    struct pyd_process processes[PYD_MAX_PROCESSES];
};

int pyd_process_join(uint64_t pid, uint64_t started, int alone);
void pyd_process_leave(void);
void pyd_foreign(uint32_t set, uint32_t clear);
int pyd_foreign_wait(int inotify, int wake);
int pyd_critical_begin(void);
void pyd_critical_end(void);
int pyd_process_pids(uint64_t *pids, uint32_t room);
int pyd_process_alive(uint64_t pid, uint64_t started);

/* SPDX-License-Identifier: BSD-3-Clause */
/* Pages that come and go. DPDK reports them under its memory write lock, where no Python may run:
 * the callback writes into libc memory, and Python takes the events from there. */
struct pyd_event {
    uint64_t addr;
    uint64_t len;
    uint64_t time_ns;
    uint32_t kind;
    uint32_t unused;
};
struct pyd_events;
struct pyd_watch {
    struct pyd_gate gate;
    struct pyd_events *events;
};

int pyd_events_open(struct pyd_watch *watch, const char *name);
int pyd_events_fd(const struct pyd_events *events);
int pyd_events_take(struct pyd_watch *watch, struct pyd_event *rows, unsigned int room,
    uint64_t *lost);
int pyd_events_close(struct pyd_watch *watch);

/* SPDX-License-Identifier: BSD-3-Clause */
/* DPDK's locks in shared memory that dead processes held, by what they guard. */
struct pyd_locks {
    uint32_t n;
    uint64_t culprit; /* a living process that sleeps inside a call, and may have one of them */
    char names[16][60];
};

int pyd_locks_give_back(struct pyd_locks *out, uint32_t still_ms, uint32_t patience_ms);
int pyd_locks_abandon(uint32_t still_ms, uint32_t patience_ms);
int pyd_damage_look(void);
void pyd_answer_for(uint64_t pid);
const char *pyd_damaged(void);

/* SPDX-License-Identifier: BSD-3-Clause */
struct pyd_log_line {
    uint32_t level;
    uint32_t logtype;
    uint32_t length;
    char text[1024];
};

int pyd_log_open(void);
int pyd_log_take(struct pyd_log_line *line);
int pyd_log_types(char *text, unsigned int size);
void pyd_log_forget(void);
const char *pyd_log_mine(void);

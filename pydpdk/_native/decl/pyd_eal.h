/* SPDX-License-Identifier: BSD-3-Clause */
int pyd_eal_phase(void);
void pyd_eal_cleanup(void);
int pyd_rte_errno(void);
int pyd_eal_init(int argc, char **argv);
const char *pyd_eal_rejection(int argc, char **argv);
const char *pyd_eal_printed(void);
int pyd_dev_args(const struct rte_device *dev, char *args, unsigned int size);

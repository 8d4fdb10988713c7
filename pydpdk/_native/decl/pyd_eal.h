int pyd_rte_errno(void);
int pyd_eal_init(int argc, char **argv);
const char *pyd_eal_refusal(int argc, char **argv);
const char *pyd_eal_printed(void);
int pyd_dev_args(const struct rte_device *dev, char *args, unsigned int size);

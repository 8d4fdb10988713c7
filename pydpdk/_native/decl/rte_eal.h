/* SPDX-License-Identifier: BSD-3-Clause */
#define RTE_MAX_LCORE ...
#define RTE_MAX_NUMA_NODES ...

enum rte_proc_type_t { RTE_PROC_AUTO, RTE_PROC_PRIMARY, RTE_PROC_SECONDARY, ... };
enum rte_iova_mode { RTE_IOVA_DC, RTE_IOVA_PA, RTE_IOVA_VA, ... };

int rte_eal_cleanup(void);
enum rte_proc_type_t rte_eal_process_type(void);
enum rte_iova_mode rte_eal_iova_mode(void);
int rte_eal_has_hugepages(void);
int rte_eal_primary_proc_alive(const char *config_file_path);
const char *rte_eal_get_runtime_dir(void);

int rte_eal_hotplug_add(const char *busname, const char *devname, const char *drvargs);
int rte_eal_hotplug_remove(const char *busname, const char *devname);

#define RTE_MP_MAX_FD_NUM ...
#define RTE_MP_MAX_NAME_LEN ...
#define RTE_MP_MAX_PARAM_LEN ...
struct rte_mp_msg {
    char name[...];
    int len_param;
    int num_fds;
    uint8_t param[...];
    int fds[...];
    ...;
};
struct rte_mp_reply {
    int nb_sent;
    int nb_received;
    struct rte_mp_msg *msgs;
    ...;
};
void rte_mp_action_unregister(const char *name);
int rte_mp_sendmsg(struct rte_mp_msg *msg);
int rte_mp_reply(struct rte_mp_msg *msg, const char *peer);

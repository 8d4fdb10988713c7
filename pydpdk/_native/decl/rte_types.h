typedef uint64_t rte_iova_t;
struct rte_device;
struct rte_devargs;

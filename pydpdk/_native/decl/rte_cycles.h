uint64_t rte_get_tsc_hz(void);
uint64_t rte_rdtsc(void);

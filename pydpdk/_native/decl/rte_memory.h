/* SPDX-License-Identifier: BSD-3-Clause */
#define SOCKET_ID_ANY ...
#define RTE_CACHE_LINE_SIZE ...
#define RTE_BAD_IOVA ...

enum rte_mem_event { RTE_MEM_EVENT_ALLOC, RTE_MEM_EVENT_FREE, ... };

uint64_t rte_mem_virt2iova(const void *virt);
void *rte_mem_iova2virt(uint64_t iova);
int rte_extmem_register(void *va_addr, size_t len, uint64_t *iova_addrs, unsigned int n_pages,
    size_t page_sz);
int rte_extmem_unregister(void *va_addr, size_t len);

/* SPDX-License-Identifier: BSD-3-Clause */
struct rte_malloc_socket_stats {
    size_t heap_totalsz_bytes;
    size_t heap_freesz_bytes;
    size_t greatest_free_size;
    unsigned int free_count;
    unsigned int alloc_count;
    size_t heap_allocsz_bytes;
    ...;
};

int rte_malloc_get_socket_stats(int socket, struct rte_malloc_socket_stats *socket_stats);

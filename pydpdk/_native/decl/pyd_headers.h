/* SPDX-License-Identifier: BSD-3-Clause */
/* Verbs on the headers of all packets of a burst. A result of 1 + i means that packet i cannot be
 * processed; then nothing has been changed. */
#define PYD_OFFLOAD_IPV4 1
#define PYD_OFFLOAD_UDP 2
#define PYD_OFFLOAD_TCP 4

int64_t pyd_burst_copy_out(struct pyd_burst *burst, char *data, uint64_t room, uint64_t *offsets,
    uint32_t n);

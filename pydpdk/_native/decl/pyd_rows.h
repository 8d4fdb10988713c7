/* SPDX-License-Identifier: BSD-3-Clause */
/* Verbs in the one call shape of the fast path (python/rows.h): arguments and results in `data` and
 * `numbers`; returns 0 or a count on success. */
int pyd_rows_lengths(struct pyd_burst *burst, void *const *data, const uint32_t *numbers, uint32_t n);
int pyd_rows_take(struct pyd_burst *burst, void *const *data, const uint32_t *numbers, uint32_t n);
int pyd_rows_split(struct pyd_burst *burst, void *const *data, const uint32_t *numbers, uint32_t n);
int pyd_rows_columns(struct pyd_burst *burst, void *const *data, const uint32_t *numbers, uint32_t n);
int pyd_rows_write(struct pyd_burst *burst, void *const *data, const uint32_t *numbers, uint32_t n);
int pyd_rows_peek(struct pyd_burst *burst, void *const *data, const uint32_t *numbers, uint32_t n);
int pyd_rows_poke(struct pyd_burst *burst, void *const *data, const uint32_t *numbers, uint32_t n);
int pyd_rows_rewrite(struct pyd_burst *burst, void *const *data, const uint32_t *numbers, uint32_t n);
int pyd_rows_ttl(struct pyd_burst *burst, void *const *data, const uint32_t *numbers, uint32_t n);
int pyd_rows_verify(struct pyd_burst *burst, void *const *data, const uint32_t *numbers, uint32_t n);
int pyd_rows_compute(struct pyd_burst *burst, void *const *data, const uint32_t *numbers, uint32_t n);
int pyd_rows_vlan_push(struct pyd_burst *burst, void *const *data, const uint32_t *numbers,
    uint32_t n);
int pyd_rows_vlan_pop(struct pyd_burst *burst, void *const *data, const uint32_t *numbers, uint32_t n);
int pyd_rows_prepend(struct pyd_burst *burst, void *const *data, const uint32_t *numbers, uint32_t n);
int pyd_rows_adj(struct pyd_burst *burst, void *const *data, const uint32_t *numbers, uint32_t n);
int pyd_rows_color(struct pyd_meter *meter, void *const *data, const uint32_t *numbers, uint32_t n);
int pyd_rows_next_hops(struct pyd_fib *fib, void *const *data, const uint32_t *numbers, uint32_t n);
int pyd_rows_lookup(struct pyd_hash *hash, void *const *data, const uint32_t *numbers, uint32_t n);
int pyd_rows_match(struct pyd_bpf *bpf, void *const *data, const uint32_t *numbers, uint32_t n);

/* SPDX-License-Identifier: BSD-3-Clause */
/* A table of keys of one size; each key has a position, which indexes Python's arrays. */
struct pyd_hash {
    struct pyd_gate gate;
    struct rte_hash *hash;
    uint32_t key_len;
    uint32_t entries;
};

int pyd_hash_load(void);
int pyd_hash_open(struct pyd_hash *hash, const char *name, int socket_id, uint32_t entries,
    uint32_t key_len);
int pyd_hash_close(struct pyd_hash *hash);
int pyd_hash_lookup(struct pyd_hash *hash, const char *keys, int32_t *positions, uint32_t n);
int pyd_hash_add(struct pyd_hash *hash, const char *keys, int32_t *positions, uint8_t *is_new,
    uint32_t n);
int pyd_hash_delete(struct pyd_hash *hash, const char *keys, int32_t *positions, uint32_t n);
int pyd_hash_list(struct pyd_hash *hash, char *keys, int32_t *positions, uint32_t room);
int pyd_hash_count(struct pyd_hash *hash);
int pyd_hash_reset(struct pyd_hash *hash);

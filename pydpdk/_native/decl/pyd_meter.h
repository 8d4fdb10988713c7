/* SPDX-License-Identifier: BSD-3-Clause */
/* Token buckets, one for each flow, in memory of this process that Python owns. */
struct pyd_meter {
    struct pyd_gate gate;
    uint32_t n;
    char *profile;
    char *buckets;
};

uint32_t pyd_meter_profile_bytes(void);
uint32_t pyd_meter_bucket_bytes(void);
int pyd_meter_open(struct pyd_meter *meter, struct rte_meter_srtcm_params *params);
int pyd_meter_color(struct pyd_meter *meter, const uint32_t *flows, const uint32_t *lengths,
    uint8_t *colors, uint32_t n);

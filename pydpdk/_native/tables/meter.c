/* SPDX-License-Identifier: BSD-3-Clause */
/* Meter a column: which packets of which flow exceed its rate. */
#include "core/gate.h"

uint32_t
pyd_meter_profile_bytes(void)
{
    return sizeof(struct rte_meter_srtcm_profile);
}

uint32_t
pyd_meter_bucket_bytes(void)
{
    return sizeof(struct rte_meter_srtcm);
}

int
pyd_meter_open(struct pyd_meter *meter, struct rte_meter_srtcm_params *params)
{
    struct rte_meter_srtcm_profile *profile = (void *)meter->profile;
    struct rte_meter_srtcm *buckets = (void *)meter->buckets;
    int ret = rte_meter_srtcm_profile_config(profile, params);
    uint32_t i;

    for (i = 0; i < meter->n && ret == 0; i++)
        ret = rte_meter_srtcm_config(&buckets[i], profile);
    if (ret == 0)
        __atomic_store_n(&meter->gate.open, 1, __ATOMIC_SEQ_CST);
    return ret;
}

static int
color(struct pyd_meter *meter, const uint32_t *flows, const uint32_t *lengths, uint8_t *colors,
      uint32_t n)
{
    struct rte_meter_srtcm *buckets = (void *)meter->buckets;
    const uint64_t now = rte_rdtsc();
    uint32_t i;

    for (i = 0; i < n; i++)
        if (flows[i] >= meter->n)
            return -ERANGE;
    for (i = 0; i < n; i++)
        colors[i] = rte_meter_srtcm_color_blind_check(
            &buckets[flows[i]], (void *)meter->profile, now, lengths[i]);
    return n;
}

int
pyd_meter_color(struct pyd_meter *meter, const uint32_t *flows, const uint32_t *lengths,
                uint8_t *colors, uint32_t n)
{
    int ret = pyd_enter_alone(&meter->gate);

    if (unlikely(ret != 0))
        return ret;
    ret = color(meter, flows, lengths, colors, n);
    pyd_leave_alone(&meter->gate);
    return ret;
}

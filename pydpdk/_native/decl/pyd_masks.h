/* SPDX-License-Identifier: BSD-3-Clause */
/* Split the packets of a burst; the order of those that stay together is kept. */
int pyd_burst_keep(struct pyd_burst *burst, const uint8_t *mask, uint32_t n);
int pyd_burst_drop(struct pyd_burst *burst, const uint8_t *mask, uint32_t n);
int pyd_burst_take(struct pyd_burst *burst, const uint8_t *mask, uint32_t n,
    struct pyd_burst *into);
int pyd_burst_split(struct pyd_burst *burst, const uint32_t *classes, uint32_t n,
    struct pyd_burst **into, uint32_t count);

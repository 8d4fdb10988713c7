/* SPDX-License-Identifier: BSD-3-Clause */
/* Split the packets of a burst; the order of those that stay together is kept. */
int pyd_burst_keep(struct pyd_burst *burst, uint32_t n, const uint8_t *mask);
int pyd_burst_drop(struct pyd_burst *burst, uint32_t n, const uint8_t *mask);
int pyd_burst_take(struct pyd_burst *burst, uint32_t n, const uint8_t *mask,
    struct pyd_burst *into);
int pyd_burst_split(struct pyd_burst *burst, uint32_t n, const uint32_t *classes,
    struct pyd_burst **into, uint32_t count);

/* SPDX-License-Identifier: BSD-3-Clause */
/* A condition on packets: tests of fields, and which test comes next after each answer. */
struct pyd_range { /* both ends are in it; of fields of 16 bytes `high` are the first 8 */
    uint64_t low_high;
    uint64_t low;
    uint64_t high_high;
    uint64_t high;
};

#define PYD_WHERE_NO 0xfffe
#define PYD_WHERE_YES 0xffff

struct pyd_test {
    struct pyd_column column;
    uint64_t mask; /* of the field's last 8 bytes */
    uint32_t first; /* of its ranges, which are in order and apart */
    uint32_t n;
    uint16_t yes; /* a later test, or PYD_WHERE_YES, PYD_WHERE_NO */
    uint16_t no;
};

struct pyd_where {
    const struct pyd_test *tests;
    const struct pyd_range *ranges;
    uint32_t depth;
};

int pyd_where_match(const struct pyd_where *where, struct pyd_burst *burst, uint8_t *mask,
    uint32_t n);

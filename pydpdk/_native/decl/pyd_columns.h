/* SPDX-License-Identifier: BSD-3-Clause */
/* Columns: one field of every packet of a burst. The names of fields and their offsets in headers
 * are in a catalogue that the compiler fills from DPDK's own structs. */
#define PYD_COLUMN_FIELD 0
#define PYD_COLUMN_HAS 1
#define PYD_COLUMN_MBUF 2
#define PYD_COLUMN_FLAG 3
#define PYD_COLUMN_PTYPE 4
#define PYD_COLUMN_PROTO 5
#define PYD_COLUMN_TUPLE 6
#define PYD_COLUMN_HASH 7

#define PYD_WRITE_NEVER 0
#define PYD_WRITE_ALWAYS 1
#define PYD_WRITE_FLAGS 2

#define PYD_DEPTH_MBUF 0
#define PYD_DEPTH_OUTER 1
#define PYD_DEPTH_INNER 2

#define PYD_RSS_KEY_BYTES 40
#define PYD_FLOW_BYTES 40

struct pyd_column {
    uint64_t flags;
    uint64_t start;
    uint16_t offset;
    uint16_t width;
    uint8_t how;
    uint8_t header;
    uint8_t swap;
    uint8_t write;
};
struct pyd_field {
    const char *header;
    const char *name;
    struct pyd_column column;
};
struct pyd_columns {
    struct pyd_column *columns;
    uint32_t n;
    uint32_t room;
    uint32_t depth;
};

struct pyd_bound {
    struct pyd_burst *burst;
    struct pyd_columns *plan;
    char *base;
};

const struct pyd_field *pyd_field_at(uint32_t i);
int pyd_header_inside(uint32_t header);
int pyd_header_depth(uint32_t header);
int pyd_columns_read(struct pyd_burst *burst, const struct pyd_columns *plan, char *base);
int pyd_columns_gather(struct pyd_burst *burst, const struct pyd_columns *plan,
    void *const *arrays, uint32_t n);
int pyd_bound_read(struct pyd_bound *bound);
int pyd_column_write(struct pyd_burst *burst, const struct pyd_column *column, const char *data,
    uint32_t n);
int pyd_burst_peek(struct pyd_burst *burst, uint32_t room, uint32_t offset, uint32_t width,
    int header, uint8_t *valid, char *data);
int pyd_burst_poke(struct pyd_burst *burst, uint32_t n, uint32_t offset, const char *data,
    uint32_t width, uint32_t stride, int header);

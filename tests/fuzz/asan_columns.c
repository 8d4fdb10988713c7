/* SPDX-License-Identifier: BSD-3-Clause */
/* Random packets through the C code of columns and verbs, built with AddressSanitizer.
 *
 * Each segment is memory of exactly its length: a read or write beyond it ends the program with a
 * report. No EAL is needed: the mbufs are made by hand.
 *
 *     asan_columns <file of packets: u32 length, bytes> <how many> <seed>
 */
#include <stdlib.h>

#include "columns/place.h"

#define BURST 32
#define SEGMENTS_MAX 6
#define LENGTH_MAX 400
#define ROOM 64
#define COLUMNS_MAX 512
#define HEADROOM 8

/* The gate's questions about the process: no process has died here, so no call waits. */
static const uint32_t no_death;
static struct pyd_section here;
const uint32_t *pyd_stop_word = &no_death;
__thread struct pyd_section *pyd_my_section __attribute__((tls_model("initial-exec"))) = &here;

int
pyd_section_register(void)
{
    abort();
}

int
pyd_safepoint_wait(struct pyd_section *section)
{
    (void)section;
    abort();
}

static char *corpus;
static uint32_t *starts, *lengths, n_packets;
static uint64_t state;

static uint32_t
chance(uint32_t below)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)(state >> 16) % below;
}

static void *
get(size_t size)
{
    void *memory = malloc(size);

    if (memory == NULL)
        abort();
    return memory;
}

static void
read_corpus(const char *path)
{
    FILE *file = fopen(path, "rb");
    long size;
    uint32_t at;

    if (file == NULL || fseek(file, 0, SEEK_END) != 0 || (size = ftell(file)) <= 0)
        exit(2);
    rewind(file);
    corpus = get(size);
    starts = get(size * sizeof(*starts));
    lengths = get(size * sizeof(*lengths));
    if (fread(corpus, 1, size, file) != (size_t)size)
        exit(2);
    fclose(file);
    for (at = 0; at + 4 <= size; n_packets++) {
        memcpy(&lengths[n_packets], corpus + at, 4);
        starts[n_packets] = at + 4;
        at += 4 + lengths[n_packets];
    }
}

/* A packet of the corpus, cut and with bytes changed, or one of random bytes. */
static uint32_t
make_data(char *data)
{
    uint32_t which = chance(n_packets), n = RTE_MIN(lengths[which], (uint32_t)LENGTH_MAX), i;

    memcpy(data, corpus + starts[which], n);
    if (chance(2))
        n = chance(n + 1);
    for (i = chance(4); n != 0 && i != 0; i--)
        data[chance(RTE_MIN(n, 80u))] = chance(256);
    if (chance(50) == 0)
        for (i = 0; i < n; i++)
            data[i] = chance(256);
    return n;
}

static struct rte_mbuf *
make_segment(const char *data, uint32_t n)
{
    struct rte_mbuf *m = aligned_alloc(RTE_CACHE_LINE_SIZE, sizeof(*m));

    if (m == NULL)
        abort();
    memset(m, 0, sizeof(*m));
    m->data_off = chance(2) ? HEADROOM : 0;
    m->buf_addr = get(m->data_off + n);
    memcpy((char *)m->buf_addr + m->data_off, data, n);
    m->buf_len = m->data_off + n;
    m->data_len = n;
    m->refcnt = 1;
    m->nb_segs = 1;
    return m;
}

/* A common packet: IPv4 with UDP or TCP, about as long as its headers. */
static uint32_t
make_alike(char *data)
{
    static const uint8_t start[] = {[12] = 8, [14] = 0x45, [17] = 60, [22] = 64, [23] = 17};

    memset(data, 0, LENGTH_MAX);
    memcpy(data, start, sizeof(start));
    if (chance(8) == 0)
        data[23] = 6;
    return 54 + chance(8) - (chance(100) == 0);
}

static struct rte_mbuf *
make_packet(int is_alike)
{
    char data[LENGTH_MAX];
    uint32_t left = is_alike ? make_alike(data) : make_data(data), n, at = 0;
    struct rte_mbuf *head = NULL, **end = &head, *last = NULL;
    uint32_t segments = chance(is_alike ? 200 : 4) == 0 ? 1 + chance(SEGMENTS_MAX) : 1;

    for (; segments != 0; segments--) {
        n = segments == 1 ? left : chance(left + 1);
        last = *end = make_segment(data + at, n);
        end = &last->next;
        head->pkt_len += n;
        head->nb_segs += last != head;
        at += n;
        left -= n;
    }
    return head;
}

static void
free_packet(struct rte_mbuf *m)
{
    struct rte_mbuf *next;

    for (; m != NULL; m = next) {
        next = m->next;
        free(m->buf_addr);
        free(m);
    }
}

/* The columns of a depth: of the packet, or of the packet inside it. */
static uint32_t
add_columns(struct pyd_column *columns, uint32_t n, int depth)
{
    const struct pyd_field *field;
    struct pyd_column column;
    uint32_t i;
    int inside;

    for (i = 0; (field = pyd_field_at(i)) != NULL; i++) {
        column = field->column;
        if (pyd_header_depth(column.header) == depth)
            columns[n++] = column;
        inside = pyd_header_inside(column.header);
        if (column.how != PYD_COLUMN_MBUF && inside >= 0 && pyd_header_depth(inside) == depth) {
            column.header = inside;
            columns[n++] = column;
        }
    }
    return n;
}

/* All columns; the first *outer need no look into tunnels. */
static uint32_t
every_column(struct pyd_column *columns, uint32_t *outer, uint64_t *bytes)
{
    uint32_t n, i;

    n = add_columns(columns, 0, PYD_DEPTH_MBUF);
    n = *outer = add_columns(columns, n, PYD_DEPTH_OUTER);
    n = add_columns(columns, n, PYD_DEPTH_INNER);
    for (i = 0, *bytes = 0; i < n; i++) {
        columns[i].start = *bytes;
        *bytes += (uint64_t)BURST * columns[i].width;
    }
    return n;
}

static void
use(struct pyd_burst *burst, const struct pyd_columns *plan, char *block)
{
    static char values[BURST * UINT8_MAX];
    static uint8_t valid[BURST];
    const uint32_t offset = chance(LENGTH_MAX + 4), width = 1 + chance(ROOM);
    const int header = (int)chance(PYD_HEADERS + 1) - 1;
    const struct pyd_column *column = &plan->columns[chance(plan->n)];
    void *arrays[COLUMNS_MAX];
    uint32_t i;
    int ret = pyd_columns_read(burst, plan, block);

    for (i = 0; i < plan->n; i++)
        arrays[i] = block + plan->columns[i].start;
    ret |= pyd_columns_gather(burst, plan, arrays, burst->n);

    if (column->write == PYD_WRITE_ALWAYS && column->how == PYD_COLUMN_FIELD)
        ret |= pyd_column_write(burst, column, values, burst->n);
    ret |= pyd_burst_peek(burst, BURST, offset, width, header, valid, values);
    ret |= pyd_burst_poke(burst, burst->n, offset, values, width, width, header);
    if (ret < 0)
        abort();
}

/* Each verb that changes packets; it may reject them. */
static void
change(struct pyd_burst *burst, const struct pyd_columns *plan)
{
    static char data[BURST * ROOM];
    static uint8_t found[BURST], other[BURST];
    static uint32_t lengths[BURST];
    static uint64_t offsets[BURST + 1];
    const struct pyd_column *column = &plan->columns[chance(plan->n)];
    static char out[BURST * LENGTH_MAX * 2];
    struct rte_mbuf **mbufs = burst->storage->mbufs;
    const uint32_t width = 1 + chance(ROOM);

    pyd_mbufs_verify_checksums(mbufs, BURST, found, other);
    if (column->write == PYD_WRITE_ALWAYS && column->how == PYD_COLUMN_FIELD &&
        pyd_header_depth(column->header) == PYD_DEPTH_OUTER && column->width <= 16)
        pyd_mbufs_rewrite(mbufs, BURST, column, data);
    pyd_mbufs_decrement_ttl(mbufs, BURST, found);
    pyd_mbufs_compute_checksums(mbufs, BURST, chance(8), found);
    pyd_mbufs_verify_checksums(mbufs, BURST, found, other);
    pyd_mbufs_vlan_push(mbufs, BURST, (const uint16_t *)data, 0x8100);
    pyd_mbufs_vlan_pop(mbufs, BURST, found);
    pyd_mbufs_prepend(mbufs, BURST, data, width, width);
    lengths[chance(BURST)] = chance(40);
    pyd_mbufs_adj(mbufs, BURST, lengths);
    if (pyd_burst_copy_out(burst, out, sizeof(out), offsets, BURST) < 0)
        abort();
}

int
main(int argc, char **argv)
{
    struct pyd_storage *storage = calloc(1, sizeof(*storage) + BURST * sizeof(storage->mbufs[0]));
    struct pyd_burst burst = {.gate = {.open = 1}, .storage = storage, .n = BURST, .size = BURST};
    struct pyd_column columns[COLUMNS_MAX];
    struct pyd_columns plan = {.columns = columns, .room = BURST};
    uint64_t bytes, total, done;
    char *block;
    uint32_t i, all, outer;
    int is_alike;

    if (argc != 4 || storage == NULL)
        return 2;
    read_corpus(argv[1]);
    total = strtoull(argv[2], NULL, 10);
    state = strtoull(argv[3], NULL, 10) * 2654435761u + 1;
    all = every_column(columns, &outer, &bytes);
    block = get(bytes);
    for (done = 0; done < total; done += BURST) {
        is_alike = chance(4) == 0;
        for (i = 0; i < BURST; i++)
            storage->mbufs[i] = make_packet(is_alike);
        /* columns that are not inside a tunnel take the fast path */
        plan.depth = chance(2) ? PYD_DEPTH_INNER : PYD_DEPTH_OUTER;
        plan.n = plan.depth == PYD_DEPTH_INNER ? all : outer;
        use(&burst, &plan, block);
        change(&burst, &plan);
        for (i = 0; i < BURST; i++)
            free_packet(storage->mbufs[i]);
    }
    printf("%llu packets, %u columns\n", (unsigned long long)done, all);
    return 0;
}

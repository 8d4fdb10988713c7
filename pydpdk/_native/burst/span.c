/* SPDX-License-Identifier: BSD-3-Clause */
/* Some bytes of a packet, over its segments. */
#include "burst/burst.h"

/* Whether the packet has these bytes, and does not share them. */
int
pyd_span_is_own(struct rte_mbuf *m, uint32_t off, uint32_t len)
{
    for (; m != NULL; m = m->next) {
        if (off < m->data_len) {
            if (pyd_sharers(m) != 1)
                return 0;
            if (off + len <= m->data_len)
                return 1;
            len -= m->data_len - off;
            off = 0;
        } else {
            off -= m->data_len;
        }
    }
    return len == 0;
}

/* Copy out bytes that the packet has. */
int
pyd_span_read(const struct rte_mbuf *m, uint32_t off, uint32_t len, char *data)
{
    const char *found = rte_pktmbuf_read(m, off, len, data);

    if (found == NULL)
        return -EIO;
    if (found != data)
        memcpy(data, found, len);
    return 0;
}

void
pyd_span_write(struct rte_mbuf *m, uint32_t off, uint32_t len, const char *data)
{
    for (; m != NULL && len != 0; m = m->next) {
        if (off >= m->data_len) {
            off -= m->data_len;
        } else {
            const uint32_t n = RTE_MIN(len, m->data_len - off);

            memcpy(rte_pktmbuf_mtod_offset(m, char *, off), data, n);
            data += n;
            len -= n;
            off = 0;
        }
    }
}

"""DPDK's compile-time limits, for the checks of files and arguments before libdpdk is loaded.

Each is a macro of `rte_config.h` or of the header that defines it, as Debian builds them.
"""

from __future__ import annotations

import platform

_ARM = platform.machine() == "aarch64"  # doubles both of the next two

CACHE_LINE = 128 if _ARM else 64
"""[bytes] RTE_CACHE_LINE_SIZE."""

MAX_LCORE = 256 if _ARM else 128
"""RTE_MAX_LCORE: lcore ids are below it."""

MAX_NODES = 32
"""RTE_MAX_NUMA_NODES: node numbers are below it."""

MEMZONE_NAME = 31
"""[characters] RTE_MEMZONE_NAMESIZE, without the NUL, as all lengths of names here."""

MEMPOOL_NAME = 25
"""[characters] RTE_MEMPOOL_NAMESIZE: a longer one leaks a memzone."""

OPS_NAME = 31
"""[characters] RTE_MEMPOOL_OPS_NAMESIZE."""

RING_NAME = 28
"""[characters] RTE_RING_NAMESIZE."""

PORT_NAME = 63
"""[characters] RTE_ETH_NAME_MAX_LEN."""

MAX_OBJECTS = (1 << 31) - 2
"""Objects of a pool: the ring behind it has the next power of two of slots, 2**31 at most."""

MAX_RING = 1 << 30
"""Slots of a ring: the largest power of two up to RTE_RING_SZ_MASK."""

HEADROOM = 128
"""[bytes] RTE_PKTMBUF_HEADROOM: free bytes before the packet in a new mbuf."""

DATA_ROOM = 2176
"""[bytes] RTE_MBUF_DEFAULT_BUF_SIZE: headroom and data of an mbuf by default."""

MAX_ROOM = 65535
"""[bytes] Headroom and data of an mbuf, in 16 bits (`buf_len`)."""

MAX_PRIV = 65528
"""[bytes] Private area of an mbuf, in 16 bits and a multiple of RTE_MBUF_PRIV_ALIGN, 8."""

PRIV_ALIGN = 8
"""[bytes] RTE_MBUF_PRIV_ALIGN."""

MAX_QUEUES = 1024
"""RTE_MAX_QUEUES_PER_PORT, of each direction."""

MAX_DESC = 65535
"""Descriptors of a queue, in 16 bits."""

DEFAULT_DESC = 512
"""RTE_ETH_DEV_FALLBACK_RX_RINGSIZE: descriptors of a queue by default."""

MIN_MTU = 68
"""[bytes] RTE_ETHER_MIN_MTU."""

MAX_MTU = 65535
"""[bytes] In 16 bits."""

MAX_CACHE = 512
"""[objects] RTE_MEMPOOL_CACHE_MAX_SIZE."""

DEFAULT_CACHE = 256
"""[objects] Cache size of a pool of mbufs by default."""


def largest_cache(n: int) -> int:
    """Return the largest cache size for a pool of n objects: a cache holds 1.5 times its size."""
    return min(MAX_CACHE, n * 2 // 3)


def default_cache(n: int) -> int:
    """Return the default cache size for a pool of n mbufs."""
    return min(DEFAULT_CACHE, largest_cache(n))

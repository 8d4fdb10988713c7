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

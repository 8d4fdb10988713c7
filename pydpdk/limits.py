"""Limits of DPDK that hold before it is loaded: a file is judged by them, and so are arguments.

Each is a macro of `rte_config.h` or of the header that its name stands in, as Debian builds them.
"""

from __future__ import annotations

import platform

_ARM = platform.machine() == "aarch64"  # both are doubled there

CACHE_LINE = 128 if _ARM else 64
"""[bytes] RTE_CACHE_LINE_SIZE."""

MAX_LCORE = 256 if _ARM else 128
"""RTE_MAX_LCORE: lcores have the numbers below it."""

MAX_CACHE = 512
"""[objects] RTE_MEMPOOL_CACHE_MAX_SIZE."""

DEFAULT_CACHE = 256
"""[objects] Of a pool of mbufs that is told nothing else."""


def largest_cache(n: int) -> int:
    """Return the largest cache of a pool of n objects: it holds up to 1.5 times its size."""
    return min(MAX_CACHE, n * 2 // 3)


def default_cache(n: int) -> int:
    """Return the cache of a pool of n mbufs that is told nothing else: one that fits."""
    return min(DEFAULT_CACHE, largest_cache(n))

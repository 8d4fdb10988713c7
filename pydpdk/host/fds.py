"""File descriptors of this process."""

from __future__ import annotations

import os
from pathlib import Path

PER_LCORE = 4
"""Two pipes for each worker: eal.c opens them one by one, and panics on EMFILE."""
SPARE = 64
"""Configuration, fbarrays, sockets, epoll, one for each memseg list or page."""


def open_fds() -> list[Path]:
    """Return the links of this process's open descriptors; one, of this listing, is closed."""
    return list(Path("/proc/self/fd").iterdir())


def needed(n_lcores: int) -> int:
    """Return how many descriptors an EAL with so many lcores needs."""
    return max(1, n_lcores) * PER_LCORE + SPARE


def close_fds(*fds: int) -> None:
    """Close descriptors; skip those that are -1."""
    for fd in fds:
        if fd >= 0:
            os.close(fd)

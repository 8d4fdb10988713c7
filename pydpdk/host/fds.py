"""File descriptors of this process."""

from __future__ import annotations

import os


def close_fds(*fds: int) -> None:
    """Close descriptors; skip those that are -1."""
    for fd in fds:
        if fd >= 0:
            os.close(fd)

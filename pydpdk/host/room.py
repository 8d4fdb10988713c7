"""Room for the files of a runtime directory: the EAL maps them, and dies of SIGBUS without it.

Sizes: `lib/eal/common/eal_common_memory.c` and `config/rte_config.h`, the same from 22.11 to 25.11.
"""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from pydpdk.host import runtime
from pydpdk.host.hugepages import read_pools
from pydpdk.host.trust import regular

_FIXED = 1 << 20
"""[bytes] 0.76 MB measured: the registry 0.5, memzones 0.2, configuration, pages in use."""
_MB_PER_TYPE = 64 << 10
_MAX_SEGMENTS = 32768
_SEGMENT = 49
"""[bytes] per possible page in the table of segments: 48, and a bit."""
_FILES = 16


@dataclass(frozen=True)
class Shortage:
    """Why the files of a runtime directory do not fit."""

    what: str
    command: str


def need_bytes(*, root: Path = Path("/")) -> int:
    """Return the [bytes] of one process's files in its runtime directory."""
    kinds = {(pool.size_bytes, pool.node) for pool in read_pools(root=root) if pool.total}
    segments = (min(_MAX_SEGMENTS, (_MB_PER_TYPE << 20) // size) for size, _ in kinds)
    return _FIXED + sum(segments) * _SEGMENT


def shortage(directory: Path, *, root: Path = Path("/")) -> Shortage | None:
    """Return what is missing for the files of a process; None if they fit."""
    there = next(path for path in (directory, *directory.parents) if path.exists()).resolve()
    status = os.statvfs(there)
    need, left = need_bytes(root=root), status.f_bavail * status.f_frsize
    mount = next(path for path in (there, *there.parents) if path.is_mount())
    if status.f_blocks and left < need:
        what = f"{mount} has room for {left >> 10} kB, the files in {directory} need"
        what += f" {need >> 10} kB"
        return Shortage(what, f"mount -o remount,size=64M {mount}")
    if status.f_files and status.f_favail < _FILES:
        what = f"{mount} has room for {status.f_favail} files, {directory} needs {_FILES}"
        return Shortage(what, f"mount -o remount,nr_inodes=1k {mount}")
    return None


def reserve(prefix: str) -> None:
    """Reserve the full size of a prefix's tables, so that memory can grow.

    Raises
    ------
    OSError
        There is no room (ENOSPC).
    """
    for path in sorted(runtime.runtime_dir(prefix).glob("fbarray_*")):
        with suppress(FileNotFoundError):  # a process has just left
            _fill(path)


def _fill(path: Path) -> None:
    with regular(path, os.O_RDWR) as fd:
        try:
            if size := os.fstat(fd).st_size:
                os.posix_fallocate(fd, 0, size)
        except OSError as error:
            if error.errno != errno.EOPNOTSUPP:
                raise

"""Read files of the kernel and of other programs: bounded, and never waiting for a FIFO."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO

MOST = 1 << 26
"""[bytes] read at most: longer than any file of /proc or /sys, and than any shared object."""
_PIECE = 1 << 16


def opened(path: str | os.PathLike[str]) -> BinaryIO:
    """Open a regular file to read, through links; `trust.open_regular` follows none.

    Raises
    ------
    OSError
        It is no regular file (EINVAL), or it cannot be opened.
    """
    return os.fdopen(open_fd(path, os.O_RDONLY), "rb")


def open_fd(path: str | os.PathLike[str], flags: int) -> int:
    """Open a regular file, without blocking on a FIFO; return the descriptor."""
    fd = os.open(path, flags | os.O_NONBLOCK | os.O_CLOEXEC, 0o600)
    if stat.S_ISREG(os.fstat(fd).st_mode):
        return fd
    os.close(fd)
    raise OSError(errno.EINVAL, "it is no regular file", os.fspath(path))


def content(path: str | os.PathLike[str], most: int = MOST) -> bytes | None:
    """Return the first bytes of a file; None if it is no regular file, or cannot be read."""
    try:
        with opened(path) as file:
            return _start_of(file, min(most, MOST))
    except (OSError, ValueError):  # ValueError: a NUL in the path
        return None


def _start_of(file: BinaryIO, most: int) -> bytes:
    """Read in pieces: one read of up to `most` bytes would take that much memory for any file."""
    found = bytearray()
    while len(found) < most and (piece := file.read(min(_PIECE, most - len(found)))):
        found += piece
    return bytes(found)


def text(path: str | os.PathLike[str]) -> str | None:
    """Return the text of a file, any bytes in it; None if it cannot be read."""
    found = content(path)
    return None if found is None else os.fsdecode(found)


def lines(path: str | os.PathLike[str]) -> list[str]:
    """Return the lines of a file; none if it cannot be read."""
    return (text(path) or "").splitlines()


def word(path: str | os.PathLike[str]) -> str:
    """Return the text of a file without spaces around it; empty if it cannot be read."""
    return (text(path) or "").strip()


def number(path: str | os.PathLike[str], base: int = 10) -> int | None:
    """Return the number in a file; None for other text, and if it cannot be read."""
    try:
        return int(word(path), base)
    except ValueError:
        return None


def entries(directory: Path) -> list[Path]:
    """Return what is in a directory, sorted; nothing if it cannot be read."""
    try:
        return sorted(directory.iterdir())
    except OSError:
        return []

"""Check directories in which other users may plant files, before opening anything there.

Without XDG_RUNTIME_DIR the EAL's files of a user are in /tmp/dpdk, which any user can create first.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from pydpdk.host.files import open_fd

_READ_MAX = 1 << 24  # [bytes] longer than any file of ours or of DPDK


def distrust(directory: Path, *, own: bool = False) -> str:
    """Return why another user could change a runtime directory, or a parent of it.

    Empty if no other user can, and if it does not exist yet. A directory that passes stays trusted:
    only this user and root can change it.

    Parameters
    ----------
    directory
        `<base>/dpdk/<prefix>`.
    own
        Distrust a directory of another user even for root.
    """
    shared, base = directory.parent, directory.parent.parent
    return _why_parent(base) or _why_parent(shared) or _why_own(directory, own)


def make_parent(directory: Path) -> None:
    """Create the parent of a runtime directory, for this user only."""
    directory.parent.parent.mkdir(parents=True, exist_ok=True)
    with suppress(FileExistsError):
        directory.parent.mkdir(mode=0o700)


def open_regular(path: Path, flags: int = os.O_RDONLY) -> int:
    """Open a regular file; follow no link, and do not block on a FIFO.

    Raises
    ------
    OSError
        It is no regular file (EINVAL, ELOOP), or it cannot be opened.
    """
    return open_fd(path, flags | os.O_NOFOLLOW)


@contextmanager
def regular(path: Path, flags: int = os.O_RDONLY) -> Iterator[int]:
    """Open a regular file for a `with` block; raise as `open_regular` does."""
    fd = open_regular(path, flags)
    try:
        yield fd
    finally:
        os.close(fd)


def read_regular(path: Path, most: int = -1) -> bytes:
    """Read a regular file, or its first bytes; raise as `open_regular` does."""
    with open(open_regular(path), "rb") as file:
        return file.read(min(most, _READ_MAX))


def _why_parent(path: Path) -> str:
    """Return why others could change files in a parent directory; follows root's links."""
    try:
        here, there = path.lstat(), path.stat()
    except FileNotFoundError:
        return _why_link(path)
    except OSError as error:
        return f"{path} cannot be looked at: {error.strerror}"
    if stat.S_ISLNK(here.st_mode) and here.st_uid != 0:
        return _why_link(path)
    if not stat.S_ISDIR(there.st_mode):
        return f"{path} is no directory"
    if there.st_uid not in (0, os.geteuid()):
        return f"{path} belongs to user {there.st_uid}"
    # a mount, such as a container's volume, is the administrator's choice
    if there.st_mode & stat.S_IWOTH and not there.st_mode & stat.S_ISVTX and not path.is_mount():
        return f"{path} can be written by everybody"
    return ""


def _why_own(path: Path, own: bool) -> str:
    try:
        here = path.lstat()
    except FileNotFoundError:
        return ""
    except OSError as error:
        return f"{path} cannot be looked at: {error.strerror}"
    if not stat.S_ISDIR(here.st_mode):
        return f"{path} is no directory"
    if here.st_uid != os.geteuid() and (own or os.geteuid() != 0):
        return f"{path} belongs to user {here.st_uid}"
    if here.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        return f"{path} can be written by others"
    return ""


def _why_link(path: Path) -> str:
    return f"{path} is a symbolic link" if path.is_symlink() else ""

"""Places where somebody else may have put something: looked at before anything is opened there.

A user without XDG_RUNTIME_DIR has the EAL's files in /tmp/dpdk, which anybody can make first.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_READ_MAX = 1 << 24  # [bytes] no file of ours or of DPDK's is longer


def distrust(directory: Path, *, own: bool = False) -> str:
    """Say why a runtime directory, or the way to it, could be changed by another user.

    Empty where none could, and where it is not there yet. A directory that passes stays as it is:
    only this user and root can change it.

    Parameters
    ----------
    directory
        `<base>/dpdk/<prefix>`.
    own
        Refuse that of another user to root, too.
    """
    shared, base = directory.parent, directory.parent.parent
    return _why_way(base) or _why_way(shared) or _why_own(directory, own)


def make_way(directory: Path) -> None:
    """Make the directory in which a runtime directory will be, for this user alone."""
    directory.parent.parent.mkdir(parents=True, exist_ok=True)
    with suppress(FileExistsError):
        directory.parent.mkdir(mode=0o700)


def open_regular(path: Path, flags: int = os.O_RDONLY, mode: int = 0o600) -> int:
    """Open a regular file and nothing else; no link is followed, no FIFO is waited for.

    Its directory is opened first and looked at, and the file is opened in that one: whoever puts
    another directory in its place meanwhile changes nothing.

    Raises
    ------
    OSError
        It is something else (EINVAL, ELOOP), its directory is another user's (EACCES), or it cannot
        be opened.
    """
    with _opened(path.parent) as directory:
        flags |= os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        fd = os.open(path.name, flags, mode, dir_fd=directory)
    if stat.S_ISREG(os.fstat(fd).st_mode):
        return fd
    os.close(fd)
    raise OSError(errno.EINVAL, "it is no regular file", str(path))


@contextmanager
def _opened(directory: Path) -> Iterator[int]:
    fd = os.open(directory, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        owner = os.fstat(fd).st_uid
        if os.geteuid() not in (0, owner) and owner != 0:
            raise OSError(errno.EACCES, f"its directory belongs to user {owner}", str(directory))
        yield fd
    finally:
        os.close(fd)


def read_regular(path: Path, most: int = -1) -> bytes:
    """Read a regular file, or its first bytes; raises as `open_regular` does."""
    with open(open_regular(path), "rb") as file:
        return file.read(min(most, _READ_MAX))


def _why_way(path: Path) -> str:
    """Why others could change what is in a directory on the way; links of root's are followed."""
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
    # a mount is an administrator's choice, as the volumes of containers are
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

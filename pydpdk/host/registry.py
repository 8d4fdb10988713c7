"""Which processes of ours share a file prefix: a small file that needs no EAL to be read.

It lies in the prefix's runtime directory: one page for each process. Whoever owns a page holds a
lock on it (OFD: it belongs to the open file, so the kernel drops it with the process, however that
ends). Locked is alive; a page that is filled and not locked is of one that died.
"""

from __future__ import annotations

import errno
import fcntl
import os
import struct
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, suppress
from dataclasses import replace
from io import FileIO
from pathlib import Path
from typing import Any

from pydpdk.host import runtime
from pydpdk.host.registry_page import PAGE, Member, Role, State, clear, offset, read, write
from pydpdk.host.trust import distrust, make_way, open_regular

FILE = runtime.PROCESSES
MAX_PROCESSES = 128
LOCK_TIMEOUT_S = 60.0

_HEAD = struct.Struct("<8sI")
_MAGIC, _VERSION = b"pydpdkps", 1


class FullError(OSError):
    """All pages are in use."""


class LockedError(OSError):
    """A process keeps the lock of the file."""


class Registration:
    """The page of this process; the lock on it lives as long as this object's descriptor."""

    def __init__(self, path: Path, fd: int, member: Member) -> None:
        self.path, self.member, self._fd = path, member, fd

    def publish(self, state: State, details: Mapping[str, Any]) -> None:
        """Say how far the EAL is, and what others need to know before they attach."""
        member = replace(self.member, state=state, details=details)
        write(self._fd, member)
        self.member = member

    @property
    def in_place(self) -> bool:
        """Whether the file is still the one that others find."""
        return self._fd >= 0 and _is_at(self._fd, self.path)

    def give_back(self) -> None:
        """Leave; the last one removes the file."""
        if self._fd < 0:
            return
        fds: list[int] = []
        with suppress(OSError), _locked(self.path, fds, create=False):
            (fd,) = fds
            if _is_at(self._fd, self.path):
                clear(fd, self.member.index)
                if not _live(fd):
                    self.path.unlink()
        self.forget()

    def forget(self) -> None:
        """Close the descriptor in a forked child: the registration is the parent's."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def members(prefix: str) -> list[Member]:
    """Return the live processes of ours that share this prefix."""
    return [member for member, alive in _read(prefix) if alive and member.shares]


def unshared(prefix: str) -> list[Member]:
    """Return the live processes of ours of this prefix to whose memory nothing can attach."""
    return [member for member, alive in _read(prefix) if alive and not member.shares]


def dead(prefix: str) -> list[Member]:
    """Return those that died without leaving, and of which nobody has taken note yet."""
    return [member for member, alive in _read(prefix) if not alive and member.shares]


def forget(prefix: str, member: Member) -> None:
    """Clear the page of a dead process, if it is still its."""
    fds: list[int] = []
    with suppress(OSError), _locked(path_of(prefix), fds, create=False):
        (fd,) = fds
        now = read(fd, member.index)
        if now and _same(now, member) and not _alive(fd, now):
            clear(fd, member.index)


def claim(
    prefix: str,
    role: Role,
    name: str,
    choose: Callable[[list[Member]], Iterable[int]],
) -> Registration:
    """Take a page for this process.

    Parameters
    ----------
    choose
        Given the other live processes that share memory, return our lcores, or raise; nobody
        comes or goes meanwhile.

    Raises
    ------
    FullError
        128 processes are there.
    """
    path = path_of(prefix)
    make_way(path.parent)
    with suppress(FileExistsError):
        path.parent.mkdir(mode=0o700)
    fds: list[int] = []
    with _locked(path, fds, create=True):
        (fd,) = fds
        others = _live(fd)
        try:
            lcores = frozenset(choose(list(filter(lambda other: other.shares, others))))
        except BaseException:
            if not others:
                path.unlink()
            raise
        free = sorted(set(range(MAX_PROCESSES)).difference(other.index for other in others))
        # the page of a dead one last: its primary may not have read it yet
        index = min(free, key=lambda i: read(fd, i) is not None, default=None)
        if index is None:
            raise FullError(
                errno.ENOSPC, f"{MAX_PROCESSES} processes share {prefix!r}: no more can attach"
            )
        if role == "primary":  # what is left of another memory's processes means nothing now
            _clear(fd, free)
        mine = open_regular(path, os.O_RDWR)
        try:
            fcntl.fcntl(mine, fcntl.F_OFD_SETLK, _flock(fcntl.F_WRLCK, offset(index)))
            pid = os.getpid()
            member = Member(index, pid, started(pid) or 0, role, "attaching", lcores, name)
            write(mine, member)
        except BaseException:
            os.close(mine)
            raise
        return Registration(path, mine, member)


def _clear(fd: int, indexes: Iterable[int]) -> None:
    for index in indexes:
        clear(fd, index)


def program_name() -> str:
    """Return what this process runs: the script or module on its command line."""
    argv = iter(os.fsdecode(Path("/proc/self/cmdline").read_bytes()).split("\0")[1:-1])
    for argument in argv:
        if argument == "-m":
            return next(argv, "python")
        if argument in ("-W", "-X"):
            next(argv, None)
        elif argument == "-c" or not argument.startswith("-"):
            return "python -c" if argument == "-c" else Path(argument).name
    return "python"


def path_of(prefix: str) -> Path:
    """Return where the file of a prefix is."""
    return runtime.runtime_dir(prefix) / FILE


def started(pid: int) -> int | None:
    """[clock ticks] since boot when a process started; None where there is none."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19])
    except (OSError, IndexError, ValueError):
        return None


def guarded(prefix: str) -> AbstractContextManager[object]:
    """Keep, for a `with` block, all processes of a prefix from coming, going and telling."""
    return _locked(path_of(prefix), [], create=False)


def _read(prefix: str) -> list[tuple[Member, bool]]:
    path = path_of(prefix)
    try:
        fd = -1 if distrust(path.parent) else open_regular(path)
    except OSError:
        return []
    if fd < 0:
        return []
    try:
        return _judged(fd) if _is_ours(fd) else []
    finally:
        os.close(fd)


def _judged(fd: int) -> list[tuple[Member, bool]]:
    found = [m for i in range(MAX_PROCESSES) if (m := read(fd, i))]
    judged = [(member, _alive(fd, member)) for member in found]
    # one that leaves clears its page first, then lets go of the lock
    return [(m, alive) for m, alive in judged if alive or _same(m, read(fd, m.index))]


def _same(one: Member, other: Member | None) -> bool:
    return other is not None and (one.pid, one.started) == (other.pid, other.started)


def _live(fd: int) -> list[Member]:
    found = (read(fd, i) for i in range(MAX_PROCESSES))
    return [member for member in found if member and _alive(fd, member)]


def _alive(fd: int, member: Member) -> bool:
    """Whether its lock is held, and not just by what a child of the dead inherited."""
    wish = _flock(fcntl.F_RDLCK, offset(member.index))
    kind, *_ = struct.unpack(runtime.FLOCK, fcntl.fcntl(fd, fcntl.F_OFD_GETLK, wish))
    return bool(kind != fcntl.F_UNLCK) and started(member.pid) == member.started


def _locked(path: Path, fds: list[int], *, create: bool) -> FileIO:
    """Open the file under the lock of its head, which one process at a time holds.

    Parameters
    ----------
    fds
        Gets the descriptor.

    Returns
    -------
    FileIO
        For a `with` block, which alone may have it: where an exception of a signal handler parts
        the block from its end, the file goes with the block, and the lock with it.
    """
    why = distrust(path.parent)
    if why:
        raise PermissionError(errno.EPERM, why)
    flags = os.O_RDWR | (os.O_CREAT if create else 0)

    def opener(name: str, _: int) -> int:
        return open_regular(Path(name), flags)

    files: list[FileIO] = []  # and no variable: a traceback would keep it, and the lock with it
    while True:
        try:
            files.append(FileIO(os.fspath(path), "r+", opener=opener))
            fd = files[0].fileno()
            _lock_head(fd, path)
            if _is_at(fd, path):
                if create:
                    _begin(fd, path)
                fds.append(fd)
                return files.pop()
        except BaseException:
            _close(files)
            raise
        _close(files)  # it was removed while we waited for the lock


def _close(files: list[FileIO]) -> None:
    while files:
        files.pop().close()


def _begin(fd: int, path: Path) -> None:
    """Write the head of a new file, or of one that is not ours."""
    if not _is_ours(fd):
        os.ftruncate(fd, 0)
        _reserve(fd, path)
        os.pwrite(fd, _HEAD.pack(_MAGIC, _VERSION), 0)


def _reserve(fd: int, path: Path) -> None:
    """Have room for all pages, or leave no file."""
    try:
        os.posix_fallocate(fd, 0, (MAX_PROCESSES + 1) * PAGE)
    except OSError:
        path.unlink()
        raise


def _lock_head(fd: int, path: Path) -> None:
    """Wait for the lock of the head: a process has it for milliseconds unless it stands still."""
    deadline = time.monotonic() + LOCK_TIMEOUT_S
    while not _try_lock_head(fd):
        if time.monotonic() > deadline:
            text = (
                f"waited {LOCK_TIMEOUT_S:g} s for the lock of {path}: a process stands still in it"
            )
            raise LockedError(errno.EBUSY, text)
        time.sleep(0.002)


def _try_lock_head(fd: int) -> bool:
    try:
        fcntl.fcntl(fd, fcntl.F_OFD_SETLK, _flock(fcntl.F_WRLCK, 0))
    except (BlockingIOError, PermissionError):
        return False
    return True


def _is_at(fd: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(fd), path.stat())
    except OSError:
        return False


def _is_ours(fd: int) -> bool:
    return os.pread(fd, _HEAD.size, 0) == _HEAD.pack(_MAGIC, _VERSION)


def _flock(kind: int, start: int) -> bytes:
    return struct.pack(runtime.FLOCK, kind, os.SEEK_SET, start, 1, 0)

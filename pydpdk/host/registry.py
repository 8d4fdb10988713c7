"""The registry: which processes of ours share a file prefix, in a file that needs no EAL to read.

The file is in the prefix's runtime directory, with one page for each process. A process holds a
lock on its page (OFD: it belongs to the open file, so the kernel drops it when the process ends in
any way). A locked page is of a live process; a filled page without a lock is of a dead one.
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

from pydpdk.host import files, runtime
from pydpdk.host.alive import is_alive, start_time
from pydpdk.host.registry_page import (
    PAGE,
    RegisteredProcess,
    RegistrationState,
    Role,
    clear,
    offset,
    read,
    write,
)
from pydpdk.host.trust import distrust, make_parent, open_regular, regular

FILE = runtime.PROCESSES
MAX_PROCESSES = 128
LOCK_TIMEOUT_S = 60.0

_HEAD = struct.Struct("<8sI")
_MAGIC, _VERSION = b"pydpdkps", 1


class RegistryError(OSError):
    """All pages are in use (ENOSPC), or a process keeps the lock of the file (EBUSY)."""


class Registration:
    """The page of this process; its lock lasts as long as this object's descriptor."""

    def __init__(self, path: Path, fd: int, member: RegisteredProcess) -> None:
        self.path, self.member, self._fd = path, member, fd

    def _take(self) -> None:
        """Lock the page and fill it; the caller has the lock of the head."""
        lock = runtime.flock(fcntl.F_WRLCK, offset(self.member.index), 1)
        fcntl.fcntl(self._fd, fcntl.F_OFD_SETLK, lock)
        write(self._fd, self.member)

    def publish(self, state: RegistrationState, details: Mapping[str, Any]) -> None:
        """Publish the state of the EAL, and details that other processes need to attach."""
        member = replace(self.member, state=state, details=details)
        write(self._fd, member)
        self.member = member

    @property
    def in_place(self) -> bool:
        """Whether the file is still the one at its path."""
        return self._fd >= 0 and _is_at(self._fd, self.path)

    def give_back(self) -> None:
        """Clear the page; the last process removes the file."""
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


def members(prefix: str) -> list[RegisteredProcess]:
    """Return the live processes of ours that share this prefix."""
    return [member for member, alive in _read(prefix) if alive and member.shares]


def unshared(prefix: str) -> list[RegisteredProcess]:
    """Return the live processes of ours with this prefix that do not share their memory."""
    return [member for member, alive in _read(prefix) if alive and not member.shares]


def dead(prefix: str) -> list[RegisteredProcess]:
    """Return the processes that died without leaving and whose pages are not cleared yet."""
    return [member for member, alive in _read(prefix) if not alive and member.shares]


def forget(prefix: str, member: RegisteredProcess) -> None:
    """Clear the page of a dead process, unless another process has it by now."""
    fds: list[int] = []
    with suppress(OSError), _locked(path_of(prefix), fds, create=False):
        (fd,) = fds
        now = read(fd, member.index)
        if now and _same(now, member) and not _alive(fd, now):
            clear(fd, member.index)


def register(
    prefix: str,
    role: Role,
    name: str,
    choose: Callable[[list[RegisteredProcess]], Iterable[int]],
    keep: Callable[[Registration], object] = lambda registration: None,
) -> Registration:
    """Take a page for this process.

    Parameters
    ----------
    choose
        Gets the other live processes that share memory, returns our lcores, or raises; no process
        joins or leaves meanwhile.
    keep
        Gets the registration as soon as there is one: the exception of a signal handler that comes
        right after it does not lose it.

    Raises
    ------
    RegistryError
        128 processes are registered, or the file stays locked.
    """
    path = path_of(prefix)
    make_parent(path.parent)
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
        # pages of dead processes last: their primary may not have read them yet
        index = min(free, key=lambda i: read(fd, i) is not None, default=None)
        if index is None:
            text = f"{MAX_PROCESSES} processes share {prefix!r}: no more can attach"
            raise RegistryError(errno.ENOSPC, text)
        if role == Role.PRIMARY:  # pages of processes of an earlier primary are obsolete
            _clear(fd, free)
        member = RegisteredProcess(
            index, os.getpid(), start_time(), role, RegistrationState.ATTACHING, lcores, name
        )
        registration = Registration(path, open_regular(path, os.O_RDWR), member)
        try:
            registration._take()
            keep(registration)
        except BaseException:
            clear(fd, index)
            registration.forget()
            raise
        return registration


def _clear(fd: int, indexes: Iterable[int]) -> None:
    for index in indexes:
        clear(fd, index)


def program_name() -> str:
    """Return the script or module on the command line of this process."""
    argv = iter((files.text("/proc/self/cmdline") or "").split("\0")[1:-1])
    for argument in argv:
        if argument == "-m":
            return next(argv, "python")
        if argument in ("-W", "-X"):
            next(argv, None)
        elif argument == "-c" or not argument.startswith("-"):
            return "python -c" if argument == "-c" else Path(argument).name
    return "python"


def path_of(prefix: str) -> Path:
    """Return the path of a prefix's registry."""
    return runtime.runtime_dir(prefix) / FILE


def guarded(prefix: str) -> AbstractContextManager[object]:
    """Keep all processes of a prefix from joining, leaving and publishing in a `with` block."""
    return _locked(path_of(prefix), [], create=False)


def _read(prefix: str) -> list[tuple[RegisteredProcess, bool]]:
    path = path_of(prefix)
    with suppress(OSError):
        if not distrust(path.parent):
            with regular(path) as fd:
                return _judged(fd) if _is_ours(fd) else []
    return []


def _judged(fd: int) -> list[tuple[RegisteredProcess, bool]]:
    found = [m for i in range(MAX_PROCESSES) if (m := read(fd, i))]
    judged = [(member, _alive(fd, member)) for member in found]
    # a process that leaves clears its page before it releases the lock
    return [(m, alive) for m, alive in judged if alive or _same(m, read(fd, m.index))]


def _same(one: RegisteredProcess, other: RegisteredProcess | None) -> bool:
    return other is not None and (one.pid, one.started) == (other.pid, other.started)


def _live(fd: int) -> list[RegisteredProcess]:
    found = (read(fd, i) for i in range(MAX_PROCESSES))
    return [member for member in found if member and _alive(fd, member)]


def _alive(fd: int, member: RegisteredProcess) -> bool:
    """Whether the lock is held by the process itself, not by a child of the dead process."""
    locked = runtime.locker(fd, offset(member.index), 1) is not None
    return locked and is_alive(member.pid, member.started)


def _locked(path: Path, fds: list[int], *, create: bool) -> FileIO:
    """Open the file and take the lock of its head, which one process at a time holds.

    Parameters
    ----------
    fds
        Gets the descriptor.

    Returns
    -------
    FileIO
        For a `with` block, which must have the only reference: if a signal handler's exception
        interrupts the block, the file is closed with it, and the lock released.
    """
    why = distrust(path.parent)
    if why:
        raise PermissionError(errno.EPERM, why)
    flags = os.O_RDWR | (os.O_CREAT if create else 0)

    def opener(name: str, _: int) -> int:
        return open_regular(Path(name), flags)

    files: list[FileIO] = []  # no plain variable: a traceback would keep the file, and its lock
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
    """Write the head of a new file, or of one of another format; reserve space for all pages."""
    if not _is_ours(fd):
        os.ftruncate(fd, 0)
        try:
            os.posix_fallocate(fd, 0, (MAX_PROCESSES + 1) * PAGE)
        except OSError:
            path.unlink()
            raise
        os.pwrite(fd, _HEAD.pack(_MAGIC, _VERSION), 0)


def _lock_head(fd: int, path: Path) -> None:
    """Wait for the lock of the head: a process holds it for milliseconds unless it is stopped."""
    deadline = time.monotonic() + LOCK_TIMEOUT_S
    while not _try_lock_head(fd):
        if time.monotonic() > deadline:
            text = f"waited {LOCK_TIMEOUT_S:g} s for the lock of {path}: a stopped process holds it"
            raise RegistryError(errno.EBUSY, text)
        time.sleep(0.002)


def _try_lock_head(fd: int) -> bool:
    try:
        fcntl.fcntl(fd, fcntl.F_OFD_SETLK, runtime.flock(fcntl.F_WRLCK, 0, 1))
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

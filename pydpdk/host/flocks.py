"""Directory locks (flock) that DPDK waits for without a timeout, and their owners.

A starting EAL locks each hugetlbfs mount until it is up, and briefly its runtime directory. A heap
that grows or shrinks locks the mount; a message locks the runtime directory.
"""

from __future__ import annotations

import errno
import fcntl
import os
import re
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from pydpdk.host import files

_LINE = re.compile(
    r"(?P<number>\d+): (?P<waits>-> )?FLOCK\s+\w+\s+\w+\s+(?P<pid>-?\d+)"
    r" (?P<major>\w+):(?P<minor>\w+):(?P<inode>\d+) "
)
_POLL_S = 0.02


@dataclass(frozen=True)
class Wait:
    """A thread that waits for a lock.

    Attributes
    ----------
    path : Path
        The locked directory.
    owner : int
        PID of the process that holds the lock; 0 if it is not visible from here.
    """

    path: Path
    owner: int

    def __str__(self) -> str:
        return f"the lock on {self.path}, which {_name(self.owner)} has"


def waits(pid: int, paths: Iterable[Path], *, root: Path = Path("/")) -> list[Wait]:
    """Return the locks, of these paths, that a process waits for now."""
    known = {key: path for path in paths if (key := _key(path))}
    owners: dict[str, int] = {}
    found = []
    for match, at in _locks(root):
        if not match["waits"]:
            owners[match["number"]] = max(0, int(match["pid"]))
        elif int(match["pid"]) == pid and at in known:
            found.append(Wait(known[at], owners.get(match["number"], 0)))
    return found


def owner(path: Path, *, root: Path = Path("/")) -> int:
    """Return the PID of a process that holds the lock on a path; 0 if none is visible."""
    key = _key(path)
    for match, at in _locks(root):
        if at == key and not match["waits"] and int(match["pid"]) > 0:
            return int(match["pid"])
    return 0


def _locks(root: Path) -> Iterator[tuple[re.Match[str], tuple[int, int, int]]]:
    """Yield the lines of the kernel's list that are directory locks, each with its key."""
    for match in map(_LINE.match, files.lines(root / "proc/locks")):
        if match:
            key = int(match["major"], 16), int(match["minor"], 16), int(match["inode"])
            yield match, key


def wait_for(path: Path, timeout: float, *, patience: float, say: Callable[[Wait], None]) -> None:
    """Wait until a lock is free; call `say` once if that takes longer than `patience`.

    Raises
    ------
    TimeoutError
        The lock was not free in time; the message names the process that holds it.
    """
    with suppress(FileNotFoundError, PermissionError, NotADirectoryError):
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            _wait(fd, path, timeout, patience, say)
        finally:
            os.close(fd)


def _wait(
    fd: int, path: Path, timeout: float, patience: float, say: Callable[[Wait], None]
) -> None:
    start, said = time.monotonic(), False
    while True:
        with suppress(BlockingIOError):
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        waited = time.monotonic() - start
        if waited > timeout:
            text = f"waited {timeout:g} s for {Wait(path, owner(path))}"
            raise TimeoutError(errno.ETIMEDOUT, text)
        if waited > patience and not said:
            said = True
            say(Wait(path, owner(path)))
        time.sleep(_POLL_S)


def _key(path: Path) -> tuple[int, int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return os.major(status.st_dev), os.minor(status.st_dev), status.st_ino


def _name(pid: int) -> str:
    if pid == 0:
        return "a process that cannot be seen from here"
    command = files.word(f"/proc/{pid}/comm")
    return f"process {pid} ({command})" if command else f"process {pid}"

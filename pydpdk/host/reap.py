"""Dead prefixes: find and remove what dead processes left on this host."""

from __future__ import annotations

import fcntl
import os
import re
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pydpdk.host import registry, runtime
from pydpdk.host.files import entries
from pydpdk.host.hugepages import read_mounts
from pydpdk.host.trust import distrust, open_regular

_STARTS_S = 2.0
_HUGEPAGE_FILE = re.compile(r"(.+)map_[0-9]+(?:_[0-9]+)?")


@dataclass(frozen=True)
class DeadPrefix:
    """The files of a prefix that no live process uses.

    Attributes
    ----------
    hugepage_files : tuple of Path
        Each pins its pages until it is unlinked.
    hugepage_bytes : int
        [bytes] in them.
    runtime_dir : Path or None
        Where DPDK kept its shared state.
    files, sockets : tuple of Path
        In that directory.
    processes : tuple of str
        PIDs of its processes, as far as they are known.
    """

    prefix: str
    hugepage_files: tuple[Path, ...]
    hugepage_bytes: int
    runtime_dir: Path | None
    files: tuple[Path, ...]
    sockets: tuple[Path, ...]
    processes: tuple[str, ...]

    @property
    def paths(self) -> list[Path]:
        """All its paths on the host."""
        inside = [*self.hugepage_files, *self.files, *self.sockets]
        return [*inside, self.runtime_dir] if self.runtime_dir else inside

    def to_dict(self) -> dict[str, Any]:
        """Return the prefix as plain data, for JSON."""
        return {key: _plain(value) for key, value in asdict(self).items()}

    def __str__(self) -> str:
        size = self.hugepage_bytes / (1 << 20)
        parts = [f"{len(self.hugepage_files)} hugepage files ({size:,.0f} MB)"]
        if self.runtime_dir:
            parts.append(
                f"{self.runtime_dir} ({len(self.files)} files, {len(self.sockets)} sockets)"
            )
        if self.processes:
            parts.append(f"of process {', '.join(self.processes)}")
        return f"{self.prefix}: {', '.join(parts)}"


@dataclass(frozen=True)
class Reaped:
    """The result of removing a dead prefix.

    Attributes
    ----------
    removed, kept : tuple of Path
        `kept` are paths that this user may not remove, or that are in use again.
    """

    dead: DeadPrefix
    removed: tuple[Path, ...]
    kept: tuple[Path, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the result as plain data, for JSON."""
        mine = {"removed": _plain(self.removed), "kept": _plain(self.kept)}
        return {**self.dead.to_dict(), **mine}


def known_prefixes() -> list[str]:
    """Return all prefixes with files on this host, of live processes or dead ones."""
    names = set(runtime.prefixes())
    for mount in read_mounts():
        matches = (_HUGEPAGE_FILE.fullmatch(file.name) for file in entries(mount.path))
        names |= {match[1] for match in matches if match}
    return sorted(names)


def dead_prefixes(prefixes: Iterable[str] = ()) -> list[DeadPrefix]:
    """Return the dead ones of these prefixes, or of all: those that no live process uses."""
    names = list(dict.fromkeys(prefixes)) or known_prefixes()
    return [_look(name) for name in names if runtime.leftovers(name) and not _in_use(name)]


def in_use(prefixes: Iterable[str]) -> list[str]:
    """Return the prefixes that a live process uses, or is about to use."""
    return [name for name in dict.fromkeys(prefixes) if runtime.leftovers(name) and _in_use(name)]


def reap(prefixes: Sequence[str] = ()) -> list[Reaped]:
    """Remove what dead prefixes left; never files of a live process.

    It holds the primary's lock meanwhile, so that no primary with that prefix can start.

    Parameters
    ----------
    prefixes
        Default: all.
    """
    return [remove(dead) for dead in dead_prefixes(prefixes)]


def remove(dead: DeadPrefix) -> Reaped:
    """Remove the files of a dead prefix, unless a primary with that prefix runs by now."""
    with _held(runtime.runtime_dir(dead.prefix) / "config") as free:
        removed = runtime.remove(dead.prefix) if free else []
    kept = tuple(path for path in dead.paths if path not in removed)
    return Reaped(dead, tuple(removed), kept)


@contextmanager
def _held(config: Path) -> Iterator[bool]:
    """Hold the primary's lock, so that no primary with that prefix can start meanwhile."""
    try:
        fd = open_regular(config, os.O_RDWR)
    except OSError as error:
        yield isinstance(error, FileNotFoundError)
        return
    try:
        fcntl.fcntl(fd, fcntl.F_OFD_SETLK, runtime.flock(fcntl.F_WRLCK))
        free = True
    except BlockingIOError:
        free = False
    try:
        yield free
    finally:
        os.close(fd)


def _in_use(prefix: str) -> bool:
    return (
        runtime.is_in_use(prefix)
        or bool(registry.unshared(prefix))
        or _starts(runtime.runtime_dir(prefix))
    )


def _starts(directory: Path) -> bool:
    """Whether a process may be starting here: the EAL creates the directory before its locks."""
    try:
        return not any(directory.iterdir()) and time.time() - directory.stat().st_mtime < _STARTS_S
    except OSError:
        return False


def _look(prefix: str) -> DeadPrefix:
    directory = runtime.runtime_dir(prefix)
    pages = runtime.hugepage_files(prefix)
    ours = directory.is_dir() and not distrust(directory)
    inside = [path for path in entries(directory) if ours and not path.is_dir()]
    return DeadPrefix(
        prefix=prefix,
        hugepage_files=tuple(pages),
        hugepage_bytes=sum(_size(page) for page in pages),
        runtime_dir=directory if ours else None,
        files=tuple(path for path in inside if not path.is_socket()),
        sockets=tuple(path for path in inside if path.is_socket()),
        processes=_pids(inside),
    )


def _pids(inside: Iterable[Path]) -> tuple[str, ...]:
    """Return the PIDs of secondaries; the primary's files have no PID in their names."""
    matches = (runtime.MP_SOCKET.fullmatch(path.name) for path in inside)
    return tuple(sorted({match[1] for match in matches if match}, key=int))


def _size(file: Path) -> int:
    try:
        status = file.stat()
    except OSError:
        return 0
    return status.st_blocks * 512 or status.st_size  # not every kernel counts blocks of hugepages


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return str(value) if isinstance(value, Path) else value

"""Files that processes of one DPDK file prefix leave on the host, and their safe removal.

A prefix leaves hugepage files, each of which pins its pages until it is unlinked, and a runtime
directory. Formats and rules: `lib/eal/common/eal_filesystem.h` and `lib/eal/linux/eal.c`, the same
from 22.11 to 25.11.
"""

from __future__ import annotations

import errno
import fcntl
import os
import re
import socket
import stat
import struct
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from pydpdk.host import files
from pydpdk.host.fds import open_fds
from pydpdk.host.hugepages import read_mounts
from pydpdk.host.trust import distrust, open_regular, regular

MP_SOCKET = re.compile(r"mp_socket_([0-9]+)_[0-9a-f]+")
"""The socket of a secondary; EALs of 18.05 to 25.11 bind it long before they map any memory."""

_SOCKETS = re.compile(r"mp_socket.*|dpdk_telemetry.*")
_REGULAR = re.compile(r"config|hugepage_.*|fbarray_.*|pydpdk_processes")
"""The names in a runtime directory: the EAL's, and ours."""

_FLOCK = "hhqqi4x"  # struct flock of 64-bit Linux: type, whence, start, len, pid


def flock(kind: int, start: int = 0, length: int = 0) -> bytes:
    """Return a `struct flock` for `fcntl`; a length of 0 is all of the file."""
    return struct.pack(_FLOCK, kind, os.SEEK_SET, start, length, 0)


def locker(
    fd: int, start: int = 0, length: int = 0, *, command: int = fcntl.F_OFD_GETLK
) -> int | None:
    """Return the PID of a process with a write lock, 0 for one that is not visible; None if free.

    It takes no lock. It tests with a read lock, which needs no write permission.
    """
    wish = flock(fcntl.F_RDLCK, start, length)
    kind, *_, pid = struct.unpack(_FLOCK, fcntl.fcntl(fd, command, wish))
    return None if kind == fcntl.F_UNLCK else max(int(pid), 0)


def runtime_dir(prefix: str) -> Path:
    """Return the directory where a DPDK process with this file prefix keeps its shared state."""
    _check(prefix)
    base = os.environ.get("RUNTIME_DIRECTORY")
    if base is None:
        user = os.environ.get("XDG_RUNTIME_DIR", "/tmp")  # noqa: S108  DPDK's rule
        base = "/var/run" if os.getuid() == 0 else user
    return Path(base, "dpdk", prefix)


def prefixes() -> list[str]:
    """Return the prefixes with a runtime directory that no other user can change."""
    entries = files.entries(runtime_dir("x").parent)
    return [entry.name for entry in entries if entry.is_dir() and not distrust(entry)]


def hugepage_files(prefix: str, *, root: Path = Path("/")) -> list[Path]:
    """Return the hugepage files of this prefix, on every hugetlbfs mount."""
    _check(prefix)
    # `<prefix>map_<n>`, with `--single-file-segments` too; from 26.07 also `map_<list>_<n>`
    name = re.compile(re.escape(prefix) + r"map_[0-9]+(_[0-9]+)?")
    found = (file for mount in read_mounts(root=root) for file in files.entries(mount.path))
    return sorted(file for file in found if name.fullmatch(file.name))


def strange_hugepage_files(*, root: Path = Path("/")) -> list[Path]:
    """Return files that are named like hugepage files, of any prefix, and are none.

    `rte_eal_init` opens all of them to see whether they are in use, and would block on a FIFO.
    """
    found = (file for mount in read_mounts(root=root) for file in files.entries(mount.path))
    return sorted(file for file in found if "map_" in file.name and _is_strange(file))


def _is_strange(file: Path) -> bool:
    kind = _kind(file)
    return not stat.S_ISREG(kind) and not stat.S_ISDIR(kind)


def strange_files(prefix: str) -> list[Path]:
    """Return what has the name of a file in a runtime directory and is none.

    `rte_eal_init` opens them to see whether they are in use: it would block on a FIFO, write
    through a link, and fail for a directory without the reason.
    """
    found = files.entries(runtime_dir(prefix))
    return [entry for entry in found if _is_strange_here(entry)]


def _is_strange_here(entry: Path) -> bool:
    if _SOCKETS.fullmatch(entry.name):
        return _kind(entry) not in (stat.S_IFREG, stat.S_IFSOCK)
    return bool(_REGULAR.fullmatch(entry.name)) and _kind(entry) != stat.S_IFREG


def _kind(file: Path) -> int:
    """Return the type of a file, without following a link; that of a regular one if it is gone."""
    try:
        return stat.S_IFMT(file.lstat().st_mode)
    except OSError:
        return stat.S_IFREG


def leftovers(prefix: str, *, root: Path = Path("/")) -> list[Path]:
    """Return the paths of this prefix on the host: hugepage files and the runtime directory."""
    directory = runtime_dir(prefix)
    there = directory.is_dir() and not distrust(directory)
    return hugepage_files(prefix, root=root) + ([directory] if there else [])


PROCESSES = "pydpdk_processes"
"""The file of the registry in the runtime directory."""


def is_in_use(prefix: str, *, by_others: bool = False, root: Path = Path("/")) -> bool:
    """Whether a live process uses this prefix.

    A primary holds a write lock on its `config`. A process that shares memory answers on its
    `mp_socket*`, one that does not (`--in-memory`) on `dpdk_telemetry.v2`. With `--no-shconf` only
    the locks on hugepage files show that it is in use. Files that may not be opened belong to
    another user, and count as in use.

    Parameters
    ----------
    by_others
        Ignore locks and sockets of this process.
    """
    directory = runtime_dir(prefix)
    own = _open_files() if by_others else frozenset()
    return (
        _has_write_lock(directory / "config", by_others=by_others)
        or any(answers(s) for s in files.entries(directory) if s.is_socket() and str(s) not in own)
        or any(_is_flocked(f) for f in hugepage_files(prefix, root=root) if str(f) not in own)
    )


def clean_up(prefix: str, *, root: Path = Path("/")) -> list[Path]:
    """Remove the files of this prefix unless another live process uses it; return removed paths.

    For the owner after `rte_eal_cleanup` or a failed init, and for any process after the owner's
    death. Files that may not be removed stay, without an error: see `leftovers`.
    """
    if is_in_use(prefix, by_others=True, root=root):
        return []
    return _remove(prefix, root, keep=_has_members)


def leave(prefix: str) -> list[Path]:
    """Remove the files of this prefix unless another live process uses it; return removed paths.

    For a process whose EAL has ended, and which lives on. It lets go before it looks: of processes
    that leave at the same time, the last one to look sees nothing of the others. A primary keeps
    its lock until it leaves the files to others: no new primary begins while they are removed.
    """
    _let_go(prefix)
    config = runtime_dir(prefix) / "config"
    while True:
        if not is_in_use(prefix, by_others=True):
            with _claimed(config) as claimed:
                if not claimed:
                    return []
                if not is_in_use(prefix, by_others=True):
                    return _remove(prefix, Path("/"), keep=_has_members)
        _unlock(fd_here(config))
        if is_in_use(prefix, by_others=True):
            return []


def _let_go(prefix: str) -> None:
    """Remove the sockets of this process, and release its locks on hugepage files."""
    sockets = [entry for entry in files.entries(runtime_dir(prefix)) if entry.is_socket()]
    for path in _open_files().intersection(map(str, sockets)):
        _removed(Path(path))
    pages = {str(file) for file in hugepage_files(prefix)}
    for fd in _fds_of(pages):
        fcntl.flock(fd, fcntl.LOCK_UN)


@contextmanager
def _claimed(config: Path) -> Iterator[bool]:
    """Hold the lock of a primary for a `with` block; false if another process has it."""
    own = fd_here(config)
    try:
        fd = open_regular(config, os.O_RDWR) if own is None else own
    except OSError as error:
        yield isinstance(error, FileNotFoundError)
        return
    try:
        yield _locked(fd)
    finally:
        _unlock(fd)
        if own is None:
            os.close(fd)


def _locked(fd: int) -> bool:
    try:
        fcntl.fcntl(fd, fcntl.F_SETLK, flock(fcntl.F_WRLCK))
    except (BlockingIOError, PermissionError):
        return False
    return True


def _unlock(fd: int | None) -> None:
    if fd is not None:
        fcntl.fcntl(fd, fcntl.F_SETLK, flock(fcntl.F_UNLCK))


def remove(prefix: str, *, root: Path = Path("/")) -> list[Path]:
    """Remove the files of this prefix without checking for users; return removed paths."""
    return _remove(prefix, root, keep=lambda _: False)


def _remove(prefix: str, root: Path, *, keep: Callable[[Path], bool]) -> list[Path]:
    removed = [file for file in hugepage_files(prefix, root=root) if _removed(file)]
    directory = runtime_dir(prefix)
    if not distrust(directory):
        removed += [f for f in files.entries(directory) if not keep(f) and _removed(f)]
        with suppress(OSError):
            directory.rmdir()
            removed.append(directory)
    return removed


def unlock_mounts(*, root: Path = Path("/")) -> None:
    """Release the locks on hugetlbfs mounts that a failed `rte_eal_init` has kept.

    It takes them when it looks at the pages, and releases them only at its end: every other EAL of
    the host would wait for them until this process ends.
    """
    for fd in _fds_of({str(mount.path) for mount in read_mounts(root=root)}):
        fcntl.flock(fd, fcntl.LOCK_UN)


def _fds_of(paths: Collection[str]) -> Iterator[int]:
    """Yield this process's descriptors of these files."""
    for link in open_fds():
        with suppress(OSError):
            if str(link.readlink()) in paths:
                yield int(link.name)


def _check(prefix: str) -> None:
    if prefix in {"", ".", ".."} or "/" in prefix or "\0" in prefix:
        raise ValueError(
            f"file prefix must be a name without '/', not '.' or '..' (got {prefix!r})"
        )


def _has_members(file: Path) -> bool:
    """Whether a process has a page of the registry; it may be one that shares no memory."""
    with suppress(OSError):
        if file.name == PROCESSES:
            with regular(file) as fd:
                return locker(fd) is not None
    return False


def _has_write_lock(config: Path, *, by_others: bool) -> bool:
    """Test the lock of a primary without taking it."""
    if fd_here(config) is not None:  # the primary is this process
        return not by_others
    # POSIX locks of this process never conflict with F_GETLK, always with F_OFD_GETLK
    command = fcntl.F_GETLK if by_others else fcntl.F_OFD_GETLK
    try:
        with regular(config) as fd:
            return locker(fd, command=command) is not None
    except OSError as error:
        return isinstance(error, PermissionError)


def answers(path: Path) -> bool:
    """Whether a process has this socket bound; sends nothing."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(str(path))
        except OSError as error:
            # no permission: another user's, may be alive; wrong type: alive, of telemetry
            return error.errno in {errno.EACCES, errno.EPERM, errno.EPROTOTYPE}
    return True


def _is_flocked(file: Path) -> bool:
    """Test the shared lock that processes hold on a hugepage file, as the EAL does."""
    try:
        fd = open_regular(file)
    except OSError as error:
        return isinstance(error, PermissionError)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(fd)
    return False


def fd_here(file: Path) -> int | None:
    """Return this process's descriptor of a file; a primary has one of its `config`.

    Such a file must not be opened again: when a process closes any descriptor of a file, the kernel
    drops all its POSIX locks on it, and the primary would lose its lock.
    """
    try:
        wanted = file.stat()
    except OSError:
        return None
    for link in open_fds():
        with suppress(OSError):
            if os.path.samestat(link.stat(), wanted):
                return int(link.name)
    return None


def _open_files() -> frozenset[str]:
    """Return the paths of this process's open files and bound Unix sockets."""
    targets = set()
    for link in open_fds():
        with suppress(OSError):
            targets.add(str(link.readlink()))
    lines = [line.split(maxsplit=7) for line in files.lines("/proc/net/unix")]
    bound = {line[7] for line in lines if len(line) == 8 and f"socket:[{line[6]}]" in targets}
    return frozenset(targets | bound)


def _removed(file: Path) -> bool:
    """Unlink one file; keep directories, which are not DPDK's."""
    try:
        if stat.S_ISDIR(file.lstat().st_mode):
            return False
        file.unlink()
    except OSError:
        return False
    return True

"""What processes of one DPDK file prefix leave on the host, and how to remove it safely.

A prefix leaves two things: hugepage files, each of which pins its pages until it is unlinked,
and a runtime directory. Formats and rules: `lib/eal/common/eal_filesystem.h` and
`lib/eal/linux/eal.c`, the same from 22.11 to 25.11.
"""

from __future__ import annotations

import errno
import fcntl
import os
import re
import socket
import stat
import struct
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from pydpdk.host.hugepages import read_mounts
from pydpdk.host.trust import distrust, open_regular

FLOCK = "hhqqi4x"
"""`struct flock` of 64-bit Linux: type, whence, start, len, pid."""


def runtime_dir(prefix: str) -> Path:
    """The directory where a DPDK process with this file prefix keeps its shared state."""
    _check(prefix)
    base = os.environ.get("RUNTIME_DIRECTORY")
    if base is None:
        user = os.environ.get("XDG_RUNTIME_DIR", "/tmp")  # noqa: S108  DPDK's rule
        base = "/var/run" if os.getuid() == 0 else user
    return Path(base, "dpdk", prefix)


def hugepage_files(prefix: str, *, root: Path = Path("/")) -> list[Path]:
    """Hugepage files of exactly this prefix, on every hugetlbfs mount."""
    _check(prefix)
    # `<prefix>map_<n>`, with `--single-file-segments` too; from 26.07 also `map_<list>_<n>`
    name = re.compile(re.escape(prefix) + r"map_[0-9]+(_[0-9]+)?")
    files = (file for mount in read_mounts(root=root) for file in _listdir(mount.path))
    return sorted(file for file in files if name.fullmatch(file.name))


def strange_hugepage_files(*, root: Path = Path("/")) -> list[Path]:
    """What is named like a hugepage file, of any prefix, and is none.

    `rte_eal_init` opens all of them to see whether they are in use, and would wait at a FIFO.
    """
    files = (file for mount in read_mounts(root=root) for file in _listdir(mount.path))
    return sorted(file for file in files if "map_" in file.name and _is_strange(file))


def _is_strange(file: Path) -> bool:
    try:
        mode = file.lstat().st_mode
    except OSError:
        return False
    return not stat.S_ISREG(mode) and not stat.S_ISDIR(mode)


def leftovers(prefix: str, *, root: Path = Path("/")) -> list[Path]:
    """All that this prefix has on the host now: hugepage files and the runtime directory."""
    directory = runtime_dir(prefix)
    there = directory.is_dir() and not distrust(directory)
    return hugepage_files(prefix, root=root) + ([directory] if there else [])


PROCESSES = "pydpdk_processes"
"""File of `registry` in the runtime directory."""


def is_in_use(prefix: str, *, by_others: bool = False, root: Path = Path("/")) -> bool:
    """Say whether a live process uses this prefix.

    A primary holds a write lock on its `config`, every process that shares memory answers on
    its `mp_socket*`, one that does not (`--in-memory`) on `dpdk_telemetry.v2`; under `--no-shconf`
    only the locks on hugepage files tell. What may not be opened is another user's, and counts as
    in use.

    Parameters
    ----------
    by_others
        Do not count what this process itself still holds.
    """
    directory = runtime_dir(prefix)
    own = _open_files() if by_others else frozenset()
    return (
        _has_write_lock(directory / "config", by_others=by_others)
        or any(answers(s) for s in _listdir(directory) if s.is_socket() and str(s) not in own)
        or any(_is_flocked(f) for f in hugepage_files(prefix, root=root) if str(f) not in own)
    )


def sweep(prefix: str, *, root: Path = Path("/")) -> list[Path]:
    """Remove what this prefix left, unless another live process uses it; return what is gone.

    Meant for the owner after `rte_eal_cleanup` or a failed init, and for anyone after the
    owner's death. What may not be removed stays, without an error: see `leftovers`.
    """
    if is_in_use(prefix, by_others=True, root=root):
        return []
    return _remove(prefix, root, lambda file: not _has_members(file))


def remove(prefix: str, *, root: Path = Path("/")) -> list[Path]:
    """Remove what this prefix left, without a look whether anyone uses it; return what is gone."""
    return _remove(prefix, root, lambda _: True)


def _remove(prefix: str, root: Path, may_go: Callable[[Path], bool]) -> list[Path]:
    removed = [file for file in hugepage_files(prefix, root=root) if _removed(file)]
    directory = runtime_dir(prefix)
    if not distrust(directory):
        removed += [f for f in _listdir(directory) if may_go(f) and _removed(f)]
        with suppress(OSError):
            directory.rmdir()
            removed.append(directory)
    return removed


def unlock_mounts(*, root: Path = Path("/")) -> None:
    """Let go of the locks on hugetlbfs mounts that an `rte_eal_init` which failed has kept.

    It takes them while it looks at the pages, and gives them back at its end only: until this
    process ends every other EAL of the host would wait for them.
    """
    mounts = {str(mount.path) for mount in read_mounts(root=root)}
    for link in Path("/proc/self/fd").iterdir():
        with suppress(OSError):
            if str(link.readlink()) in mounts:
                fcntl.flock(int(link.name), fcntl.LOCK_UN)


def _check(prefix: str) -> None:
    if prefix in {"", ".", ".."} or "/" in prefix or "\0" in prefix:
        raise ValueError(f"file prefix {prefix!r}: takes a name without '/', not '.' or '..'")


def _has_members(file: Path) -> bool:
    """Say whether a process has its page of the registry: one that shares no memory, perhaps."""
    return file.name == PROCESSES and _is_locked(file)


def _is_locked(file: Path) -> bool:
    """Test whether any process has a lock on a file, without taking it."""
    try:
        fd = os.open(file, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return False
    try:
        wish = struct.pack(FLOCK, fcntl.F_RDLCK, os.SEEK_SET, 0, 0, 0)
        found, *_ = struct.unpack(FLOCK, fcntl.fcntl(fd, fcntl.F_OFD_GETLK, wish))
        return bool(found != fcntl.F_UNLCK)
    finally:
        os.close(fd)


def _has_write_lock(config: Path, *, by_others: bool) -> bool:
    """Test the lock of a primary without taking it."""
    if fd_here(config) is not None:  # the primary is this process
        return not by_others
    try:
        fd = open_regular(config)
    except OSError as error:
        return isinstance(error, PermissionError)
    try:
        # POSIX locks of this process never conflict with F_GETLK, always with F_OFD_GETLK.
        # A write lock conflicts with a wish to read, which needs no write permission.
        command = fcntl.F_GETLK if by_others else fcntl.F_OFD_GETLK
        wish = struct.pack(FLOCK, fcntl.F_RDLCK, os.SEEK_SET, 0, 0, 0)
        found, *_ = struct.unpack(FLOCK, fcntl.fcntl(fd, command, wish))
        return bool(found != fcntl.F_UNLCK)
    finally:
        os.close(fd)


def answers(path: Path) -> bool:
    """Say whether a process has this socket bound; nothing is sent."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(str(path))
        except OSError as error:
            # not permitted: another user's, perhaps alive; wrong type: alive, telemetry's
            return error.errno in {errno.EACCES, errno.EPERM, errno.EPROTOTYPE}
    return True


def _is_flocked(file: Path) -> bool:
    """Test the shared lock that processes hold on a hugepage file, as the EAL itself does."""
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
    """Return a descriptor that this process has of a file; a primary has one of its `config`.

    Such a file must not be opened again: the kernel drops all POSIX locks that a process has on
    a file when it closes any descriptor of it, and the primary would stand without its lock.
    """
    try:
        wanted = file.stat()
    except OSError:
        return None
    for link in Path("/proc/self/fd").iterdir():
        with suppress(OSError):
            if os.path.samestat(link.stat(), wanted):
                return int(link.name)
    return None


def _open_files() -> frozenset[str]:
    """Paths of the files that this process has open and of the Unix sockets it has bound."""
    targets = set()
    for link in Path("/proc/self/fd").iterdir():
        with suppress(OSError):
            targets.add(str(link.readlink()))
    table = os.fsdecode(Path("/proc/net/unix").read_bytes())  # abstract names are any bytes
    rows = [line.split(maxsplit=7) for line in table.splitlines()]
    bound = {row[7] for row in rows if len(row) == 8 and f"socket:[{row[6]}]" in targets}
    return frozenset(targets | bound)


def _listdir(directory: Path) -> list[Path]:
    try:
        return sorted(directory.iterdir())
    except OSError:
        return []


def _removed(file: Path) -> bool:
    """Unlink one file; directories are not DPDK's, and stay."""
    try:
        if stat.S_ISDIR(file.lstat().st_mode):
            return False
        file.unlink()
    except OSError:
        return False
    return True

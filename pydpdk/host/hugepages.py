"""Hugepages of this host: pools, mounts, and whether the EAL can use them now."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from pydpdk.host import files
from pydpdk.host.cgroup import HugepageLimit, hugepage_limit
from pydpdk.host.container import is_confined, memory_policy_allowed

_MB = 1 << 20
_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30}
_SUGGESTED_BYTES = 1 << 30
"""The amount to suggest on a host without hugepages: 512 pages of 2 MB, enough for every file
in `configs/`."""
_POLICY_REASON = (
    "This container's seccomp filter rejects the NUMA policy calls that the EAL makes for every "
    "hugepage"
)
_DEFAULT_MOUNT = Path("/dev/hugepages")
_MAKE_MOUNT = f"mkdir -p {_DEFAULT_MOUNT} && "
_GIVE_SYS_NICE = "docker run --cap-add SYS_NICE"


@dataclass(frozen=True)
class HugepagePool:
    """Hugepages of one size on one NUMA node."""

    size_bytes: int
    node: int
    total: int
    free: int


@dataclass(frozen=True)
class HugepageMount:
    """A hugetlbfs mount, where the EAL creates its hugepage files."""

    path: Path
    page_size_bytes: int
    writable: bool
    left_bytes: int | None = None
    """[bytes] that are left there; None without a limit (`-o size=`)."""


@dataclass(frozen=True)
class Availability:
    """Whether hugepages are usable now; if not, `reason` says why and how to fix it.

    `code`, `what` and `command` are those of the doctor's finding (`finding.MEANINGS`).
    """

    usable: bool
    free_bytes: int
    reason: str = ""
    code: str = ""
    what: str = ""
    command: str = ""


def read_pools(*, root: Path = Path("/")) -> list[HugepagePool]:
    """Return all hugepage pools, by NUMA node; all on node 0 if the kernel shows no nodes."""
    nodes = sorted((root / "sys/devices/system/node").glob("node[0-9]*"))
    pools = [p for n in nodes for p in _pools(n / "hugepages", int(n.name.removeprefix("node")))]
    return pools or list(_pools(root / "sys/kernel/mm/hugepages", 0))


def read_mounts(*, root: Path = Path("/")) -> list[HugepageMount]:
    """Return all hugetlbfs mounts that this process sees."""
    mounts = []
    for line in files.lines(root / "proc/mounts"):
        _, path, kind, options, *_ = line.split()
        if kind == "hugetlbfs":
            where = root / _unescape(path).lstrip("/")
            size, left = _mount_page_size(options, root), _left(where, options)
            mounts.append(HugepageMount(where, size, _writable(where), left))
    return mounts


def default_page_size_bytes(*, root: Path = Path("/")) -> int:
    """Return the page size of `vm.nr_hugepages` and of mounts without one; 2 MB if unknown."""
    known = files.text(root / "proc/meminfo") or ""
    match = re.search(r"^Hugepagesize:\s+(\d+) kB", known, re.MULTILINE)
    return int(match[1]) << 10 if match else 2 * _MB


def available(
    need_bytes: int = 0, *, in_memory: bool = False, root: Path = Path("/")
) -> Availability:
    """Check whether an EAL that needs this much memory can run on hugepages now.

    Parameters
    ----------
    need_bytes
        [bytes] that must be free; 0 means a single page.
    in_memory
        As the EAL's `--in-memory`: no files, so no hugetlbfs mount is needed.
    """
    pools = read_pools(root=root)
    secret = unreadable(root=root)
    if secret and not any(pool.total for pool in pools):
        what = f"{secret[0]} cannot be read"
        return _unusable("hugepages-unreadable", what, f"chmod a+r {' '.join(map(str, secret))}")
    if not pools:
        return _unusable("hugepages-unsupported", "This kernel shows no hugepages at all in /sys")
    if not any(pool.total for pool in pools):
        return _none(need_bytes, in_memory, root)
    sizes = {pool.size_bytes for pool in pools if pool.total}
    if not in_memory:
        mounts = read_mounts(root=root)
        sizes &= {mount.page_size_bytes for mount in mounts if mount.writable}
        if not sizes:
            return _no_mount(pools, mounts, root)
    if not memory_policy_allowed():
        return _unusable("memory-policy-denied", _POLICY_REASON, _GIVE_SYS_NICE)
    here = _enough([pool for pool in pools if pool.size_bytes in sizes], need_bytes, root)
    return here if in_memory or not here.usable else _within_mounts(here, need_bytes, mounts)


def unreadable(*, root: Path = Path("/")) -> list[Path]:
    """Return the kernel's files of hugepage counts that may not be read."""
    places = ("sys/devices/system/node/node[0-9]*/hugepages", "sys/kernel/mm/hugepages")
    names = ("nr_hugepages", "free_hugepages")
    patterns = [f"{place}/hugepages-*kB/{name}" for place in places for name in names]
    found = (file for pattern in patterns for file in sorted(root.glob(pattern)))
    return [file for file in found if files.number(file) is None]


def _unusable(code: str, what: str, command: str = "", free: int = 0) -> Availability:
    fix = f": `{command}` as root on the host fixes it" if command else ""
    return Availability(False, free, f"{what}{fix}.", code, what, command)


def _enough(pools: list[HugepagePool], need_bytes: int, root: Path) -> Availability:
    """Compare the free hugepages, and the limits of control groups, with the need."""
    need = max(need_bytes, min(pool.size_bytes for pool in pools))
    free, allowed, limits = 0, 0, []
    for size in sorted({pool.size_bytes for pool in pools}):
        of_size = max(0, sum(p.free for p in pools if p.size_bytes == size) - _promised(size, root))
        limit = hugepage_limit(size, root=root)
        free += of_size * size
        allowed += min(of_size * size, limit.left_bytes if limit else of_size * size)
        limits += [limit] if limit else []
    if free < need:
        what = f"{_mb(free)} of hugepages are free, {_mb(need)} are needed"
        return _unusable("hugepages-too-few", what, _reserve(need - free, root), allowed)
    if allowed < need:
        return _over_limit(limits, need, allowed)
    return Availability(True, allowed)


def _reserve(more_bytes: int, root: Path) -> str:
    """Return the command that adds this many bytes to the default pool."""
    size = default_page_size_bytes(root=root)
    total = sum(pool.total for pool in read_pools(root=root) if pool.size_bytes == size)
    more = -(-(more_bytes if total else max(more_bytes, _SUGGESTED_BYTES)) // size)
    return f"echo {total + more} > /proc/sys/vm/nr_hugepages"


def _none(need_bytes: int, in_memory: bool, root: Path) -> Availability:
    size = default_page_size_bytes(root=root)
    what, command = "No hugepages are reserved", _reserve(need_bytes, root)
    mounted = any(mount.page_size_bytes == size for mount in read_mounts(root=root))
    if not (in_memory or mounted or is_confined(root=root)):
        what += ", nor hugetlbfs mounted"
        command += f" && {_MAKE_MOUNT}{_mount(size)}"
    return _unusable("hugepages-none", what, command)


def _mount(size_bytes: int, path: Path = _DEFAULT_MOUNT) -> str:
    option = _mb(size_bytes).replace(" MB", "M")
    return f"mount -t hugetlbfs -o pagesize={option} nodev {path}"


def _no_mount(pools: list[HugepagePool], mounts: list[HugepageMount], root: Path) -> Availability:
    sizes = {pool.size_bytes for pool in pools if pool.total}
    for mount in mounts:
        if mount.page_size_bytes in sizes:
            what = f"{mount.path} is not writable for this user"
            return _unusable("hugetlbfs-not-writable", what, _open_mount(mount.path))
    command = _MAKE_MOUNT + _mount(min(sizes))
    if is_confined(root=root):
        command = "docker run --user 0 --cap-add SYS_NICE -v /dev/hugepages:/dev/hugepages"
    what = f"No hugetlbfs with pages of {_mb(min(sizes))} is mounted"
    return _unusable("hugetlbfs-not-mounted", what, command)


def _open_mount(path: Path) -> str:
    """Return the command that lets this user write to a mount."""
    if path.exists() and os.statvfs(path).f_flag & os.ST_RDONLY:
        return f"mount -o remount,rw {path}"
    return f"chown {os.geteuid()} {path}"


def _within_mounts(
    here: Availability, need_bytes: int, mounts: list[HugepageMount]
) -> Availability:
    """Apply the size limits of the mounts."""
    lefts = [mount.left_bytes for mount in mounts if mount.writable]
    limits = [left for left in lefts if left is not None]
    if len(limits) < len(lefts) or sum(limits) >= max(need_bytes, 1):
        return here
    tight = min((m for m in mounts if m.writable), key=lambda mount: mount.left_bytes or 0)
    what = f"{tight.path} has room for {_mb(sum(limits))}, {_mb(need_bytes or 1)} are needed"
    # `mount -o remount` does not change the size of a hugetlbfs
    command = _mount(tight.page_size_bytes, tight.path)
    return _unusable("hugetlbfs-size-limit", what, command, sum(limits))


def _over_limit(limits: Iterable[HugepageLimit], need: int, allowed: int) -> Availability:
    tightest = min(limits, key=lambda limit: limit.left_bytes)
    what = (
        f"The control group of this process leaves it {_mb(tightest.left_bytes)} of hugepages, "
        f"{_mb(need)} are needed"
    )
    command = f"echo {tightest.used_bytes + need} > {tightest.file}"
    return _unusable("hugepages-cgroup-limit", what, command, allowed)


def _pools(directory: Path, node: int) -> Iterator[HugepagePool]:
    for entry in sorted(directory.glob("hugepages-*kB")):
        size = int(entry.name.removeprefix("hugepages-").removesuffix("kB")) << 10
        total, free = _count(entry / "nr_hugepages"), _count(entry / "free_hugepages")
        yield HugepagePool(size, node, total, free)


def _promised(size: int, root: Path) -> int:
    """Count pages that look free but belong to a mapping that has not touched them yet."""
    return _count(root / f"sys/kernel/mm/hugepages/hugepages-{size >> 10}kB/resv_hugepages")


def _mount_page_size(options: str, root: Path) -> int:
    match = re.search(r"(?:^|,)pagesize=(\d+)([KMG]?)", options)
    return int(match[1]) * _UNITS[match[2]] if match else default_page_size_bytes(root=root)


def _left(path: Path, options: str) -> int | None:
    """Return the [bytes] left on a mount with a size limit; None without a limit."""
    if not re.search(r"(?:^|,)size=", options):
        return None
    try:
        status = os.statvfs(path)
    except OSError:
        return None
    return status.f_bavail * status.f_frsize


def _writable(path: Path) -> bool:
    """Ask the kernel, which considers read-only mounts and capabilities, too."""
    return os.access(path, os.W_OK | os.X_OK)


def _unescape(field: str) -> str:
    r"""Decode a path of /proc/mounts, where a space is `\040`."""
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), field)


def _count(file: Path) -> int:
    return max(0, files.number(file) or 0)


def _mb(size_bytes: int) -> str:
    return f"{-(-size_bytes // _MB)} MB"

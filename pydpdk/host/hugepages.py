"""Hugepages of this host: pools, mounts, and whether the EAL could use them now."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from pydpdk.host.cgroup import HugepageLimit, hugepage_limit
from pydpdk.host.container import in_container, memory_policy_allowed

_MB = 1 << 20
_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30}
_SUGGESTED_BYTES = 1 << 30
"""What a host without hugepages is told to reserve: 512 pages of 2 MB, enough for every file
in `configs/`."""
_POLICY_REASON = (
    "This container's seccomp filter refuses the NUMA policy calls that the EAL makes for every "
    "hugepage: `docker run --cap-add SYS_NICE` lets them pass."
)


@dataclass(frozen=True)
class HugepagePool:
    """Hugepages of one size on one NUMA node."""

    size_bytes: int
    node: int
    total: int
    free: int


@dataclass(frozen=True)
class HugepageMount:
    """A hugetlbfs mount, where the EAL makes its hugepage files."""

    path: Path
    page_size_bytes: int
    writable: bool


@dataclass(frozen=True)
class Availability:
    """Whether hugepages are usable now; if not, `reason` says why and what mends it."""

    usable: bool
    free_bytes: int
    reason: str = ""


def read_pools(*, root: Path = Path("/")) -> list[HugepagePool]:
    """Every hugepage pool, by NUMA node; all on node 0 where the kernel shows no nodes."""
    nodes = sorted((root / "sys/devices/system/node").glob("node[0-9]*"))
    pools = [p for n in nodes for p in _pools(n / "hugepages", int(n.name.removeprefix("node")))]
    return pools or list(_pools(root / "sys/kernel/mm/hugepages", 0))


def read_mounts(*, root: Path = Path("/")) -> list[HugepageMount]:
    """Every hugetlbfs mount that this process sees."""
    mounts = []
    for line in _read(root / "proc/mounts").splitlines():
        _, path, kind, options, *_ = line.split()
        if kind == "hugetlbfs":
            where = root / _unescape(path).lstrip("/")
            mounts.append(HugepageMount(where, _mount_page_size(options, root), _writable(where)))
    return mounts


def default_page_size_bytes(*, root: Path = Path("/")) -> int:
    """The page size of `vm.nr_hugepages` and of mounts that name none; 2 MB if unknown."""
    match = re.search(r"^Hugepagesize:\s+(\d+) kB", _read(root / "proc/meminfo"), re.MULTILINE)
    return int(match[1]) << 10 if match else 2 * _MB


def available(
    need_bytes: int = 0, *, in_memory: bool = False, root: Path = Path("/")
) -> Availability:
    """Say whether an EAL that needs this much could run on hugepages now.

    Parameters
    ----------
    need_bytes
        What must be free. [bytes], 0 asks for a single page.
    in_memory
        As for the EAL's `--in-memory`: no files, so no hugetlbfs mount is needed.
    """
    pools = read_pools(root=root)
    if not pools:
        return Availability(False, 0, "This kernel shows no hugepages at all in /sys.")
    if not any(pool.total for pool in pools):
        return Availability(False, 0, f"No hugepages are reserved: {_reserve(need_bytes, root)}.")
    sizes = {pool.size_bytes for pool in pools if pool.total}
    if not in_memory:
        mounts = read_mounts(root=root)
        sizes &= {mount.page_size_bytes for mount in mounts if mount.writable}
        if not sizes:
            return Availability(False, 0, _mount_reason(pools, mounts, root))
    if not memory_policy_allowed():
        return Availability(False, 0, _POLICY_REASON)
    return _enough([pool for pool in pools if pool.size_bytes in sizes], need_bytes, root)


def _enough(pools: list[HugepagePool], need_bytes: int, root: Path) -> Availability:
    """Compare what is free, and what control groups leave of it, with what is needed."""
    need = max(need_bytes, min(pool.size_bytes for pool in pools))
    free, allowed, limits = 0, 0, []
    for size in sorted({pool.size_bytes for pool in pools}):
        of_size = max(0, sum(p.free for p in pools if p.size_bytes == size) - _promised(size, root))
        limit = hugepage_limit(size, root=root)
        free += of_size * size
        allowed += min(of_size * size, limit.left_bytes if limit else of_size * size)
        limits += [limit] if limit else []
    if free < need:
        short = need - free
        reason = f"{_mb(free)} of hugepages are free, {_mb(need)} are needed"
        return Availability(False, allowed, f"{reason}: {_reserve(short, root)}.")
    if allowed < need:
        return Availability(False, allowed, _limit_reason(limits, need))
    return Availability(True, allowed)


def _reserve(more_bytes: int, root: Path) -> str:
    """The command that adds this many bytes to the default pool."""
    size = default_page_size_bytes(root=root)
    total = sum(pool.total for pool in read_pools(root=root) if pool.size_bytes == size)
    more = -(-(more_bytes if total else max(more_bytes, _SUGGESTED_BYTES)) // size)
    command = f"`echo {total + more} > /proc/sys/vm/nr_hugepages` as root on the host"
    return f"{command} reserves {_mb(more * size)}"


def _mount_reason(pools: list[HugepagePool], mounts: list[HugepageMount], root: Path) -> str:
    sizes = {pool.size_bytes for pool in pools if pool.total}
    for mount in mounts:
        if mount.page_size_bytes in sizes:
            command = f"`chown {os.getuid()} {mount.path}` as root on the host"
            return f"{mount.path} is not writable for this user: {command} mends it."
    size = _mb(min(sizes))
    if in_container(root=root):
        command = "`docker run --user 0 --cap-add SYS_NICE -v /dev/hugepages:/dev/hugepages`"
    else:
        command = (
            "`mkdir -p /dev/hugepages && mount -t hugetlbfs "
            f"-o pagesize={size.replace(' MB', 'M')} nodev /dev/hugepages` as root"
        )
    return f"No hugetlbfs with pages of {size} is mounted: {command} mends it."


def _limit_reason(limits: Iterable[HugepageLimit], need: int) -> str:
    tightest = min(limits, key=lambda limit: limit.left_bytes)
    return (
        f"The control group of this process leaves it {_mb(tightest.left_bytes)} of hugepages, "
        f"{_mb(need)} are needed: `echo {tightest.used_bytes + need} > {tightest.file}` as root "
        "on the host raises the limit."
    )


def _pools(directory: Path, node: int) -> Iterator[HugepagePool]:
    for entry in sorted(directory.glob("hugepages-*kB")):
        size = int(entry.name.removeprefix("hugepages-").removesuffix("kB")) << 10
        total, free = _count(entry / "nr_hugepages"), _count(entry / "free_hugepages")
        yield HugepagePool(size, node, total, free)


def _promised(size: int, root: Path) -> int:
    """Pages that look free but belong to a mapping that has not touched them yet."""
    return _count(root / f"sys/kernel/mm/hugepages/hugepages-{size >> 10}kB/resv_hugepages")


def _mount_page_size(options: str, root: Path) -> int:
    match = re.search(r"(?:^|,)pagesize=(\d+)([KMG]?)", options)
    return int(match[1]) * _UNITS[match[2]] if match else default_page_size_bytes(root=root)


def _writable(path: Path) -> bool:
    """Ask the kernel, which also knows read-only mounts and capabilities."""
    return os.access(path, os.W_OK | os.X_OK)


def _unescape(field: str) -> str:
    r"""A path as in /proc/mounts, where a space is `\040`."""
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), field)


def _read(file: Path) -> str:
    try:
        return os.fsdecode(file.read_bytes())
    except OSError:
        return ""


def _count(file: Path) -> int:
    return int(_read(file) or 0)


def _mb(size_bytes: int) -> str:
    return f"{-(-size_bytes // _MB)} MB"

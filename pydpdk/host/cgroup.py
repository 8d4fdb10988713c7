"""Limits of control groups on the hugepages and CPUs of this process."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path

from pydpdk.host import files
from pydpdk.host.cpus import parse_list

# (limit, usage) of one page size, cgroup v2 then v1. The `rsvd` pair counts mapped pages, the
# other touched pages; the EAL maps and touches at once, so the tighter limit applies.
_FILES = (
    ("max", "current"), ("rsvd.max", "rsvd.current"),
    ("limit_in_bytes", "usage_in_bytes"), ("rsvd.limit_in_bytes", "rsvd.usage_in_bytes"),
)  # fmt: skip


@dataclass(frozen=True)
class HugepageLimit:
    """A limit on hugepages of one size, and the file that sets it."""

    file: Path
    limit_bytes: int
    used_bytes: int

    @property
    def left_bytes(self) -> int:
        """[bytes] that may still be allocated under this limit."""
        return max(0, self.limit_bytes - self.used_bytes)


def hugepage_limit(page_size_bytes: int, *, root: Path = Path("/")) -> HugepageLimit | None:
    """Return the tightest limit on hugepages of this size; None if there is none."""
    limits = _limits(f"hugetlb.{_size_name(page_size_bytes)}", root)
    return min(limits, key=lambda limit: limit.left_bytes, default=None)


@dataclass(frozen=True)
class CpuQuota:
    """A limit on CPU time, and the command that lifts it."""

    cpus: float
    lift: str


def cpu_quota(*, root: Path = Path("/")) -> CpuQuota | None:
    """Return the tightest limit on CPU time, in CPUs; None if there is none."""
    quotas = []
    for directory in _directories_of("cpu", root):
        v2, v1 = directory / "cpu.max", directory / "cpu.cfs_quota_us"
        quota, _, period = files.word(v2).partition(" ")
        if quota.isdecimal() and period.strip().isdecimal():
            quotas.append(CpuQuota(int(quota) / int(period), f"echo max > {v2}"))
        amount, length = files.number(v1), files.number(directory / "cpu.cfs_period_us")
        if amount and length and amount > 0:
            quotas.append(CpuQuota(amount / length, f"echo -1 > {v1}"))
    return min(quotas, key=lambda quota: quota.cpus, default=None)


def narrow_cpusets(cpus: frozenset[int], *, root: Path = Path("/")) -> list[Path]:
    """Return the files of cpusets that exclude one of these CPUs, from the root down."""
    found = [directory / "cpuset.cpus" for directory in _directories_of("cpuset", root)]
    narrow = [file for file in found if (text := files.word(file)) and cpus - set(parse_list(text))]
    return sorted(dict.fromkeys(narrow), key=lambda file: len(file.parts))


def _limits(stem: str, root: Path) -> Iterator[HugepageLimit]:
    for directory, (limit_name, used_name) in product(_directories_of("hugetlb", root), _FILES):
        file = directory / f"{stem}.{limit_name}"
        limit, used = files.number(file), files.number(directory / f"{stem}.{used_name}")
        if limit is not None and used is not None:
            yield HugepageLimit(file, limit, used)


def _directories_of(controller: str, root: Path) -> Iterator[Path]:
    """Yield directories whose limits apply to this process: its group's and all parents."""
    base = root / "sys/fs/cgroup"
    for line in files.word(root / "proc/self/cgroup").splitlines():
        _, controllers, group = line.split(":", 2)
        below = Path(group.lstrip("/"))
        for directory in (below, *below.parents):
            if not controllers:
                yield base / directory
                yield base / "unified" / directory
            elif controller in controllers.split(","):
                yield base / controller / directory


def _size_name(size_bytes: int) -> str:
    """Write a page size as in the kernel's file names: `64KB`, `2MB`, `1GB`."""
    for shift, unit in ((30, "GB"), (20, "MB")):
        if size_bytes >> shift:
            return f"{size_bytes >> shift}{unit}"
    return f"{size_bytes >> 10}KB"

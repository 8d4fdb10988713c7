"""What control groups leave this process of the host's hugepages and CPUs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pydpdk.host.cpus import parse_list

# (limit, usage) of one page size, cgroup v2 then v1. The `rsvd` pair counts what is mapped,
# the other what is touched; the EAL does both at once, so the tighter one decides.
_V2_FILES = (("max", "current"), ("rsvd.max", "rsvd.current"))
_V1_FILES = (
    ("limit_in_bytes", "usage_in_bytes"),
    ("rsvd.limit_in_bytes", "rsvd.usage_in_bytes"),
)


@dataclass(frozen=True)
class HugepageLimit:
    """A limit on hugepages of one size, and the file that sets it."""

    file: Path
    limit_bytes: int
    used_bytes: int

    @property
    def left_bytes(self) -> int:
        """What may still be taken under this limit."""
        return max(0, self.limit_bytes - self.used_bytes)


def hugepage_limit(page_size_bytes: int, *, root: Path = Path("/")) -> HugepageLimit | None:
    """The tightest limit on hugepages of this size; None where there is none."""
    limits = _limits(f"hugetlb.{_size_name(page_size_bytes)}", root)
    return min(limits, key=lambda limit: limit.left_bytes, default=None)


@dataclass(frozen=True)
class CpuQuota:
    """A limit on CPU time, and the command that lifts it."""

    cpus: float
    lift: str


def cpu_quota(*, root: Path = Path("/")) -> CpuQuota | None:
    """The tightest limit on CPU time, in CPUs; None where there is none."""
    quotas = []
    for directory in _directories_of("cpu", root):
        v2, v1 = directory / "cpu.max", directory / "cpu.cfs_quota_us"
        quota, _, period = _text(v2).partition(" ")
        if quota.isdecimal() and period.strip().isdecimal():
            quotas.append(CpuQuota(int(quota) / int(period), f"echo max > {v2}"))
        amount, length = _number(v1), _number(directory / "cpu.cfs_period_us")
        if amount and length and amount > 0:
            quotas.append(CpuQuota(amount / length, f"echo -1 > {v1}"))
    return min(quotas, key=lambda quota: quota.cpus, default=None)


def narrow_cpusets(cpus: frozenset[int], *, root: Path = Path("/")) -> list[Path]:
    """Files of the cpusets that leave this process without one of these CPUs, from the top."""
    files = [directory / "cpuset.cpus" for directory in _directories_of("cpuset", root)]
    found = [file for file in files if (text := _text(file)) and cpus - set(parse_list(text))]
    return sorted(dict.fromkeys(found), key=lambda file: len(file.parts))


def _limits(stem: str, root: Path) -> Iterator[HugepageLimit]:
    for directory, names in _directories(root):
        for limit_name, used_name in names:
            file = directory / f"{stem}.{limit_name}"
            limit, used = _number(file), _number(directory / f"{stem}.{used_name}")
            if limit is not None and used is not None:
                yield HugepageLimit(file, limit, used)


def _directories(root: Path) -> Iterator[tuple[Path, tuple[tuple[str, str], ...]]]:
    """Directories whose limits on hugepages hold for this process, with the files' names."""
    for directory in _directories_of("hugetlb", root):
        yield directory, _V2_FILES
        yield directory, _V1_FILES


def _directories_of(controller: str, root: Path) -> Iterator[Path]:
    """Directories whose limits hold for this process: its group's and all above it."""
    base = root / "sys/fs/cgroup"
    for line in _text(root / "proc/self/cgroup").splitlines():
        _, controllers, group = line.split(":", 2)
        below = Path(group.lstrip("/"))
        for directory in (below, *below.parents):
            if not controllers:
                yield base / directory
                yield base / "unified" / directory
            elif controller in controllers.split(","):
                yield base / controller / directory


def _text(file: Path) -> str:
    try:
        return os.fsdecode(file.read_bytes()).strip()
    except OSError:
        return ""


def _number(file: Path) -> int | None:
    """The number in a file; None for `max` and for a file that cannot be read."""
    try:
        return int(file.read_text())
    except (OSError, ValueError):
        return None


def _size_name(size_bytes: int) -> str:
    """A page size as the kernel spells it in these file names: `64KB`, `2MB`, `1GB`."""
    for shift, unit in ((30, "GB"), (20, "MB")):
        if size_bytes >> shift:
            return f"{size_bytes >> shift}{unit}"
    return f"{size_bytes >> 10}KB"

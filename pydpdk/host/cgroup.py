"""What control groups leave this process of the host's hugepages."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

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


def _limits(stem: str, root: Path) -> Iterator[HugepageLimit]:
    for directory, names in _directories(root):
        for limit_name, used_name in names:
            file = directory / f"{stem}.{limit_name}"
            limit, used = _number(file), _number(directory / f"{stem}.{used_name}")
            if limit is not None and used is not None:
                yield HugepageLimit(file, limit, used)


def _directories(root: Path) -> Iterator[tuple[Path, tuple[tuple[str, str], ...]]]:
    """Directories whose limits hold for this process: its group's and all above it."""
    base = root / "sys/fs/cgroup"
    try:
        lines = (root / "proc/self/cgroup").read_text().splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, group = line.split(":", 2)
        below = Path(group.lstrip("/"))
        for directory in (below, *below.parents):
            if not controllers:
                yield base / directory, _V2_FILES
                yield base / "unified" / directory, _V2_FILES
            elif "hugetlb" in controllers.split(","):
                yield base / "hugetlb" / directory, _V1_FILES


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

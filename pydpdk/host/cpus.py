"""CPUs that this process may use, and their NUMA nodes."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from pydpdk.host import files


def usable_cpus() -> frozenset[int]:
    """Return the affinity of the calling thread, which includes cpusets and taskset.

    Notes
    -----
    Threads  call it before `rte_eal_init`, which pins the calling thread to one CPU
    """
    return frozenset(os.sched_getaffinity(0))


def numa_node_of_cpu(cpu: int, *, root: Path = Path("/")) -> int:
    """Return the NUMA node of a CPU; 0 if it is unknown, as in the EAL."""
    links = (root / f"sys/devices/system/cpu/cpu{cpu}").glob("node[0-9]*")
    return min((int(link.name.removeprefix("node")) for link in links), default=0)


def numa_nodes(*, root: Path = Path("/")) -> list[int]:
    """Return the NUMA nodes that are online; `[0]` if they are unknown."""
    return parse_list(files.word(root / "sys/devices/system/node/online")) or [0]


def online(*, root: Path = Path("/")) -> frozenset[int]:
    """Return the CPUs that are online."""
    listed = parse_list(files.word(root / "sys/devices/system/cpu/online"))
    return frozenset(listed) or usable_cpus()


def isolated(*, root: Path = Path("/")) -> frozenset[int]:
    """Return the CPUs that the scheduler gives only to pinned threads (`isolcpus=`)."""
    return frozenset(parse_list(files.word(root / "sys/devices/system/cpu/isolated")))


def parse_list(text: str) -> list[int]:
    """Parse the kernel's list format: `0-1,4` is 0, 1, 4."""
    numbers: list[int] = []
    for part in text.strip().split(","):
        first, _, last = part.partition("-")
        if first:
            numbers += range(int(first), int(last or first) + 1)
    return numbers


def format_list(numbers: Iterable[int]) -> str:
    """Write numbers in the kernel's list format: 0, 1, 2, 5 is `0-2,5`."""
    spans: list[list[int]] = []
    for number in sorted(numbers):
        if spans and number == spans[-1][-1] + 1:
            spans[-1][1:] = [number]
        else:
            spans.append([number])
    return ",".join("-".join(map(str, span)) for span in spans)

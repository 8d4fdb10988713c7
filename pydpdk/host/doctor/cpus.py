"""Checks of CPUs: affinity, quota, isolation, frequency governor."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from pathlib import Path

from pydpdk.host import cgroup, cpus
from pydpdk.host.finding import Finding, Severity, as_root
from pydpdk.host.needs import Needs


def _affinity(needs: Needs, root: Path) -> Iterator[Finding]:
    stray = needs.cpus - cpus.usable_cpus()
    if not stray:
        return
    present = cpus.online(root=root)
    absent = stray - present
    if absent:
        what = f"CPU {ranges(absent)} is not on this host, which has {ranges(present)}: name others"
        yield Finding("cpus-outside-affinity", Severity.ERROR, what)
        return
    what = f"CPU {ranges(stray)} is outside those that this process may use"
    what += f" ({ranges(cpus.usable_cpus())})"
    wanted = ranges(needs.cpus | cpus.usable_cpus())
    command = f"taskset -pc {wanted} $$"
    groups = list(cgroup.narrow_cpusets(stray, root=root))
    if groups:  # the kernel cuts an affinity to the cpuset, and does not widen it again
        writes = " && ".join(f"echo {wanted} > {file}" for file in groups)
        command = f"{as_root(writes)} && {command}"
    yield Finding("cpus-outside-affinity", Severity.ERROR, what, command)


def _quota(needs: Needs, root: Path) -> Iterator[Finding]:
    quota = cgroup.cpu_quota(root=root)
    wanted = max(1, len(needs.cpus))
    if quota is not None and quota.cpus < wanted:
        what = f"The control group gives {quota.cpus:.2f} CPUs of time, {wanted} poll"
        yield Finding("cpu-quota", Severity.WARNING, what, as_root(quota.lift))


def _isolated(needs: Needs, root: Path) -> Iterator[Finding]:
    """Report if no polling CPU is isolated; the main lcore's alone may be shared."""
    polling = needs.cpus - cpus.isolated(root=root)
    if len(needs.cpus) > 1 and polling == needs.cpus:
        what = f"None of the CPUs {ranges(needs.cpus)} is isolated"
        yield Finding(
            "cpus-not-isolated", Severity.NOTE, f"{what} (`isolcpus=` on the kernel's line)"
        )


def _governor(needs: Needs, root: Path) -> Iterator[Finding]:
    slow = {}
    for cpu in sorted(needs.cpus):
        file = root / f"sys/devices/system/cpu/cpu{cpu}/cpufreq/scaling_governor"
        governor = _text(file)
        if governor and governor != "performance":
            slow[file] = governor
    if slow:
        what = (
            f"The frequency governor of {len(slow)} CPUs is {', '.join(sorted({*slow.values()}))}"
        )
        command = f"echo performance | tee {' '.join(map(str, slow))}"
        yield Finding("cpu-governor", Severity.NOTE, what, as_root(command), True)


def ranges(numbers: Collection[int]) -> str:
    """Write numbers in the kernel's format: 0-2,5."""
    parts: list[list[int]] = []
    for number in sorted(numbers):
        if parts and number == parts[-1][-1] + 1:
            parts[-1][1:] = [number]
        else:
            parts.append([number])
    return ",".join("-".join(map(str, part)) for part in parts)


def _text(file: Path) -> str:
    try:
        return os.fsdecode(file.read_bytes()).strip()
    except OSError:
        return ""


CHECKS = (_affinity, _quota, _isolated, _governor)

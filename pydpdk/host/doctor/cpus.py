"""Checks of CPUs: affinity, quota, isolation, frequency governor."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pydpdk.host import cgroup, cpus, files
from pydpdk.host.cpus import format_list
from pydpdk.host.finding import Finding, Severity, as_root, error
from pydpdk.host.needs import Needs


def _affinity(needs: Needs, root: Path) -> Iterator[Finding]:
    stray = needs.cpus - cpus.usable_cpus()
    if not stray:
        return
    present = cpus.online(root=root)
    absent = stray - present
    if absent:
        what = f"CPU {format_list(absent)} is not on this host, which has {format_list(present)}"
        yield error("cpus-outside-affinity", f"{what}: name others")
        return
    what = f"CPU {format_list(stray)} is outside those that this process may use"
    what += f" ({format_list(cpus.usable_cpus())})"
    wanted = format_list(needs.cpus | cpus.usable_cpus())
    command = f"taskset -pc {wanted} $$"
    groups = list(cgroup.narrow_cpusets(stray, root=root))
    if groups:  # the kernel cuts an affinity to the cpuset, and does not widen it again
        writes = " && ".join(f"echo {wanted} > {file}" for file in groups)
        command = f"{as_root(writes)} && {command}"
    yield error("cpus-outside-affinity", what, command)


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
        what = f"None of the CPUs {format_list(needs.cpus)} is isolated"
        what += " (`isolcpus=` on the kernel's line)"
        yield Finding("cpus-not-isolated", Severity.NOTE, what)


def _governor(needs: Needs, root: Path) -> Iterator[Finding]:
    slow = {}
    for cpu in sorted(needs.cpus):
        file = root / f"sys/devices/system/cpu/cpu{cpu}/cpufreq/scaling_governor"
        governor = files.word(file)
        if governor and governor != "performance":
            slow[file] = governor
    if slow:
        governors = ", ".join(sorted({*slow.values()}))
        what = f"The frequency governor of {len(slow)} CPUs is {governors}"
        command = f"echo performance | tee {' '.join(map(str, slow))}"
        yield Finding("cpu-governor", Severity.NOTE, what, as_root(command), True)


CHECKS = (_affinity, _quota, _isolated, _governor)

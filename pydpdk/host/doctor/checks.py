"""All checks, in the order in which they run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from pydpdk.host.doctor import cpus, devices, dpdk, limits, memory, processes, virtual
from pydpdk.host.finding import Finding
from pydpdk.host.needs import Needs

Check = Callable[[Needs, Path], Iterator[Finding]]

HOST: tuple[Check, ...] = (
    *memory.CHECKS,
    *cpus.CHECKS,
    *limits.CHECKS,
    *devices.CHECKS,
    *virtual.CHECKS,
)
"""Those of the host alone."""

ALL: tuple[Check, ...] = (*dpdk.CHECKS, *HOST, *processes.CHECKS)

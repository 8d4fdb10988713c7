"""Needs of EAL options from the host, for `host.doctor`."""

from __future__ import annotations

import os

from pydpdk.eal.lcores import parse_lcores
from pydpdk.eal.options import EalOptions
from pydpdk.host.devargs import parse
from pydpdk.host.needs import Needs


def needs_of(options: EalOptions, memory_bytes: int = 0, *, processes: bool = False) -> Needs:
    """Return what a start with these options needs.

    Parameters
    ----------
    memory_bytes
        [bytes] that will be used, estimated; `memory_mb` counts if it is more.
    processes
        Whether secondaries will attach.
    """
    memory = options.memory_mb or 0
    asked = sum(memory) if isinstance(memory, (tuple, list)) else memory
    secondary = options.proc_type == "secondary"
    return Needs(
        hugepages=options.hugepages,
        memory_bytes=max(memory_bytes, asked << 20),
        in_memory=options.in_memory,
        lcores=_lcores(options),
        pci=tuple(a for device in options.allow if (a := parse(device).address)),
        vdevs=tuple(options.vdevs),
        iova_mode=options.iova_mode,
        file_prefix=options.file_prefix,
        processes=processes or secondary,
        secondary=secondary,
    )


def _lcores(options: EalOptions) -> dict[int, frozenset[int]]:
    if options.lcores is None:
        return {cpu: frozenset({cpu}) for cpu in os.sched_getaffinity(0)}
    return parse_lcores(options.lcores)

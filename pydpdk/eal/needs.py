"""Needs of EAL options from the host, for `host.doctor`."""

from __future__ import annotations

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
    secondary = options.proc_type == "secondary"
    return Needs(
        hugepages=options.hugepages,
        memory_bytes=max(memory_bytes, options.total_mb << 20),
        in_memory=options.in_memory,
        lcores=options.lcore_map,
        pci=tuple(a for device in options.allow if (a := parse(device).address)),
        vdevs=tuple(options.vdevs),
        iova_mode=options.iova_mode,
        file_prefix=options.file_prefix,
        processes=processes or secondary,
        secondary=secondary,
    )

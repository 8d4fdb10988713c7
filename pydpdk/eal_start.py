"""The start of the EAL: `rte_eal_init` itself, and what went wrong, said usefully."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterator, Sequence
from typing import Any

from pydpdk import log
from pydpdk._dpdk import ffi, lib
from pydpdk.eal_options import EalOptions
from pydpdk.errors import EalInitError
from pydpdk.host import hugepages as host_hugepages

_kept: list[Any] = []  # argv: getopt and the EAL point into it for as long as the process lives


def start(argv: Sequence[str], options: EalOptions) -> tuple[frozenset[int], list[str]]:
    """Call `rte_eal_init`; return the CPUs of the main lcore and the lines that were logged.

    Raises
    ------
    EalInitError
        It failed.
    """
    texts = [ffi.new("char[]", argument.encode()) for argument in argv]
    c_argv = ffi.new("char *[]", [*texts, ffi.NULL])
    _kept.extend((texts, c_argv))
    affinity = os.sched_getaffinity(0)
    with log.Recorder() as recorder:
        try:
            result = lib.pyd_eal_init(len(texts), c_argv)
            number = lib.pyd_rte_errno()
            main_cpus = frozenset(os.sched_getaffinity(0))
        finally:
            os.sched_setaffinity(0, affinity)
    if result < 0:
        raise _init_error(number, [*recorder.lines, *_complaints(argv[0])], options)
    return main_cpus, recorder.lines


def _complaints(program: str) -> list[str]:
    """Return what getopt had against an argument: it prints that instead of logging it."""
    printed = ffi.string(lib.pyd_eal_printed()).decode(errors="replace")
    return list(
        dict.fromkeys(line for line in printed.splitlines() if line.startswith(f"{program}: "))
    )


def bus_of(devargs: str) -> str:
    """Return the bus of a device, told by the form of its name: `pci` or `vdev`."""
    return "pci" if re.match(r"(?:[0-9a-fA-F]+:)?[0-9a-fA-F]+:[0-9a-fA-F]+\.", devargs) else "vdev"


def port_name_of(devargs: str) -> str:
    """Return the port name that a device gets: its own, but for net_ring's node actions."""
    name, _, arguments = devargs.partition(",")
    node = re.search(r"nodeaction=([^:,]+):", arguments)
    if node:
        return node[1]
    if bus_of(devargs) == "pci" and name.count(":") == 1:
        return f"0000:{name}"
    return name


def missing_ports(devices: Sequence[str]) -> Iterator[str]:
    """Yield the network devices that have no port: drivers that refuse one only log it."""
    for device in devices:
        if bus_of(device) == "vdev" and not re.match("net_|eth_|virtio_user", device):
            continue  # crypto, event and other devices are no ports
        if not has_port(device):
            yield device


def has_port(device: str) -> bool:
    """Whether a device has its port.

    Notes
    -----
    Wraps  rte_eth_dev_get_port_by_name (rte_ethdev.h)
    """
    name, port_id = port_name_of(device).encode(), ffi.new("uint16_t *")
    return bool(lib.rte_eth_dev_get_port_by_name(name, port_id) == 0)


def missing_error(missing: Sequence[str], lines: Sequence[str]) -> EalInitError:
    """Build the error for devices that gave no port."""
    error = EalInitError(
        errno.ENODEV,
        f"rte_eal_init: no port came up for {', '.join(missing)}: ENODEV"
        + "".join(f"\n  {line}" for line in lines),
    )
    error.call, error.lines = "rte_eal_init", tuple(lines)
    return error


_HINTS = (
    ("Cannot create lock on", "another primary runs under this file_prefix: choose another name"),
    ("failed to parse device", "no driver of that name: is its PMD package installed?"),
    ("Cannot init config", "another primary runs under this file_prefix, or it cannot be written"),
    ("disable ASLR", "the address is taken: start the process again, or set base_virtaddr"),
    ("Cannot open hugepage_data", "the primary has no hugepages, so nothing can attach to it"),
)


def _init_error(number: int, lines: Sequence[str], options: EalOptions) -> EalInitError:
    text = "\n".join(lines)
    hints = [hint for sign, hint in _HINTS if sign in text]
    here = host_hugepages.available(in_memory=options.in_memory)
    if options.hugepages is not False and not here.usable:
        hints.append(here.reason)
    # 0 after a failure: of all the ways to fail, only a lock that is taken leaves it so
    number = number or errno.EBUSY
    error = EalInitError(
        number,
        f"rte_eal_init: {errno.errorcode.get(number, number)}: {os.strerror(number)}"
        + "".join(f"\n  {line}" for line in lines)
        + "".join(f"\n  what to do: {hint}" for hint in hints),
    )
    error.call, error.lines, error.hints = "rte_eal_init", tuple(lines), tuple(hints)
    return error

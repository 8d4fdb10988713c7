"""Good arguments for functions about the host, as in sweep_examples.py; never the real host."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from pydpdk.host.errors import HostError
from pydpdk.host.needs import Needs
from pydpdk.host.program import Library
from pydpdk.host.reap import DeadPrefix

Make = Callable[[Any], Any]


def same(value: Any) -> Make:
    return lambda h: value


DEAD = DeadPrefix("sweep-none", (), 0, None, (), (), ())

ADDRESS = same("0000:00:1f.7")
TAKES_ADDRESS = ("binding.bind", "binding.unbind", "binding.remembered", "devices.full_address")

GOOD: dict[str, Make] = {
    **{f"host.{name}.address": ADDRESS for name in TAKES_ADDRESS},
    "host.devices.read_device.address": ADDRESS,
    "host.cgroup.narrow_cpusets.cpus": same(frozenset({0})),
    "host.cpus.parse_list.text": same("0-1,4"),
    "host.cpus.format_list.numbers": same((0, 1, 4)),
    "host.docker.run_line.file": same(None),
    "host.elf.read_variable.library": same("librte_mempool.so"),
    "host.elf.read_variable.name": same("rte_mempool_ops_table"),
    "host.elf.read_variable.pid": lambda h: os.getpid(),
    "host.elf.read_variable.size": same(8),
    "host.finding.Finding.code": same("aslr"),
    "host.finding.error.code": same("aslr"),
    "host.flocks.wait_for.say": same(print),
    "host.probe.plugin_directory.eal": same("librte_eal.so"),
    "host.program.libraries.pid": lambda h: os.getpid(),
    "host.program.parse_arguments.argv": same(["-l", "0-3", "--vdev=net_null0", "--"]),
    "host.reap.Reaped.dead": same(DEAD),
    "host.reap.in_use.prefixes": same(("sweep-none",)),
    "host.registry.guarded.prefix": lambda h: h.registration and "swept-registrations",
    "host.reserve.parse_size.text": same("2M"),
    "host.reserve.persist.pools": same([]),
}

LIBRARY = Library("/lib/librte_eal.so", "08:01", 1)
BY_NAME: dict[str, Make] = {
    "its": same(LIBRARY), "mine": same(LIBRARY), "needs": same(Needs()),
}  # fmt: skip

EXPECTED: dict[str, type[BaseException]] = {
    # for a root without devices and pages
    "host.binding.bind": HostError,
    "host.binding.unbind": HostError,
    "host.reserve.release": ValueError,
    "host.trust.open_regular": FileNotFoundError,
    "host.trust.read_regular": FileNotFoundError,
    "host.reserve.reserve": ValueError,
}
"""Exceptions of good calls."""

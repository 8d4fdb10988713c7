"""Resolve options on this host, once: `init` starts what results, and `pydpdk plan` shows it.

Nothing here calls DPDK, nor creates anything.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from dataclasses import replace

from pydpdk._core.frozen import frozen
from pydpdk.choices import ProcType
from pydpdk.eal.checks import problems
from pydpdk.eal.options import DEFAULT_NO_HUGE_MB, EalOptions, build_argv
from pydpdk.host import hugepages, primary, probe, registry
from pydpdk.host.devargs import Device, parse
from pydpdk.host.needs import Needs
from pydpdk.host.registry_page import RegisteredProcess, Role

NO_HUGE_COST = (
    "no other process can attach, memory cannot grow, no NIC can use it, and every 4 KB page"
    " is a TLB entry of its own"
)
UNIQUE_PREFIX = "pydpdk-<unique>"
_MB = 1 << 20
_MEMBERS_SINCE_ABI = 24  # DPDK 23.11


@frozen
class Resolved:
    """Options of which this host has decided what was left to it.

    Attributes
    ----------
    options : EalOptions
        As the EAL gets them. A secondary has lcores and devices only once it has attached.
    file_prefix : str
        The options' prefix, or a generated one.
    hugepages_reason : str
        Why hugepages are used, or not.
    warning : str
        What is lost without hugepages, or why the EAL will fail; empty if nothing.
    """

    options: EalOptions
    file_prefix: str
    hugepages_reason: str
    warning: str = ""

    @property
    def hugepages(self) -> bool:
        """Whether hugepages are used."""
        return bool(self.options.hugepages)

    @property
    def shared(self) -> bool:
        """Whether other processes can attach to this primary."""
        options = self.options
        return self.hugepages and not options.in_memory and "--no-shconf" not in options.extra

    @property
    def argv(self) -> tuple[str, ...]:
        """The argument vector of `rte_eal_init`."""
        argv = build_argv(self.options, hugepages=self.hugepages, file_prefix=self.file_prefix)
        return tuple(argv)

    @property
    def shown_argv(self) -> tuple[str, ...]:
        """The argv with `pydpdk-<unique>` for a generated prefix: each start has another."""
        if self.options.file_prefix is not None:
            return self.argv
        return tuple(UNIQUE_PREFIX if part == self.file_prefix else part for part in self.argv)


def resolve(options: EalOptions, need: Callable[[bool], int] = lambda hugepages: 0) -> Resolved:
    """Check options, and decide what they leave to this host.

    Parameters
    ----------
    need
        Returns the estimated [bytes] of memory, with hugepages or without.

    Raises
    ------
    ValueError
        The options would not work; the message has all reasons.
    """
    found = list(problems(options))
    if found:
        raise ValueError("\n".join(map(str, found)))
    prefix = options.file_prefix or f"pydpdk-{os.getpid()}-{secrets.token_hex(3)}"
    chosen = _with_process_type(options, prefix)
    chosen = replace(chosen, vdevs=tuple(spelled(parse(vdev)).text for vdev in chosen.vdevs))
    used, reason, warning = _choose_hugepages(chosen, need(True))
    chosen = replace(chosen, hugepages=True) if used else _without_hugepages(chosen, need(False))
    return Resolved(chosen, prefix, reason, warning)


def primary_of(prefix: str) -> RegisteredProcess | None:
    """Return our primary of a prefix; None if it is a foreign program, or there is none."""
    return next((one for one in registry.members(prefix) if one.role == Role.PRIMARY), None)


def _with_process_type(options: EalOptions, prefix: str) -> EalOptions:
    """Resolve the process type `auto`."""
    if options.proc_type != ProcType.AUTO:
        return options
    if primary.look(prefix).running or primary_of(prefix):
        # a secondary uses the primary's devices and memory
        options = replace(options, vdevs=(), allow=(), block=(), memory_mb=None)
        return replace(options, proc_type=ProcType.SECONDARY)
    return replace(options, proc_type=ProcType.PRIMARY)


def spelled(device: Device) -> Device:
    """Spell the members of a bond as this DPDK does: slaves before 23.11, members since."""
    abi = probe.linked_abi() if device.driver == "net_bonding" else None
    if abi is None:
        return device
    old, new = ("member", "slave") if abi < _MEMBERS_SINCE_ABI else ("slave", "member")
    return parse(device.text.replace(f",{old}=", f",{new}="))


def _choose_hugepages(options: EalOptions, need_bytes: int) -> tuple[bool, str, str]:
    """Return whether hugepages are used, why, and a warning or an empty string."""
    if options.proc_type != ProcType.PRIMARY:
        return True, "a secondary shares the hugepages of its primary", ""
    if options.hugepages is False:
        return _fallback("eal.hugepages is false")
    here = hugepages.available(need_bytes, in_memory=options.in_memory)
    if here.usable:
        return True, f"{mb(here.free_bytes)} free, {mb(need_bytes)} needed", ""
    if options.hugepages is True:
        reason = f"eal.hugepages is true, but the EAL will fail: {here.reason}"
        return True, reason, reason
    return _fallback(here.reason.rstrip("."))


def _fallback(reason: str) -> tuple[bool, str, str]:
    return False, reason, f"without hugepages ({reason}): {NO_HUGE_COST}"


def _without_hugepages(options: EalOptions, need_bytes: int) -> EalOptions:
    """Turn off options that need hugepages; reserve all memory at start, as it cannot grow."""
    least = -(-need_bytes * 5 // 4 // _MB)
    memory_mb = max(options.total_mb or DEFAULT_NO_HUGE_MB, least)
    return replace(options, hugepages=False, in_memory=False, memory_mb=memory_mb)


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


def mb(size_bytes: int) -> str:
    """Write a size as whole MB."""
    return f"{-(-size_bytes // _MB):,} MB"

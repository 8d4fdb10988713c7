"""Checks of options before `rte_eal_init`.

They reject what would make it exit, abort or panic, and what it would silently accept and get
wrong. The EAL checks everything else. Nothing here calls DPDK.
"""

from __future__ import annotations

import os
import re
import resource
from collections.abc import Iterator
from dataclasses import fields
from typing import TYPE_CHECKING, Any, NamedTuple

from pydpdk.choices import IovaMode, ProcType
from pydpdk.host import fds
from pydpdk.host.cpus import format_list
from pydpdk.host.devargs import Device, parse
from pydpdk.limits import MAX_LCORE

if TYPE_CHECKING:
    from pydpdk.eal.options import EalOptions

MAX_PREFIX_LENGTH = 64
"""[characters] Our limit: the EAL builds socket paths (`sun_path`, 108 bytes) from the prefix."""

MAX_PROCESS_NAME = 63

LOG_LEVELS = ("emergency", "alert", "critical", "error", "warning", "notice", "info", "debug")

# -h, perhaps behind letters that take no value in the EAL's getopt string, 22.11 to 25.11
_SHORT_HELP = re.compile("-(?!-)[^habcdlmnrsS]*h")


class Problem(NamedTuple):
    """One option that would not work; `of_host`: on this host, at this time."""

    option: str
    value: object
    allowed: str
    of_host: bool = False

    def __str__(self) -> str:
        return f"{self.option}={self.value!r}: {self.allowed}"


def check_process_name(name: object) -> str:
    """Check the name of a process, which must fit in its page of the registry, and return it."""
    if not isinstance(name, str):
        raise TypeError(f"name must be text of 1..{MAX_PROCESS_NAME} characters (got {name!r})")
    if not name.isprintable() or not 1 <= len(name) <= MAX_PROCESS_NAME:
        raise ValueError(f"name must be 1..{MAX_PROCESS_NAME} printable characters (got {name!r})")
    return name


def as_tuple(value: str | tuple[str, ...]) -> tuple[str, ...]:
    """Return one string or several as a tuple."""
    return (value,) if isinstance(value, str) else tuple(value)


def problems(options: EalOptions) -> Iterator[Problem]:
    """Check everything that needs no running EAL.

    Yields
    ------
    Problem
        One for each invalid option, with what is allowed instead.
    """
    yield from _type_problems(options)
    yield from _lcore_problems(options)
    yield from _memory_problems(options)
    yield from _name_problems(options)
    yield from _device_problems(options)
    yield from _vdev_problems(options)
    yield from _extra_problems(options.extra)


_TYPES: dict[str, tuple[type, ...]] = {
    "main_lcore": (int, type(None)),
    "file_prefix": (str, type(None)),
    "in_memory": (bool,),
    "single_file_segments": (bool,),
    "pci": (bool, type(None)),
    "telemetry": (bool,),
    "capture": (bool,),
    "base_virtaddr": (int, type(None)),
}
_LITERALS: dict[str, tuple[object, ...]] = {
    "hugepages": ("auto", True, False),
    "proc_type": tuple(map(str, ProcType)),
    "iova_mode": (*map(str, IovaMode), None),
}


def _type_problems(options: EalOptions) -> Iterator[Problem]:
    for spec in fields(options):
        name, value = spec.name, getattr(options, spec.name)
        if name in _LITERALS and not any(value is v or value == v for v in _LITERALS[name]):
            yield Problem(name, value, "one of " + ", ".join(map(repr, _LITERALS[name])))
        elif name in _TYPES and not _is_a(value, _TYPES[name]):
            yield Problem(name, value, "a " + " or ".join(t.__name__ for t in _TYPES[name]))
        elif name in ("allow", "block", "vdevs", "extra") and not _is_strings(value):
            yield Problem(name, value, "a sequence of strings")
        elif name == "log_level" and not (_is_string(value) or _is_strings(value)):
            yield Problem(name, value, "a string or a sequence of strings")


def _is_a(value: object, types: tuple[type, ...]) -> bool:
    # bool is a subclass of int, but True is not an lcore
    return isinstance(value, types) and (bool in types or not isinstance(value, bool))


def _is_string(value: object) -> bool:
    """Whether C gets the same text: no NUL, no lone surrogate."""
    return isinstance(value, str) and not re.search("[\0\ud800-\udfff]", value)


def _is_strings(value: object) -> bool:
    return isinstance(value, (tuple, list)) and all(map(_is_string, value))


def _lcore_problems(options: EalOptions) -> Iterator[Problem]:
    usable = os.sched_getaffinity(0)
    try:
        lcores = options.lcore_map
    except (ValueError, TypeError) as error:
        yield Problem("lcores", options.lcores, str(error))
        return
    if max(lcores, default=MAX_LCORE) >= MAX_LCORE:
        allowed = f"lcores from 0 to {MAX_LCORE - 1} (RTE_MAX_LCORE - 1)"
        yield Problem("lcores", options.lcores, allowed)
    stray = sorted(set().union(*lcores.values()) - usable)
    if stray:
        allowed = f"CPU {', '.join(map(str, stray))} is outside the CPUs that this process may use"
        allowed += f" ({format_list(usable)}); the EAL would abort"
        yield Problem("lcores", options.lcores, allowed, of_host=True)
    if options.main_lcore is not None and options.main_lcore not in lcores:
        yield Problem("main_lcore", options.main_lcore, f"one of the lcores {format_list(lcores)}")
    yield from _fd_problems(len(lcores))


def _fd_problems(n_lcores: int) -> Iterator[Problem]:
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    left, need = limit - len(fds.open_fds()), fds.needed(n_lcores)
    if limit != resource.RLIM_INFINITY and need > left:
        allowed = f"{n_lcores} lcores need {need} file descriptors and {left} of {limit} are"
        allowed += " left; the EAL would abort: raise the limit (ulimit -n) or name fewer lcores"
        yield Problem("lcores", n_lcores, allowed, of_host=True)


def _memory_problems(options: EalOptions) -> Iterator[Problem]:
    memory: Any = options.memory_mb
    # without hugepages the EAL maps any amount and dies at the first page that does not exist
    present = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 20
    limit = 1 << 22 if options.hugepages is True else present
    several = isinstance(memory, (tuple, list))
    amounts = memory if several else (memory,)
    if memory is not None and not (
        all(_is_a(amount, (int,)) and amount >= 0 for amount in amounts)
        and 1 <= sum(amounts) <= limit
    ):
        yield Problem("memory_mb", memory, f"1 to {limit} MB, or one such number per NUMA node")
    if several and options.hugepages is False:
        yield Problem("memory_mb", memory, "one number without hugepages, for all NUMA nodes")
    if options.in_memory and options.hugepages is False:
        yield Problem("in_memory", True, "false without hugepages: the EAL rejects both")
    if options.proc_type != "primary":
        if options.in_memory:
            yield Problem("in_memory", True, "false: a secondary cannot attach to unnamed memory")
        if options.hugepages is False:
            yield Problem("hugepages", False, "true or 'auto': a secondary shares hugepages")
    alone = options.in_memory or options.hugepages is False
    if options.capture is True and (alone or options.proc_type == "secondary"):
        yield Problem("capture", True, "false: captures attach to the hugepages of a primary")
    if options.proc_type == "secondary" and memory is not None:
        yield Problem("memory_mb", memory, "none: the memory is the primary's")
    base = options.base_virtaddr
    if isinstance(base, int) and not 1 << 16 <= base < 1 << 47:
        yield Problem("base_virtaddr", base, f"{1 << 16:#x} to {(1 << 47) - 1:#x}")


def _name_problems(options: EalOptions) -> Iterator[Problem]:
    prefix = options.file_prefix
    valid = re.compile(rf"[A-Za-z0-9_.+-]{{1,{MAX_PREFIX_LENGTH}}}")
    if isinstance(prefix, str) and not valid.fullmatch(prefix):
        allowed = f"1 to {MAX_PREFIX_LENGTH} letters, digits or any of _.+-"
        yield Problem("file_prefix", prefix, allowed)
    elif prefix in (".", ".."):
        yield Problem("file_prefix", prefix, "a name that is not a directory's")
    if prefix is None and options.proc_type != "primary":
        yield Problem("file_prefix", None, "the prefix of the primary to attach to")
    if not (_is_string(options.log_level) or _is_strings(options.log_level)):
        return
    for level in as_tuple(options.log_level):
        name = level.rpartition(":")[2].rpartition(",")[2]
        if name not in LOG_LEVELS and not re.fullmatch("[1-8]", name):
            yield Problem("log_level", level, f"[pattern:]level with level {', '.join(LOG_LEVELS)}")


def device_problems(device: Device) -> Iterator[Problem]:
    """Check the name and arguments of a device that is to be added while the EAL runs."""
    if not device.is_well_formed:
        yield Problem("devargs", device.text, "net_null0,size=64 or a PCI address, for example")
        return
    for fault in device.argument_faults():
        yield Problem("devargs", device.text, fault)


def _device_problems(options: EalOptions) -> Iterator[Problem]:
    if options.allow and options.block:
        yield Problem("block", options.block, "empty where `allow` is given: the EAL takes one")
    for name in ("allow", "block"):
        devices = getattr(options, name)
        if not _is_strings(devices):
            continue
        for device in map(parse, devices):
            if device.address is None or not device.is_well_formed:
                yield Problem(name, device.text, "a PCI address such as 0000:01:00.0")
        if devices and options.pci is False:
            yield Problem(name, devices, "empty where `pci` is false")


def _vdev_problems(options: EalOptions) -> Iterator[Problem]:
    if not _is_strings(options.vdevs):
        return
    if options.proc_type == "secondary" and options.vdevs:
        yield Problem("vdevs", options.vdevs, "none: a secondary has the devices of its primary")
    seen: set[str] = set()
    for vdev in options.vdevs:
        device = parse(vdev)
        if device.address is not None or not device.is_well_formed:
            yield Problem("vdevs", vdev, "driver and number first, e.g. net_null0,size=64")
            continue
        for fault in device.argument_faults():
            yield Problem("vdevs", vdev, fault)
        name = device.name
        if name in seen:
            yield Problem("vdevs", vdev, f"one device of the name {name}: the EAL drops the rest")
        seen.add(name)


def _extra_problems(extra: object) -> Iterator[Problem]:
    """Reject arguments that print the EAL's help and exit, or bypass the checks; check devices."""
    if not isinstance(extra, (tuple, list)):
        return
    for before, argument in zip(("", *extra), extra, strict=False):
        if isinstance(argument, str) and (argument.startswith("--vdev=") or before == "--vdev"):
            for problem in device_problems(parse(argument.removeprefix("--vdev="))):
                yield Problem("extra", argument, problem.allowed)
        elif isinstance(argument, str) and _asks_for_help(argument):
            yield Problem("extra", argument, "no request for help: the EAL would exit the process")
        elif isinstance(argument, str) and _bypasses_checks(argument):
            yield Problem("extra", argument, "not lcores or file_prefix, which have options here")


def _bypasses_checks(argument: str) -> bool:
    short = argument[:2] in ("-l", "-c", "-s", "-S")
    return short or _abbreviates(argument, "lcores", "file-prefix")


def _asks_for_help(argument: str) -> bool:
    if argument == "help" or argument.endswith("=help"):
        return True
    return bool(_SHORT_HELP.match(argument)) or _abbreviates(argument, "help")


def _abbreviates(argument: str, *options: str) -> bool:
    """Whether an argument is one of these long options: getopt takes the start of a name."""
    name = argument[2:].partition("=")[0]
    return argument.startswith("--") and len(name) > 1 and any(o.startswith(name) for o in options)

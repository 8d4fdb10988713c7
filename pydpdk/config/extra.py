"""The list `eal.extra` of a file: arguments of the EAL that no key stands for.

What has a key of its own is refused here: pydpdk sets it, and checks it with the rest of the file.
From the EAL of DPDK 22.11 to 25.11; what one of them knows is known.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import dataclass

from pydpdk.config.faults import format_value
from pydpdk.config.source import Fault, KeyPath
from pydpdk.eal.options import EalOptions

_PATH: KeyPath = ("eal", "extra")
_KEYS = {
    "allow": "allow", "block": "block", "base-virtaddr": "base_virtaddr", "coremask": "lcores",
    "file-prefix": "file_prefix", "in-memory": "in_memory", "iova-mode": "iova_mode",
    "lcores": "lcores", "log-level": "log_level", "main-lcore": "main_lcore",
    "memory-size": "memory_mb", "no-huge": "hugepages", "no-pci": "pci",
    "no-telemetry": "telemetry", "numa-mem": "memory_mb", "proc-type": "proc_type",
    "remap-lcore-ids": "lcores", "single-file-segments": "single_file_segments",
    "socket-mem": "memory_mb", "telemetry": "telemetry",
}  # fmt: skip
"""Options that a key of `eal` stands for."""

_ENDS = {
    "help": "no request for help: the EAL would exit the process",
    "version": "no request for the version, which `pydpdk --version` prints",
}
_NO_SERVICE = "no service lcores: pydpdk has none"
_FLAGS = {
    "create-uio-dev", "help", "in-memory", "legacy-mem", "match-allocations", "no-hpet", "no-huge",
    "no-pci", "no-shconf", "no-telemetry", "single-file-segments", "telemetry", "version",
    "vmware-tsc-map",
}  # fmt: skip
"""Options without a value."""

_MAYBE = {
    "huge-unlink", "huge-worker-stack", "log-color", "log-timestamp", "remap-lcore-ids", "syslog",
}  # fmt: skip
"""Options with a value, if any, after `=` only."""

_VALUED = {
    "allow", "base-virtaddr", "block", "coremask", "driver-path", "file-prefix",
    "force-max-simd-bitwidth", "huge-dir", "iova-mode", "lcores", "log-level", "main-lcore",
    "mbuf-pool-ops-name", "memory-channels", "memory-ranks", "memory-size", "numa-limit",
    "numa-mem", "proc-type", "service-corelist", "service-coremask", "socket-limit", "socket-mem",
    "trace", "trace-bufsz", "trace-dir", "trace-mode", "vdev", "vfio-intr", "vfio-vf-token",
}  # fmt: skip
_LONG = sorted(_FLAGS | _MAYBE | _VALUED)
_SHORT = {
    "a": "allow", "b": "block", "c": "coremask", "d": "driver-path", "h": "help", "l": "lcores",
    "m": "memory-size", "n": "memory-channels", "r": "memory-ranks", "R": "remap-lcore-ids",
    "s": "service-coremask", "S": "service-corelist", "v": "version",
}  # fmt: skip

_APART = (
    ("legacy-mem", "match-allocations"),
    ("legacy-mem", "socket-limit"),
    ("legacy-mem", "numa-limit"),
)
"""Pairs that the EAL rejects."""


@dataclass(frozen=True)
class Option:
    """One option of the list, with the index of its first entry."""

    index: int
    name: str
    value: str | None


def check(options: EalOptions) -> Iterator[Fault]:
    """Check the options, each by itself and beside the others and the keys of `eal`."""
    known: list[Option] = []
    for found in _options(options.extra):
        if isinstance(found, Fault):
            yield found
        elif allowed := _refused(found.name):
            yield Fault((*_PATH, found.index), format_value(options.extra[found.index]), allowed)
        else:
            known.append(found)
    yield from _together(options, {option.name: option for option in known})


def vdevs(options: EalOptions) -> Iterator[tuple[int, str]]:
    """Yield the virtual devices in the list, each with its index."""
    for option in _options(options.extra):
        if isinstance(option, Option) and option.name == "vdev" and option.value is not None:
            yield option.index, option.value


def _options(extra: tuple[str, ...]) -> Iterator[Option | Fault]:
    """Read the list as getopt does: a value is in the same entry, or is the next entry."""
    entries = enumerate(extra)
    for i, entry in entries:
        name, value = _split(entry)
        if name is None:
            yield Fault((*_PATH, i), format_value(entry), _known(entry))
            continue
        if name in _FLAGS and value is not None:
            yield Fault((*_PATH, i), format_value(entry), f"--{name} without a value")
            continue
        if name in _VALUED and value is None:
            value = next(entries, (0, None))[1]
            if value is None:
                yield Fault((*_PATH, i), format_value(entry), f"--{name} with a value after it")
                continue
        yield Option(i, name, value)


def _split(entry: str) -> tuple[str | None, str | None]:
    """Return the name of an option, and its value if this entry has one; no name: unknown."""
    if entry.startswith("--"):
        text, equals, value = entry[2:].partition("=")
        name = text if text in _LONG else _abbreviated(text)
        return name, value if equals else None
    short = _SHORT.get(entry[1:2]) if entry.startswith("-") else None
    if short in _ENDS and len(entry) > 2:  # several letters in one, as -vh
        return short, None
    return short, entry[2:] or None


def _abbreviated(text: str) -> str | None:
    """Return the only long option that begins so: getopt takes it."""
    begun = [name for name in _LONG if text and name.startswith(text)]
    return begun[0] if len(begun) == 1 else None


def _known(entry: str) -> str:
    if not entry.startswith("-"):
        return "options of the EAL; a value follows an option that takes one"
    name = entry.lstrip("-").partition("=")[0]
    close = difflib.get_close_matches(name, _LONG, n=1)
    hint = f"; did you mean --{close[0]}?" if close else ""
    free = ", ".join(f"--{option}" for option in _LONG if not _refused(option))
    return f"options of the EAL: {free}{hint}"


def _refused(name: str) -> str:
    """Return the alternative to an option that does not belong here; empty if it does."""
    if name in _ENDS:
        return _ENDS[name]
    if name.startswith("service-core"):
        return _NO_SERVICE
    return f"the key eal.{_KEYS[name]} instead of --{name}" if name in _KEYS else ""


def _together(options: EalOptions, given: dict[str, Option]) -> Iterator[Fault]:
    def fault(name: str, allowed: str) -> Fault:
        index = given[name].index
        return Fault((*_PATH, index), format_value(options.extra[index]), allowed)

    for one, other in _APART:
        if one in given and other in given:
            yield fault(other, f"nothing beside --{one}, with which the EAL rejects it")
    unlink = given.get("huge-unlink")
    unlinks = unlink is not None and unlink.value in (None, "always")
    if options.in_memory and "legacy-mem" in given:
        yield fault("legacy-mem", "nothing with eal.in_memory, with which the EAL rejects it")
    if options.in_memory and unlink and unlink.value == "never":
        yield fault("huge-unlink", "nothing with eal.in_memory, whose memory has no files")
    if options.single_file_segments and unlinks and not options.in_memory:
        yield fault("huge-unlink", "nothing with eal.single_file_segments: the EAL rejects it")
    if options.hugepages is False:
        of_hugepages = ["match-allocations", "huge-worker-stack"]
        of_hugepages += ["huge-unlink"] if unlinks else []
        for name in of_hugepages:
            if name in given:
                yield fault(name, "nothing without hugepages: eal.hugepages is false")

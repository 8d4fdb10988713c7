"""Checks before this process becomes a secondary.

DPDK itself checks only its version and the addresses of the memory. It does not check whether
another process uses the lcores, whether the mempool drivers have the same order, or whether
probing a device here would harm it.
"""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from pydpdk import version
from pydpdk.choices import IovaMode
from pydpdk.eal import mempool_ops
from pydpdk.eal.lcores import format_lcores, parse_lcores
from pydpdk.eal.options import EalOptions
from pydpdk.eal.resolve import Resolved, primary_of
from pydpdk.errors import BusyError, NotFoundError, NotSupportedError
from pydpdk.host import primary as host_primary, program
from pydpdk.host.cpus import format_list
from pydpdk.host.devargs import parse
from pydpdk.host.primary import Primary
from pydpdk.host.registry_page import RegisteredProcess
from pydpdk.limits import MAX_LCORE

_START_S = 10.0
"""[s] to wait for a primary that is still in rte_eal_init."""

HARMED = {
    "net_pcap": "its driver opens the files in every process, which cuts the one that is written",
}


def check_primary(prefix: str) -> None:
    """Raise if secondaries of a dead primary still run: a new primary would crash them."""
    there = host_primary.look(prefix)
    if there.running and not there.pid and not primary_of(prefix):
        pids = host_primary.processes(there)
        if pids:
            raise BusyError(
                errno.EBUSY,
                f"rte_eal_init: {there.problem} (PID {', '.join(map(str, pids))}): end them first,"
                " or use another file_prefix",
            )


def check_attach(start: Resolved) -> tuple[Resolved, Primary]:
    """Check the primary of a prefix; return the start with its devices, and the primary.

    Raises
    ------
    NotFoundError
        No DPDK program runs with this prefix.
    NotSupportedError
        The primary does not share its memory, runs another DPDK, or is not visible from here.
    ValueError
        Options that differ from the primary's.
    """
    options, prefix = start.options, start.file_prefix
    primary = _running(prefix)
    if primary.problem:
        if primary.running:
            raise _unfit(primary.problem)
        raise NotFoundError(errno.ENOENT, primary.problem)
    _check_place(primary)
    _check_version(primary)
    ours = primary_of(prefix)
    _check_drivers(primary, ours, options)
    return replace(start, options=_with_devices(options, primary, ours)), primary


def choose(
    options: EalOptions, primary: Primary, others: Sequence[RegisteredProcess]
) -> EalOptions:
    """Return the options with lcores that no other process of the prefix uses.

    Raises
    ------
    ValueError
        Some of the requested lcores are in use.
    """
    taken = dict(_taken(primary, others))
    if options.lcores is None and options.main_lcore is not None:
        options = replace(options, lcores=(options.main_lcore,))
    if options.lcores is None:
        number, cpus = _free_lcore(primary, others, taken)
        return replace(options, lcores=format_lcores({number: cpus}))
    wanted = parse_lcores(options.lcores)
    clashes = [f"{lcore} by {taken[lcore]}" for lcore in sorted(wanted) if lcore in taken]
    if clashes:
        free = sorted(set(range(MAX_LCORE)) - set(taken))
        raise ValueError(
            f"lcores={options.lcores!r}: in use in {primary.prefix!r}: {', '.join(clashes)}. Each"
            f" lcore has a cache in every mempool, which two processes would corrupt. Free:"
            f" {format_list(free)}; on a CPU of your choice with lcores='{free[0]}@0', for example"
        )
    return options


def _running(prefix: str) -> Primary:
    """Look for the primary; if it is still starting, wait for it."""
    deadline = time.monotonic() + _START_S
    while True:
        primary = host_primary.look(prefix)
        ours = primary_of(prefix)
        up, _ = program.config_version(prefix)
        starting = (ours is not None and not ours.ready) or (primary.pid and not up)
        if not starting or time.monotonic() > deadline:
            return primary
        time.sleep(0.01)


def _check_place(primary: Primary) -> None:
    remedy = (
        "run both in one container, or start this one with `docker run --pid container:NAME` and"
        " hugetlbfs and /var/run/dpdk mounted at the same paths in both"
    )
    if primary.pid == 0:
        raise _unfit(f"the primary of {primary.prefix!r} runs in another PID namespace: {remedy}")
    if program.maps_other_hugepages(primary.pid, primary.prefix):
        raise _unfit(
            f"the hugepages of the primary of {primary.prefix!r} are not mounted here: {remedy}"
        )


def _check_version(primary: Primary) -> None:
    _, number = program.config_version(primary.prefix)
    there = program.version_text(number)
    if there != version.RUNNING:
        raise _unfit(
            f"{_say(primary)} runs DPDK {there}, this process DPDK {version.RUNNING}: both must be"
            " of one installation"
        )


def _check_drivers(primary: Primary, ours: RegisteredProcess | None, options: EalOptions) -> None:
    libraries = program.libraries(primary.pid)
    if libraries is None:
        raise _unfit(f"{_say(primary)} belongs to another user: attach as that user, or as root")
    if "eal" not in libraries:
        raise _unfit(
            f"{_say(primary)} has DPDK linked into it: its drivers cannot be compared with those"
            " of this process; use a program that is linked with the shared libraries"
        )
    here = program.libraries("self") or {}
    mine, its = here["eal"], libraries["eal"]
    if not program.same_file(primary.pid, its, mine):
        raise _unfit(
            f"{_say(primary)} uses {its.path}, this process {mine.path}: another build of DPDK, or"
            " it was updated meanwhile; start the primary again"
        )
    missing = _missing(libraries, options)
    if missing:
        raise _unfit(
            f"{_say(primary)} has drivers that this process would not load:"
            f" {', '.join(missing)}; name them: extra=('-d', '{missing[0]}')"
        )
    ops = mempool_ops.mempool_ops_of(primary.pid) or (ours and ours.details.get("mempool_ops"))
    if not ops:
        raise _unfit(f"the memory of {_say(primary)} may not be read: attach as its user, or root")
    paths = [lib_.path for name, lib_ in libraries.items() if name.startswith("mempool_")]
    problem = mempool_ops.load_in_order(ops, paths)
    if problem:
        raise _unfit(f"{_say(primary)} has its mempool drivers in another order: {problem}")


def _missing(libraries: dict[str, program.Library], options: EalOptions) -> list[str]:
    """Return the drivers of the primary from directories that this process does not load."""
    drivers = {n: x.path for n, x in libraries.items() if n.startswith(("mempool_", "net_"))}
    standard = {str(Path(p).parent) for p in drivers.values() if "/dpdk/pmds-" in p}
    loaded = set().union(*map(program.plugins, standard)) | set(program.libraries("self") or {})
    named = {str(Path(argument).resolve()) for argument in options.extra}
    return sorted(p for n, p in drivers.items() if n not in loaded and p not in named)


def _with_devices(
    options: EalOptions, primary: Primary, ours: RegisteredProcess | None
) -> EalOptions:
    its = program.arguments(primary.pid) or program.Arguments()
    allow, block, vdevs = its.allow, its.block, its.vdevs
    iova_mode = its.iova_mode[-1] if its.iova_mode else None
    if ours is not None:
        iova_mode = ours.details.get("iova_mode")
        allow, block, vdevs = (tuple(ours.details.get(k, ())) for k in ("allow", "block", "vdevs"))
    devices = list(map(parse, vdevs))
    for device in devices:
        harm = HARMED.get(device.driver or "")
        if harm:
            raise _unfit(f"{_say(primary)} has {device.name}: {harm}")
    for name, mine, theirs in (("allow", options.allow, allow), ("block", options.block, block)):
        if mine and tuple(mine) != theirs:
            raise ValueError(f"{name} must be the primary's, {theirs!r}, or none (got {mine!r})")
    # else a root's EAL takes pa by itself, and writes that in mbufs
    if iova_mode in tuple(IovaMode):
        options = replace(options, iova_mode=IovaMode(iova_mode))
    ports = program.has_ports(primary.prefix)
    if not ports and any(device.is_network for device in devices):
        raise _unfit(
            f"{_say(primary)} names {', '.join(vdevs)} and has no port: DPDK would abort this"
            " process in probing what failed there"
        )
    if not ports:  # probing a NIC that the primary does not have would abort as well
        return replace(options, allow=(), block=(), pci=False)
    return replace(options, allow=allow, block=block)


def _taken(primary: Primary, others: Sequence[RegisteredProcess]) -> Iterator[tuple[int, str]]:
    ours = {member.pid for member in others}
    for pid in host_primary.processes(primary):
        if pid not in ours:
            role = "primary" if pid == primary.pid else "secondary"
            yield from ((lcore, f"the {role} (PID {pid})") for lcore in foreign_lcores(pid))
    for member in others:
        yield from ((lcore, f"the {member}") for lcore in member.lcores)


def foreign_lcores(pid: int) -> frozenset[int]:
    """Return the lcores of a foreign program: those of its workers and of its arguments."""
    found = set(host_primary.workers(pid))
    its = program.arguments(pid) or program.Arguments()
    named: set[int] = set()
    for spec in its.lcores:
        with suppress(ValueError, TypeError):
            named.update(parse_lcores(spec))
    for mask in its.coremask:
        with suppress(ValueError):
            bits = int(mask, 16)
            named.update(i for i in range(bits.bit_length()) if bits >> i & 1)
    if not named:  # the main lcore's thread has no lcore in its name, only a CPU
        main = host_primary.main_cpus(pid)
        named = set(main) if len(main) == 1 else {0}
    return frozenset(found | named)


def _free_lcore(
    primary: Primary, others: Sequence[RegisteredProcess], taken: Iterable[int]
) -> tuple[int, frozenset[int]]:
    """Return a free lcore, and the CPUs that the processes of this primary leave free.

    It is the highest free lcore; with foreign programs attached a lower one, as their main lcores
    may not be visible.
    """
    used = set(taken)
    free = [n for n in range(MAX_LCORE) if n not in used]
    if not free:
        raise BusyError(errno.EBUSY, f"all lcores are in use in {primary.prefix!r}")
    pids = host_primary.processes(primary)
    foreign = len(set(pids) - {member.pid for member in others})
    workers = [host_primary.workers(pid) for pid in pids]
    usable = frozenset(os.sched_getaffinity(0))
    unpolled = usable - _pinned(cpus for found in workers for cpus in found.values())
    idle = unpolled - _pinned(map(host_primary.main_cpus, pids))
    return free[-min(len(free), max(foreign, 1))], idle or unpolled or usable


def _pinned(threads: Iterable[frozenset[int]]) -> frozenset[int]:
    """Return the CPUs of threads that are pinned to a single CPU."""
    return frozenset(cpu for cpus in threads if len(cpus) == 1 for cpu in cpus)


def _say(primary: Primary) -> str:
    return f"the primary of {primary.prefix!r} (PID {primary.pid})"


def _unfit(text: str) -> NotSupportedError:
    return NotSupportedError(errno.ENOTSUP, text)

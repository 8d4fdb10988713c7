"""Check rules between the keys of a file: names that exist, sizes that fit."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from functools import partial
from typing import NamedTuple

from pydpdk.config import devices, extra, kinds, names, offers
from pydpdk.config.apps import AppSpec, DropSpec, ForwardSpec, GenerateSpec, RespondSpec, SwitchSpec
from pydpdk.config.faults import format_value
from pydpdk.config.model import Config, MempoolSpec, PortSpec
from pydpdk.config.polling import default_pairs, main_lcore, worker_lcores
from pydpdk.config.source import Fault, KeyPath
from pydpdk.eal import checks
from pydpdk.eal.lcores import parse_lcores
from pydpdk.eal.options import EalOptions
from pydpdk.host.devargs import parse
from pydpdk.limits import HEADROOM, MAX_RING, MAX_ROOM, largest_cache

_OF_THE_PRIMARY = {
    "nb_rx_desc", "nb_tx_desc", "mtu", "promiscuous", "rss", "rx_offloads", "tx_offloads",
    "frame_size", "finish_checksums", "split_large",
}  # fmt: skip
COMPUTED = "packets"
"""The mempool of ports in a file that names none."""

_MOST_HOPS = 1024  # burst.verbs.HOPS_MAX


class Scope(NamedTuple):
    """The valid sections, and the names of all entries, valid or not.

    A reference to a mempool that has another fault is not reported as a second fault.
    """

    config: Config
    mempools: Sequence[str]
    ports: Sequence[str]
    check_host: bool = True
    """Whether values that this host does not support are faults of the file."""

    def mempool_of(self, port: PortSpec) -> str | None:
        """Return the mempool that a port names, the only one of the file, or the computed one."""
        if port.mempool is None and len(self.mempools) == 1:
            return self.mempools[0]
        return COMPUTED if port.mempool is None and self.computes else port.mempool

    @property
    def computes(self) -> bool:
        """Whether ports get mempools of a computed size: the file of a primary names none."""
        return not self.mempools and self.config.eal.proc_type != "secondary"


def check(scope: Scope) -> Iterator[Fault]:
    """Check all rules between keys."""
    yield from _eal(scope)
    yield from _pools_and_rings(scope)
    yield from _devices(scope)
    yield from devices.check(scope)
    yield from names.check(scope.config)
    yield from _workers(scope.config)
    for name, port in scope.config.ports.items():
        yield from _port(scope, name, port)
        if scope.config.eal.proc_type != "secondary":  # there the device is named alone
            yield from offers.check(name, port)
        yield from _secondary(scope, name, port)
    if scope.config.app is not None:
        yield from _app(scope, scope.config.app)


def _app(scope: Scope, app: AppSpec) -> Iterator[Fault]:
    if app.forward:
        yield from _forward(scope, app.forward)
    for kind in _QUEUES:
        spec = getattr(app, kind)
        if spec:
            yield from _app_ports(scope, kind, spec)
    if app.generate:
        yield from _generate(scope, app.generate)
    if app.switch and len(app.switch.ports or scope.ports) < 2:
        n = len(app.switch.ports or scope.ports)
        yield Fault(("app", "switch", "ports"), f"{n} port{'s' * (n != 1)}", "at least two ports")
    if app.worker:
        yield from _worker_queues(scope, app)
        yield from _worker_lcores(scope.config, app)
    if app.lcore is not None:
        yield from _app_lcore(scope, app.kind, app.lcore)


def _eal(scope: Scope) -> Iterator[Fault]:
    found = list(extra.check(scope.config.eal))
    yield from found
    refused = {fault.path for fault in found}
    for problem in checks.problems(scope.config.eal):
        path = _path_of(scope.config.eal, problem)
        if path not in refused and (scope.check_host or not problem.of_host):
            yield Fault(path, format_value(problem.value), problem.allowed)


def _path_of(eal: EalOptions, problem: checks.Problem) -> KeyPath:
    """Return the key of a problem, and the place in its list if it is one entry's."""
    entries = getattr(eal, problem.option)
    if isinstance(entries, tuple) and problem.value in entries:
        # of equal entries the last one is too many
        return "eal", problem.option, len(entries) - 1 - entries[::-1].index(problem.value)
    return "eal", problem.option


def _pools_and_rings(scope: Scope) -> Iterator[Fault]:
    own_drivers = _loads_drivers(scope.config.eal)
    for name, pool in scope.config.mempools.items():
        most = largest_cache(pool.n)
        if (pool.cache_size or 0) > most:  # rte_mempool_create_empty: EINVAL
            allowed = f"at most n / 1.5 = {most}, as a cache holds 1.5 times its size"
            yield Fault(("mempools", name, "cache_size"), str(pool.cache_size), allowed)
        if pool.ops_name and pool.ops_name not in kinds.MEMPOOL_OPS and not own_drivers:
            allowed = f"one of {', '.join(kinds.MEMPOOL_OPS)}"
            yield Fault(("mempools", name, "ops_name"), repr(pool.ops_name), allowed + _near(pool))
    for name, ring in scope.config.rings.items():
        if not ring.exact_size and (ring.size < 2 or ring.size & (ring.size - 1)):
            allowed = f"a power of two from 2 to {MAX_RING}, or any size with exact_size"
            yield Fault(("rings", name, "size"), str(ring.size), allowed)
        elif ring.exact_size and ring.size == MAX_RING:
            allowed = f"at most {MAX_RING - 1} with exact_size"
            yield Fault(("rings", name, "size"), str(ring.size), allowed)


def _near(pool: MempoolSpec) -> str:
    close = difflib.get_close_matches(pool.ops_name or "", kinds.MEMPOOL_OPS, n=1)
    return f"; did you mean {close[0]}?" if close else ""


def _loads_drivers(eal: EalOptions) -> bool:
    """Whether the EAL loads drivers of the user, which may have any name."""
    return any(argument.startswith(("-d", "--driver-path")) for argument in eal.extra)


def _workers(config: Config) -> Iterator[Fault]:
    eal = config.eal
    if not config.workers:
        return
    value = format_value(tuple(config.workers))
    if eal.hugepages is False:
        why = "eal.hugepages is false, and only hugepages are shared between processes"
        yield Fault(("workers",), value, f"no workers: {why}")
    elif eal.in_memory or "--no-shconf" in eal.extra:
        which = "eal.in_memory" if eal.in_memory else "--no-shconf in eal.extra"
        yield Fault(("workers",), value, f"no workers: with {which} no other process can attach")


def _devices(scope: Scope) -> Iterator[Fault]:
    yield from _drivers(scope)
    eal = scope.config.eal
    seen = {parse(vdev).name: "eal.vdevs" for vdev in eal.vdevs}
    for i, vdev in extra.vdevs(eal):
        first = seen.setdefault(parse(vdev).name, f"eal.extra[{i}]")
        if first != f"eal.extra[{i}]":
            allowed = f"a device that {first} does not name"
            yield Fault(("eal", "extra", i), format_value(eal.extra[i]), allowed)
    blocked = {parse(device).address for device in eal.block}
    for name, port in scope.config.ports.items():
        path: KeyPath = ("ports", name, "device")
        first = seen.setdefault(port.device_name, f"ports.{name}")
        if first != f"ports.{name}":
            yield Fault(path, repr(port.device), f"a device that {first} does not name")
        if port.pci and eal.pci is False:
            yield Fault(path, repr(port.device), "a virtual device, as eal.pci is false")
        if port.pci and port.device_name in blocked:
            yield Fault(path, repr(port.device), "a device that eal.block does not name")


def _drivers(scope: Scope) -> Iterator[Fault]:
    """Find unknown drivers, and arguments that a driver does not take."""
    eal = scope.config.eal
    others = _loads_drivers(eal)
    for i, vdev in enumerate(eal.vdevs if not others else ()):
        if allowed := parse(vdev).unknown_driver(is_port=False):
            yield Fault(("eal", "vdevs", i), repr(vdev), allowed)
    for name, port in scope.config.ports.items():
        path: KeyPath = ("ports", name, "device")
        if port.pci:
            continue
        allowed = port.parsed.unknown_driver(is_port=True)
        if allowed and not others and eal.proc_type != "secondary":
            yield Fault(path, repr(port.device), allowed)
        for fault in port.parsed.argument_faults(attached=eal.proc_type == "secondary"):
            yield Fault(path, repr(port.device), fault)


def _port(scope: Scope, name: str, port: PortSpec) -> Iterator[Fault]:
    path: KeyPath = ("ports", name)
    if port.nb_rx_queues + port.nb_tx_queues == 0:
        yield Fault((*path, "nb_rx_queues"), "0", "at least one queue to receive or to send")
    pool_name = scope.mempool_of(port)
    if port.mempool is not None and port.mempool not in scope.mempools:
        yield Fault((*path, "mempool"), repr(port.mempool), _one_of(scope.mempools, "mempools"))
    elif pool_name is None and port.nb_rx_queues:
        yield Fault((*path, "mempool"), "missing", _one_of(scope.mempools, "mempools"))
    room, size = _packet_room(scope, pool_name), port.parsed.null_bytes
    if room is not None and size is not None and size > room:
        allowed = f"size up to {room}, the data_room_size of {pool_name} less {HEADROOM}"
        yield Fault((*path, "device"), repr(port.device), allowed)
    if port.rss and port.nb_rx_queues == 0:
        yield Fault((*path, "rss"), format_value(port.rss), "nothing without receive queues")


def _secondary(scope: Scope, name: str, port: PortSpec) -> Iterator[Fault]:
    """Find keys of a port that only the primary may set."""
    if scope.config.eal.proc_type != "secondary":
        return
    for key in sorted(port.model_fields_set & _OF_THE_PRIMARY):
        value = format_value(getattr(port, key))
        yield Fault(("ports", name, key), value, "nothing: the port is configured by the primary")
    if parse(port.device).tail:
        allowed = f"{port.device_name} alone: the device is the primary's"
        yield Fault(("ports", name, "device"), repr(port.device), allowed)


def _packet_room(scope: Scope, pool_name: str | None) -> int | None:
    """Return the [bytes] of the longest packet in one mbuf; None if the pool has a fault."""
    if scope.computes:
        return MAX_ROOM - HEADROOM
    pool = scope.config.mempools.get(pool_name) if pool_name is not None else None
    return pool.data_room_size - HEADROOM if pool else None


def _forward(scope: Scope, forward: ForwardSpec) -> Iterator[Fault]:
    ports = scope.config.ports
    path: KeyPath = ("app", "forward", "pairs")
    if not forward.pairs and (len(scope.ports) % 2 or not scope.ports):
        allowed = f"pairs of ports: {len(scope.ports)} ports do not pair themselves"
        yield Fault(path, "missing", allowed)
    seen: set[str] = set()
    for i, pair in enumerate(forward.pairs):
        for j, name in enumerate(pair):
            if name not in scope.ports:
                yield Fault((*path, i, j), repr(name), _one_of(scope.ports, "ports"))
            elif name in seen:
                yield Fault((*path, i, j), repr(name), "each port in one pair only")
        seen |= set(pair)
    used = dict.fromkeys(
        name for pair in forward.pairs or default_pairs(scope.ports) for name in pair
    )
    for name in used:
        yield from _needs_queues(scope, "forward", name, "nb_rx_queues", "nb_tx_queues")
    rx = {name: ports[name].nb_rx_queues for name in used if name in ports}
    if sum(rx.values()) > _MOST_HOPS:
        listed = ", ".join(f"{name} {n}" for name, n in rx.items())
        allowed = f"ports with up to {_MOST_HOPS} nb_rx_queues in all: {listed}"
        yield Fault(path, f"{sum(rx.values())} receive queues", allowed)


_QUEUES: dict[str, tuple[str, ...]] = {
    "drop": ("nb_rx_queues",), "generate": ("nb_tx_queues",),
    "respond": ("nb_rx_queues", "nb_tx_queues"), "switch": ("nb_rx_queues", "nb_tx_queues"),
}  # fmt: skip


def _app_ports(
    scope: Scope, app: str, spec: DropSpec | GenerateSpec | RespondSpec | SwitchSpec
) -> Iterator[Fault]:
    path: KeyPath = ("app", app, "ports")
    if not scope.ports:
        yield Fault(path, "missing", "at least one port in the section ports")
    for i, name in enumerate(spec.ports):
        if name not in scope.ports:
            yield Fault((*path, i), repr(name), _one_of(scope.ports, "ports"))
        elif name in spec.ports[:i]:
            yield Fault((*path, i), repr(name), "each port once")
    queues = _QUEUES[app]
    if isinstance(spec, DropSpec) and spec.where:
        queues = ("nb_rx_queues", "nb_tx_queues")
        n = len(spec.ports or scope.ports)
        if n % 2:
            allowed = f"pairs of ports, as the packets that stay are forwarded: {n} do not pair"
            yield Fault((*path[:2], "where"), format_value(spec.where), allowed)
    for name in dict.fromkeys(spec.ports or scope.ports):
        yield from _needs_queues(scope, app, name, *queues)


def _needs_queues(scope: Scope, app: str, name: str, *keys: str) -> Iterator[Fault]:
    port = scope.config.ports.get(name)
    for key in keys:
        if port and getattr(port, key) == 0:
            yield Fault(("ports", name, key), "0", f"at least 1, as app.{app} uses the port")


def _generate(scope: Scope, generate: GenerateSpec) -> Iterator[Fault]:
    length = len(generate.template)
    for name in generate.ports or scope.ports:
        port = scope.config.ports.get(name)
        pool_name = scope.mempool_of(port) if port else None
        room = _packet_room(scope, pool_name)
        if port and pool_name is None and not port.nb_rx_queues:
            allowed = _one_of(scope.mempools, "mempools") + " to take packets from"
            yield Fault(("ports", name, "mempool"), "missing", allowed)
        if room is not None and length > room:
            allowed = f"up to {room} bytes, the data_room_size of {pool_name} less {HEADROOM}"
            yield Fault(("app", "generate", "packet"), f"{length} bytes", allowed)


def _worker_queues(scope: Scope, app: AppSpec) -> Iterator[Fault]:
    ports = scope.ports
    if not app.queues and (len(ports) % 2 or not ports):
        allowed = f"hops such as [p0, 0, p1, 0]: {len(ports)} ports do not pair themselves"
        yield Fault(("app", "queues"), "missing", allowed)
    seen: set[tuple[str, int]] = set()
    for i, hop in enumerate(app.queues):
        if hop[:2] in seen:
            yield Fault(("app", "queues", i), format_value(list(hop)), "each rx queue once")
        seen.add(hop[:2])
        ends = (0, "nb_rx_queues", *hop[:2]), (2, "nb_tx_queues", *hop[2:])
        for j, key, name, queue in ends:
            port = scope.config.ports.get(name)
            if name not in ports:
                listed = ", ".join(map(format_value, ports)) or "(there are none)"
                yield Fault(("app", "queues", i, j), repr(name), f"one of the ports {listed}")
            elif port and queue >= getattr(port, key):
                allowed = f"less than {key} of {name}, {getattr(port, key)}"
                yield Fault(("app", "queues", i, j + 1), str(queue), allowed)


def _worker_lcores(config: Config, app: AppSpec) -> Iterator[Fault]:
    try:
        known = set(parse_lcores(config.eal.lcores)) if config.eal.lcores is not None else None
        main = main_lcore(config.eal)
    except (ValueError, TypeError):
        return  # a fault of eal.lcores, reported there
    if known is not None and not app.lcores and not worker_lcores(config.eal):
        yield Fault(("app", "lcores"), "missing", "at least one lcore beside the main one")
    for i, lcore in enumerate(app.lcores):
        if lcore == main:
            yield Fault(("app", "lcores", i), str(lcore), "an lcore that is not the main one")
        elif known is not None and lcore not in known:
            listed = ", ".join(map(str, sorted(known)))
            yield Fault(("app", "lcores", i), str(lcore), f"one of eal.lcores: {listed}")
        elif lcore in app.lcores[:i]:
            yield Fault(("app", "lcores", i), str(lcore), "each lcore once")


def _app_lcore(scope: Scope, kind: str, lcore: int) -> Iterator[Fault]:
    eal, fault = scope.config.eal, partial(Fault, ("app", kind, "lcore"), str(lcore))
    if eal.main_lcore not in (None, lcore):
        yield fault(f"eal.main_lcore, {eal.main_lcore}, which polls")
    if eal.lcores is None and not scope.check_host:
        return
    try:
        lcores = eal.lcore_map
    except (ValueError, TypeError):  # `_eal` reports it
        return
    if lcore not in lcores:
        yield fault(f"one of eal.lcores: {', '.join(map(str, sorted(lcores)))}")


def _one_of(names: Sequence[str], section: str) -> str:
    if not names:
        return f"the name of an entry of the section {section}, which has none"
    return f"one of the {section} " + ", ".join(map(format_value, names))

"""Which lcore polls which queue: the loops of the built-in apps as a table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydpdk.config.apps import Hop
from pydpdk.config.model import Config, PortSpec
from pydpdk.eal.options import EalOptions
from pydpdk.host import devices
from pydpdk.host.cpus import numa_node_of_cpu


@dataclass(frozen=True)
class Poll:
    """One step of a loop: receive from a queue and send to a queue; either may be missing."""

    lcore: int
    rx_port: str | None = None
    rx_queue: int | None = None
    tx_port: str | None = None
    tx_queue: int | None = None


def main_lcore(options: EalOptions) -> int:
    """Return the lcore of the calling thread."""
    return min(options.lcore_map) if options.main_lcore is None else options.main_lcore


def polls(config: Config) -> tuple[Poll, ...]:
    """List what the app polls, in the order of its loop; empty for a user's function."""
    app = config.app
    if app is None:
        return ()
    lcore = main_lcore(config.eal) if app.lcore is None else app.lcore
    if app.forward:
        return tuple(Poll(lcore, *hop) for hop in _hops(config.ports, app.forward.pairs))
    if app.drop and app.drop.where:
        return tuple(Poll(lcore, *hop) for hop in _hops(config.ports, app.drop.pairs))
    if app.drop:
        return tuple(
            Poll(lcore, rx_port=name, rx_queue=queue)
            for name in app.drop.ports
            for queue in range(config.ports[name].nb_rx_queues)
        )
    if app.generate:
        return tuple(
            Poll(lcore, tx_port=name, tx_queue=queue)
            for name in app.generate.ports
            for queue in range(config.ports[name].nb_tx_queues)
        )
    if app.respond:
        pairs = tuple((name, name) for name in app.respond.ports)
        return tuple(Poll(lcore, *hop) for hop in _hops(config.ports, pairs))
    if app.switch:
        return tuple(
            Poll(lcore, name, queue, other, 0)
            for name in app.switch.ports
            for queue in range(config.ports[name].nb_rx_queues)
            for other in app.switch.ports
            if other != name
        )
    if app.worker:
        return tuple(_dealt(app.queues, app.lcores or worker_lcores(config.eal)))
    return ()


def worker_lcores(options: EalOptions) -> tuple[int, ...]:
    """Return all lcores but the main one."""
    return tuple(sorted(set(options.lcore_map) - {main_lcore(options)}))


def default_hops(ports: Mapping[str, PortSpec]) -> tuple[Hop, ...]:
    """Return the default hops of a worker: both directions between the default pairs of ports."""
    return tuple(_hops(ports, default_pairs(tuple(ports))))


def _dealt(hops: tuple[Hop, ...], lcores: tuple[int, ...]) -> Iterator[Poll]:
    """Assign hops to lcores in turn; each tx queue is used by one lcore only."""
    turn: dict[tuple[str, int], int] = {}
    for hop in hops if lcores else ():
        lcore = lcores[turn.setdefault(hop[2:], len(turn)) % len(lcores)]
        yield Poll(lcore, *hop)


def default_pairs(ports: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """Pair the first port with the second, the third with the fourth."""
    return tuple(zip(ports[::2], ports[1::2], strict=False))


def _hops(ports: Mapping[str, PortSpec], pairs: tuple[tuple[str, str], ...]) -> Iterator[Hop]:
    """Yield both directions of each pair; receive queues share the transmit queues in turn."""
    for a, b in pairs:
        for source, sink in dict.fromkeys(((a, b), (b, a))):
            for queue in range(ports[source].nb_rx_queues):
                yield source, queue, sink, queue % ports[sink].nb_tx_queues


def lcore_node(options: EalOptions, lcore: int) -> int:
    """Return the NUMA node of an lcore."""
    return numa_node_of_cpu(min(options.lcore_map[lcore]))


def is_present(port: PortSpec, *, root: Path = Path("/")) -> bool:
    """Whether this host has the device; a virtual one always is."""
    return not port.pci or devices.is_present(port.device_name, root=root)


def port_node(port: PortSpec, *, root: Path = Path("/")) -> int | None:
    """Return the NUMA node of a port's device; None if it is virtual or the node is unknown."""
    return devices.numa_node_of(port.device_name, root=root) if port.pci else None

"""Bring up all objects of a file in order, and take them down in the reverse order."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import astuple

from pydpdk._core.lifetime import Closing, Undo
from pydpdk._core.timeouts import deadline, left
from pydpdk.app.lookup import Lookup
from pydpdk.app.peers import when_served, why_silent
from pydpdk.app.stop import Stop
from pydpdk.burst.burst import Burst
from pydpdk.burst.tracing import trace
from pydpdk.choices import RingSync
from pydpdk.config import devices
from pydpdk.config.load import load
from pydpdk.config.model import Config, PortSpec
from pydpdk.config.plan import Plan, make_plan
from pydpdk.config.polling import Poll
from pydpdk.eal import Eal, EalState, begin, current, is_primary, state
from pydpdk.errors import ConfigError, NotSupportedError
from pydpdk.ethdev.flags import RssHf, RxOffload, TxOffload
from pydpdk.ethdev.port import Port
from pydpdk.ethdev.queue import RxQueue, TxQueue
from pydpdk.memory.mempool import Mempool
from pydpdk.memory.memzone import Memzone
from pydpdk.process import running
from pydpdk.ring import Ring
from pydpdk.ring.element import DEFAULT_SYNC

_logger = logging.getLogger("pydpdk")

_RECONNECT_S = 0.5
"""[s] that a client of memif waits for its link before it connects again."""


class App(Closing):
    """An open file; `pydpdk.open` makes it.

    Attributes
    ----------
    config : Config
        The file.
    plan : Plan
        The file, resolved on this host.
    eal : Eal
        The running EAL.
    memzones, mempools, rings, ports : dict
        The objects, by the names of the file.
    stop : Stop
        When to end; see `running`.
    """

    def __init__(self, config: Config, plan: Plan, eal: Eal, stop: Stop | None = None) -> None:
        self.config = config
        self.plan = plan
        self.eal = eal
        self.stop = Stop() if stop is None else stop
        self.memzones: dict[str, Memzone] = {}
        self.mempools: dict[str, Mempool] = {}
        self.rings: dict[str, Ring] = {}
        self.ports: dict[str, Port] = {}
        self._bursts: list[Burst] = []

    @property
    def running(self) -> bool:
        """Whether to go on: false after the duration, a signal, or the end of a worker's primary.

        For the loop of your own function: `while app.running: ...`.
        """
        return not self.stop.requested and running()

    def burst(self, size: int) -> Burst:
        """Make a burst that is closed with the file; mbufs that it still holds are freed."""
        self._bursts.append(Burst(size))
        return self._bursts[-1]

    def _hops(self, polls: Iterable[Poll]) -> tuple[tuple[RxQueue, TxQueue], ...]:
        """Return the queues of polls that receive and send."""
        ends = (astuple(poll)[1:] for poll in polls)
        return tuple(
            (self.ports[rx_port].rx_queues[rx_queue], self.ports[tx_port].tx_queues[tx_queue])
            for rx_port, rx_queue, tx_port, tx_queue in ends
        )

    def _bring_up(self) -> None:
        """Create all objects that the file names, ports last; in a secondary, look them up."""
        config = self.config
        if self.eal.proc_type == "secondary":
            self._look_up()
            return
        for name, memzone in config.memzones.items():
            with self._blame("memzones", name):
                self.memzones[name] = Memzone.reserve(
                    name, memzone.size, align=memzone.align, socket_id=_node(memzone.socket_id)
                )
        for name, mempool in config.mempools.items():
            with self._blame("mempools", name):
                self.mempools[name] = Mempool.create(
                    name,
                    mempool.n,
                    cache_size=mempool.cached,
                    priv_size=mempool.priv_size,
                    data_room_size=mempool.data_room_size,
                    socket_id=_node(mempool.socket_id),
                    ops_name=mempool.ops_name or ("lf_stack" if config.workers else None),
                )
        for name, ring in config.rings.items():
            with self._blame("rings", name):
                self.rings[name] = Ring.create(
                    name,
                    ring.size,
                    element=ring.element,
                    producer=self._sync(ring.producer),
                    consumer=self._sync(ring.consumer),
                    exact_size=ring.exact_size,
                    socket_id=_node(ring.socket_id),
                )
        up = {}
        for name, port in sorted(config.ports.items(), key=lambda item: devices.is_late(item[1])):
            with self._blame("ports", name):
                up[name] = self._bring_up_port(name, port)
        self.ports.update((name, up[name]) for name in config.ports)

    def _sync(self, wish: RingSync | None) -> RingSync:
        """The mode of a ring; with workers `hts`, which a killed process cannot leave locked."""
        return wish or (RingSync.HTS if self.config.workers else DEFAULT_SYNC)

    def _look_up(self) -> None:
        config, lookup = self.config, Lookup(self.config)
        self.memzones.update((name, lookup.memzone(name)) for name in config.memzones)
        self.mempools.update((name, lookup.mempool(name, s)) for name, s in config.mempools.items())
        self.rings.update((name, lookup.ring(name, spec)) for name, spec in config.rings.items())
        self.ports.update((name, lookup.port(name, spec)) for name, spec in config.ports.items())

    def _bring_up_port(self, name: str, spec: PortSpec) -> Port:
        where, peer = self.config.where("ports", name), devices.awaited(spec)
        if devices.is_late(spec):
            when_served(where, peer, lambda: self.eal.add_device(spec.device), stop=self.stop)
        port = Port.lookup(spec.device_name)
        port.configure(
            mempool=self.mempools[spec.mempool] if spec.mempool else None,
            nb_rx_queues=spec.nb_rx_queues,
            nb_tx_queues=spec.nb_tx_queues,
            nb_rx_desc=spec.nb_rx_desc,
            nb_tx_desc=spec.nb_tx_desc,
            mtu=spec.mtu,
            finish_checksums=spec.finish_checksums,
            split_large=spec.split_large,
            rss=sum(RssHf[name] for name in spec.rss),
            rx_offloads=sum(RxOffload[name] for name in spec.rx_offloads),
            tx_offloads=sum(TxOffload[name] for name in spec.tx_offloads),
        )
        try:
            port.promiscuous = spec.promiscuous
        except NotSupportedError:
            # such a driver receives everything anyway; fail only if the file sets the key
            if "promiscuous" in spec.model_fields_set:
                raise
        when_served(where, peer, port.start, stop=self.stop)
        return port

    @contextmanager
    def _blame(self, section: str, name: str) -> Iterator[None]:
        """Turn a value that DPDK rejects into a fault of the file, with its line."""
        self.stop.check()
        try:
            yield
        except (ValueError, TypeError) as error:
            raise ConfigError([f"{self.config.where(section, name)}: {error}"]) from error

    def wait_links(self, timeout: float | None = 2.0) -> Mapping[str, bool]:
        """Wait until the link of each port is up; return which are.

        Devices on kernel interfaces take a moment, as do memif and vhost; some never report a
        link. For each link that is still down, a warning says what that usually means. A client of
        memif without a link is stopped and started meanwhile: let no thread poll it yet.

        Parameters
        ----------
        timeout
            [s]; 0 looks once, None waits for ever.
        """
        end, reconnect = deadline(timeout), time.monotonic() + _RECONNECT_S
        while True:
            last = left(end) == 0
            links = {name: port.link().up for name, port in self.ports.items()}
            if all(links.values()) or self.stop.requested:
                return links
            if last:
                break
            time.sleep(0.02)
            if time.monotonic() >= reconnect:
                self._reconnect(name for name, up in links.items() if not up)
                reconnect = time.monotonic() + _RECONNECT_S
        for name in (name for name, up in links.items() if not up):
            why = why_silent(self.ports[name].info().driver_name)
            _logger.warning("ports.%s: no link after %g s: %s", name, timeout, why)
        return links

    def _reconnect(self, names: Iterable[str]) -> None:
        """Connect clients of memif once more.

        A server whose port is not started yet refuses a client, and the driver of the client does
        not connect again by itself.
        """
        for name in names:
            peer = devices.awaited(self.config.ports[name])
            if peer is not None and peer.driver == "net_memif" and is_primary():
                self.ports[name].stop()
                where = self.config.where("ports", name)
                when_served(where, peer, self.ports[name].start, stop=self.stop)

    def close(self) -> None:
        """Close everything: ports, bursts, rings, mempools, memzones, the EAL."""
        for burst in self._bursts:
            burst.close(force=True)
        self.eal.close()

    def __repr__(self) -> str:
        return f"<App ports={list(self.ports)} mempools={list(self.mempools)}>"


def open_file(path: str | os.PathLike[str]) -> App:
    """Bring up all objects that a file names.

    Parameters
    ----------
    path
        A YAML file; `docs/configuration.md` has every key.

    Returns
    -------
    App
        A context manager; leaving it closes everything.

    Raises
    ------
    ConfigError
        The file has faults, all of which are listed; nothing was created.
    EalInitError, DpdkError
        DPDK could not do what the file says; everything created so far was removed.
    """
    return start(*prepare(path))


def prepare(path: str | os.PathLike[str]) -> tuple[Config, Plan]:
    """Read a file and plan it; log its warnings. Creates nothing.

    Raises
    ------
    ConfigError
        The file has faults, all of which are listed.
    """
    config = load(path)
    plan = make_plan(config)
    for warning in plan.warnings:
        _logger.warning("%s", warning)
    return config, plan


def start(config: Config, plan: Plan, stop: Stop | None = None) -> App:
    """Bring up a planned file.

    Raises
    ------
    StoppedError
        `stop` was requested meanwhile; everything created so far was removed.
    """
    if config.debug.trace_mbufs:
        trace()
    with Undo(_end_eal, state()):
        app = App(config, plan, begin(plan.start), stop)
        app._bring_up()
        app.stop.check()
        return app


def _end_eal(before: EalState) -> None:
    """Close the EAL if it was started for a file that failed to come up."""
    if before == EalState.NEW and state() == EalState.RUNNING:
        current().close(force=True)


def _node(socket_id: int | str) -> int | None:
    return None if isinstance(socket_id, str) else socket_id

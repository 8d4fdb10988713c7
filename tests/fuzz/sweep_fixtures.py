"""One live object of every public class, and how to make it again after a call has ended it."""

from __future__ import annotations

import contextlib
import gc
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from sweep_channels import Channels
from sweep_jobs import Jobs
from sweep_names import name
from sweep_workers import CompiledWorkers

import pydpdk
from pydpdk import (
    App,
    Burst,
    Channel,
    Forward,
    Mbuf,
    Mempool,
    Memzone,
    ObjectPool,
    Port,
    Ring,
    explorer,
    lcore,
    log,
)
from pydpdk._core import lifetime
from pydpdk.app.run import Measurement, Report
from pydpdk.app.stop import Stop
from pydpdk.burst import tracing
from pydpdk.config.load import loads
from pydpdk.config.model import Config
from pydpdk.config.plan import make_plan
from pydpdk.eal import devices
from pydpdk.explorer.snapshot import take
from pydpdk.memory import events, live
from pydpdk.memory.dynfield import DynField, DynFlag, rx_timestamp, tx_timestamp
from pydpdk.memory.mempool import mempools
from pydpdk.ring import ZeroCopy

PREFIX = os.environ["TEST_PREFIX"]
HUGEPAGES = os.environ["TEST_MEMORY"] == "hugepages"
LCORE = min(os.sched_getaffinity(0))
LCORES = f"{LCORE}@{LCORE},{LCORE + 1}@{LCORE},{LCORE + 2}@{LCORE}"
FILE = """\
mempools: {packets: {n: 1023}}
ports: {p0: {device: net_null1}, p1: {device: net_null2}}
app: {forward: {pairs: [[p0, p1]]}}
"""
STARTED = ("net_null0", "net_ring0")


class Fixtures(CompiledWorkers, Channels, Jobs):
    """A running EAL with one object of each class; `sample` gives an open one."""

    def __init__(self) -> None:
        vdevs = ("net_null0,size=64", "net_ring0", "net_null1", "net_null2")
        self.eal = pydpdk.init(
            file_prefix=PREFIX, hugepages=HUGEPAGES, lcores=LCORES, vdevs=vdevs,
            memory_mb=None if HUGEPAGES else 48,  # each 4 kB page is an entry of a memory map
            # calls that exhaust memory must not take the pages of parallel tests
            extra=("--socket-limit=512",) if HUGEPAGES else (),
        )  # fmt: skip
        super().__init__()
        self._made: dict[str, Any] = {}
        self._config = loads(FILE)
        self.plan = make_plan(self._config)
        self.root = Path.cwd() / "root"
        self.root.mkdir(exist_ok=True)
        self.field = DynField.register("fixture_field", "u4")
        rx_timestamp(), tx_timestamp()  # while there is room in the mbuf
        self.flag = DynFlag.register("fixture_flag")
        self.packets = self.keep("packets", lambda: Mempool.create("packets", 511, cache_size=0))
        self.ring_port, self.idle = self.eal_port("net_ring0"), self.eal_port("net_null1")
        self.yaml = Path("good.yaml")
        self.yaml.write_text(FILE)
        self.tidy()
        self.gone = self.closed()
        self.map, self.snapshot = explorer.take_map(), take()
        self.elements, self.map_zones = live.elements(), [z.info for z in self.map.zones]

    def keep(self, key: str, make: Callable[[], Any]) -> Any:
        """Make an object the first time, and again after it was closed."""
        made = self._made.get(key)
        if made is None or made.closed:
            made = self._made[key] = make()
        return made

    @property
    def config(self) -> Config:
        """A config that a call may change."""
        return self._config.model_copy()

    @property
    def port(self) -> Port:
        """A started port."""
        return Port.lookup("net_null0")

    @property
    def pool(self) -> Mempool:
        """A pool that may be closed: no port uses it."""
        return self.keep("pool", lambda: Mempool.create(name(), 127, cache_size=0))

    @property
    def burst(self) -> Burst:
        """An empty burst."""
        return self.keep("burst", lambda: Burst(8))

    @property
    def full(self) -> Burst:
        """A burst with packets."""
        burst = self.keep("full", lambda: Burst(8))
        if not burst:
            burst.alloc(self.packets, 8, length=60)
        return burst

    @property
    def other(self) -> Burst:
        """Another burst with packets."""
        burst = self.keep("other", lambda: Burst(8))
        if not burst:
            burst.alloc(self.packets, 4, length=60)
        return burst

    @property
    def idle_port(self) -> Port:
        """A port that may be closed."""
        self.idle = self.eal_port("net_null1")
        return self.idle

    @property
    def cloned(self) -> Mbuf:
        """A clone of a packet."""
        self.full.clone(self.packets, self.burst)
        return self.burst.mbuf(0)

    @property
    def stopped(self) -> Port:
        """A port that may be started."""
        port = self.port
        port.stop()
        return port

    @property
    def removable(self) -> str:
        """A device that is not in use."""
        if not devices.has_port("net_null_h"):
            self.eal.add_device("net_null_h")
        return "net_null_h"

    @property
    def packed(self) -> ObjectPool:
        """A pool whose objects may lie in several chunks."""
        return self.keep("packed", lambda: ObjectPool.create(name(), 1000, "u8", flags=2))

    @property
    def values(self) -> Ring:
        return self.keep("values", lambda: Ring.create(name(), 16, element="uint64"))

    @property
    def mbufs(self) -> Ring:
        return self.keep("mbufs", lambda: Ring.create(name(), 16, element="mbuf"))

    @property
    def slots(self) -> Ring:
        return self.keep(
            "slots",
            lambda: Ring.create(name(), 16, element="V12", producer="hts", consumer="single"),
        )

    def block(self) -> ZeroCopy:
        """Slots of a separate ring: a block that is not left keeps its ring open."""
        ring = Ring.create(name(), 16, element="V12", producer="hts", consumer="single")
        return ring.enqueue_zc(2)

    @property
    def zone(self) -> Memzone:
        return self.keep("zone", lambda: Memzone.reserve(name(), 4096))

    @property
    def objects(self) -> ObjectPool:
        kind = [("id", "u4"), ("data", "u1", 20)]
        return self.keep("objects", lambda: ObjectPool.create(name(), 100, kind))

    @property
    def app(self) -> App:
        """An open file with these objects; its loop has been asked to stop."""
        pool = name()
        app = App(loads(FILE.replace("packets", pool)), self.plan, self.eal)
        app.ports.update(p0=self.port, p1=self.port)
        app.mempools[pool] = self.packets
        vars(app)["stop"] = _Ended()
        return app

    @property
    def report(self) -> Report:
        return Measurement(self.app).report()

    @property
    def forward(self) -> Forward:
        return Forward(self.burst, [(self.port.rx_queues[0], self.port.tx_queues[0])])

    @property
    def watch(self) -> events.Watch:
        return self.keep("watch", events.watch)

    def closed(self) -> list[Any]:
        """One closed object of each class, and an mbuf whose burst was freed."""
        stale = self.full.mbuf(0)
        gone = [
            Burst(1), Memzone.reserve(name(), 64), Ring.create(name(), 16),
            Ring.create(name(), 16, element="mbuf"), Mempool.create(name(), 63, cache_size=0),
            ObjectPool.create(name(), 10, "u8"), Channel.create(name(), 4),
            *([events.watch()] if HUGEPAGES else []),
        ]  # fmt: skip
        for owner in gone:
            owner.close()
        self.full.free()
        return [*gone, stale]

    def tidy(self) -> None:
        """Undo what a successful call has done."""
        tracing.trace(False)
        for owner in lifetime.owners():
            if isinstance(owner, lcore.Job):
                owner.close(force=True)
        kept = {id(made) for made in self._made.values()}
        for made in list(self._made.values()):
            if isinstance(made, Channel) and not made.closed:
                self._empty(made)
                kept |= set(map(id, made._parts))
                kept |= set(map(id, made._spares))
        for owner in lifetime.owners():
            if (
                isinstance(owner, Port)
                and owner.name not in STARTED
                and owner.state != "unconfigured"
            ):
                owner.close()  # it may use a pool that is not kept
            elif id(owner) not in kept and not isinstance(owner, Port):
                owner.close(force=True)
        for device in STARTED:
            self._start(device)
        self._give_back()
        if devices.has_port("net_null_h"):
            self.eal.remove_device("net_null_h")

    def _give_back(self) -> None:
        for made in list(self._made.values()):
            if isinstance(made, Burst) and not made.closed:
                made.free()
        while self.mbufs.rx(self.burst) or self.ring_port.rx_queues[0].rx(self.burst):
            self.burst.free()
        for ring in (self.values, self.slots):
            while ring.dequeue_burst(np.empty(16, ring.dtype)):
                pass
        for pool in (self.objects, self.packed):
            if pool.in_use_count:
                pool.put(pool.outstanding())

    def _start(self, device: str) -> None:
        port = self.eal_port(device)
        if port.state != "started":
            if port.state == "unconfigured" or not port.rx_queues or not port.tx_queues:
                port.configure(mempool=self.packets)
            port.start()
        if device == "net_ring0":
            self.ring_port = port

    def eal_port(self, device: str) -> Port:
        """The port of a device; of a new one if the old one was closed or removed."""
        try:
            return Port.lookup(device)
        except pydpdk.NotFoundError:
            with contextlib.suppress(OSError, ValueError):
                self.eal.remove_device(device)
            self.eal.add_device(f"{device},size=64" if "null" in device else device)
            return Port.lookup(device)

    def restart(self) -> None:
        """Show that the ports are as they seem, at the target that changed them.

        A port whose device was replaced seems started until it is to start again; a later target
        of the same part may close it before, or not.
        """
        for device in STARTED:
            self.eal_port(device).stop()
            self._start(device)

    def check(self) -> None:
        """Check that everything still works and every pool is full."""
        gc.collect()
        self.tidy()
        for routes in {"fib", "fib6"} & self._made.keys():
            self._made.pop(routes).close()  # routes are objects of a pool
        assert self.ring_port.tx_queues[0].tx(self.full) == 8
        assert self.ring_port.rx_queues[0].rx(self.burst) == 8
        self.burst.free()
        assert [p.name for p in mempools() if p.in_use_count] == []
        assert self.objects.in_use_count == 0
        log.flush()
        self.dismiss()


class _Ended(Stop):
    """A stop that has been requested, so a loop does no round."""

    def __init__(self) -> None:
        super().__init__()
        self.requested = True

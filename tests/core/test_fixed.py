"""Objects are initialized once and keep their public attributes: C relies on their sizes."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import pkgutil
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

import numpy as np
import pytest

import pydpdk
from pydpdk import (
    App,
    Bpf,
    Burst,
    Channel,
    DynField,
    DynFlag,
    Eal,
    EalOptions,
    Fib,
    Fib6,
    Forward,
    Group,
    Hash,
    Link,
    Mempool,
    Memzone,
    Meter,
    ObjectPool,
    Port,
    PortInfo,
    PortStats,
    Process,
    Recovery,
    Responder,
    Ring,
    Switch,
    Where,
    _crossing,
    lcore,
)
from pydpdk._core.eventfd import Eventfd
from pydpdk._core.lifetime import Pin
from pydpdk._dpdk import ffi, lib
from pydpdk.app.compiled import CompiledWorkers
from pydpdk.app.lookup import Lookup
from pydpdk.burst._catalog import find
from pydpdk.burst._known import KnownColumn
from pydpdk.jit.lease import Lease
from pydpdk.memory import events
from pydpdk.memory.extmem import ExternalMemory
from pydpdk.process import messages
from pydpdk.process.channel.readable import Readable
from pydpdk.process.member import Member
from pydpdk.process.messages.requests import Reply
from pydpdk.process.messages.wire import Fds

SAME = {"Observer": "Eal"}
"""Classes without a constructor or attribute of their own, and the class that has them."""
PLAIN = ("host", "config", "cli")
"""Packages that know nothing of C; their dataclasses are Python's."""
VALUES = (None, 0, 1 << 40, -1, b"", np.dtype("V65536"), np.empty(0), ())


def classes() -> Iterator[type]:
    """Yield the classes with instances, of all modules of the package."""
    for found in pkgutil.walk_packages(pydpdk.__path__, "pydpdk."):
        if not found.name.endswith("__main__"):
            importlib.import_module(found.name)
    fixed = [_crossing.Fixed]
    for base in fixed:
        fixed += base.__subclasses__()
    fixed = [cls for cls in fixed if cls.__module__.startswith("pydpdk.")]
    yield from (cls for cls in fixed if not set(cls.__subclasses__()) & set(fixed))


class Maker:
    """Make one object of each class; what must be closed is closed at the end."""

    def __init__(self, eal: Eal, pool: Mempool, burst: Burst, device: Any, stack: ExitStack):
        self.eal, self.pool, self.burst, self.stack = eal, pool, burst, stack
        self.device = device

    def closing(self, thing: Any) -> Any:
        return self.stack.enter_context(thing)

    def port(self) -> Port:
        port: Port = self.device("net_null_fixed,size=64")
        port.configure(mempool=self.pool)
        port.start()
        return port

    def switch(self) -> Switch:
        ports = [self.device(f"net_null_fixed{i}") for i in range(2)]
        for port in ports:
            port.configure(mempool=self.pool)
            port.start()
        made: Switch = self.closing(Switch(ports))
        return made

    def mbuf(self) -> Any:
        self.burst.alloc(self.pool, 4, length=60)
        return self.burst.mbuf(0)

    def message(self) -> Any:
        channel = self.closing(Channel.create("fixed", 8, message_bytes=64))
        channel.send(b"12")
        return self.closing(channel.receive(1.0))

    def zero_copy(self) -> Any:
        ring = self.closing(Ring.create("fixed", 8, producer="single", consumer="single"))
        return self.closing(ring.enqueue_zc(4))

    def forward(self) -> Forward:
        port = self.port()
        return Forward(self.burst, [(port.rx_queues[0], port.tx_queues[0])])

    def watch(self) -> Any:
        return self.closing(events.watch())

    def app(self) -> App:
        return App(None, None, self.eal)  # type: ignore[arg-type]

    def job(self) -> Any:
        job = self.closing(lcore.launch(sum, (1, 2)))
        job.result()
        return job

    def handler(self) -> Any:
        handler = messages.Handler("fixed", print, ffi.new("struct pyd_listener *"))
        self.stack.callback(handler._abandon)  # it was never registered in DPDK
        return handler

    def received(self) -> Any:
        msg = ffi.new("struct rte_mp_msg *", {"name": b"pydpdk:fixed"})
        return messages.MpMessage(msg, b"")

    def extmem(self) -> ExternalMemory:
        c = ffi.new("struct pyd_pool *")
        memory = ExternalMemory(np.zeros(1 << 15, np.uint8), c)
        self.stack.callback(lib.pyd_pool_free, c)
        return memory

    def member(self) -> Member:
        order = type("Order", (), {"name": "fixed"})
        return Member(None, order, 0, threading.Condition())  # type: ignore[arg-type]

    def objects(self) -> ObjectPool:
        made: ObjectPool = self.closing(ObjectPool.create("fixed", 63, "u4"))
        return made


def used(forward: Forward) -> None:
    forward.step()
    forward.burst.free()


Make = Callable[[Maker], Any]
Use = Callable[[Any], object]
U4, U8 = np.arange(4, dtype=np.uint32), np.arange(4, dtype=np.uint64)
CASES: dict[str, tuple[Make, Use]] = {
    "App": (Maker.app, repr),
    "Responder": (lambda m: Responder(["10.0.0.1"], "02:00:00:00:00:01"), repr),
    "Switch": (Maker.switch, lambda s: s.step()),
    "Where": (lambda m: Where("udp?"), repr),
    "Bound": (lambda m: m.mbuf()._burst.columns.bind("mbuf.pkt_len"), lambda b: b()),
    "Bpf": (lambda m: m.closing(Bpf("tcp")), repr),
    "Burst": (lambda m: m.mbuf()._burst, lambda b: (b.lengths, b.columns["mbuf.pkt_len"])),
    "Channel": (
        lambda m: m.closing(Channel.create("fixed", 8, message_bytes=64)),
        lambda c: (c.send(b"1" * 64), c.get(1.0)),
    ),
    "Columns": (lambda m: m.mbuf()._burst.columns, lambda c: c["mbuf.pkt_len"]),
    "CompiledWorkers": (
        lambda m: CompiledWorkers(type("App", (), {"plan": type("Plan", (), {"polls": ()})})),
        repr,
    ),
    "DynField": (
        lambda m: (m.mbuf(), DynField.register("fixed", "u4"))[1],
        lambda f: repr(f),
    ),
    "DynFlag": (lambda m: DynFlag.register("fixed_flag"), lambda f: f.mask),
    "Eal": (lambda m: m.eal, repr),
    "Eventfd": (lambda m: Eventfd(), lambda e: (e.set(), e.clear(), e.fileno())),
    "ExternalMemory": (Maker.extmem, repr),
    "Fds": (lambda m: Fds(), len),
    "Fib": (
        lambda m: m.closing(Fib("fixed", nh_bytes=2, num_tbl8=4)),
        lambda f: (f.add("10.0.0.0/8", 3), f.find(U4)),
    ),
    "Fib6": (
        lambda m: m.closing(Fib6("fixed", nh_bytes=2, num_tbl8=4)),
        lambda f: (f.add("fe00::/8", 3), f.find(np.zeros((4, 16), np.uint8))),
    ),
    "Forward": (Maker.forward, used),
    "Group": (lambda m: m.closing(Group()), repr),
    "Handler": (Maker.handler, repr),
    "Hash": (
        lambda m: m.closing(Hash("fixed", "u4", entries=64)),
        lambda h: (h.add(U4), h.find(U4), h.items()),
    ),
    "Job": (Maker.job, repr),
    "KnownColumn": (lambda m: KnownColumn(find(DynField.register("fixed", "u4"))), repr),
    "Leased": (lambda m: Lease((m.pool,)).args[0], lambda leased: leased.address),
    "Lease": (lambda m: Lease((m.pool,)), lambda lease: lease.args),
    "Lookup": (lambda m: Lookup(None), repr),  # type: ignore[arg-type]
    "Map": (lambda m: m.objects()._map, lambda found: found.arrays()),
    "Mbuf": (Maker.mbuf, bytes),
    "Member": (Maker.member, repr),
    "Mempool": (lambda m: m.pool, lambda p: (p.outstanding(), p.room)),
    "Memzone": (
        lambda m: m.closing(Memzone.reserve("fixed", 64)),
        lambda z: z.as_array().fill(1),
    ),
    "Meter": (lambda m: Meter(1000, 1000, n=8), lambda m: m.color(U4, U4)),
    "ObjectPool": (Maker.objects, lambda p: (p.put(p.get(3)), p.write([62], [1]), p.read([62]))),
    "Pin": (lambda m: Pin(m.pool.address, 64), lambda pin: (pin.view(0, 64), pin.views)),
    "Port": (Maker.port, lambda p: (p.rx_queues[0].rx, p.stats())),
    "Readable": (lambda m: Readable(None), lambda r: (r.look_again(), r.fileno())),
    "Reply": (lambda m: Reply(None, b"1", ()), lambda r: r.data),
    "Ring": (
        lambda m: m.closing(Ring.create("fixed", 8)),
        lambda r: (r.enqueue_bulk(U8), r.dequeue_bulk(U8)),
    ),
    "RxQueue": (lambda m: m.port().rx_queues[0], lambda q: q.packets),
    "TxQueue": (lambda m: m.port().tx_queues[0], lambda q: (q.packets, q.dropped)),
    "Watch": (Maker.watch, lambda w: w.read()),
    "Worker": (lambda m: pydpdk.worker(used), repr),
    "ZeroCopy": (Maker.zero_copy, lambda z: (z.first.fill(7), z.commit(len(z)))),
    "Message": (Maker.message, bytes),
    "MpMessage": (Maker.received, repr),
}
HUGEPAGES = {"Group", "Watch"}


@pytest.fixture
def maker(eal: Eal, pool: Mempool, burst: Burst, device) -> Iterator[Maker]:
    with ExitStack() as stack:
        yield Maker(eal, pool, burst, device, stack)
        burst.free()


def each(names: set[str]) -> list[Any]:
    marks = dict.fromkeys(HUGEPAGES, pytest.mark.hugepages)
    return [pytest.param(name, marks=marks.get(name, ())) for name in sorted(names)]


def public(thing: object) -> list[str]:
    return [name for name in dir(thing) if not name.startswith("_")]


@contextmanager
def rejected(thing: object, name: str) -> Iterator[None]:
    """Expect that an attribute without a setter cannot be set; a setter checks the value."""
    of_class = inspect.getattr_static(type(thing), name, None)
    if isinstance(of_class, property) and of_class.fset is not None:
        with suppress(Exception):
            yield
    else:
        with pytest.raises(AttributeError):
            yield


def test_every_class_has_a_maker():
    assert {cls.__name__ for cls in classes()} - set(SAME) == set(CASES) - set(SAME.values())


@pytest.mark.parametrize("name", each(set(CASES)))
def test_public_attributes_stay(maker: Maker, name: str):
    make, use = CASES[name]
    thing = make(maker)
    for attribute in public(thing):
        for value in VALUES:
            with rejected(thing, attribute):
                setattr(thing, attribute, value)
        with pytest.raises(AttributeError):
            delattr(thing, attribute)
    use(thing)


@pytest.mark.parametrize("name", each(set(CASES)))
def test_an_object_is_initialized_once(maker: Maker, name: str):
    """With any arguments, and also by the constructor of a base class."""
    make, use = CASES[name]
    thing = make(maker)
    bases = [cls for cls in type(thing).__mro__ if isinstance(vars(cls).get("__init__"), ONCE)]
    assert bases or name == "Columns"
    for cls in (type(thing), *bases):
        for arguments in ((), (None,), (thing, 1 << 40), (maker.pool, maker.burst, 3)):
            with pytest.raises(RuntimeError, match="was made already"):
                cls.__init__(thing, *arguments)
    use(thing)


ONCE = _crossing.Once


@pytest.mark.parametrize("made", [Burst, Channel, Lookup, Meter, Ring])
def test_the_signature_of_a_class_is_that_of_its_constructor(made: type):
    """Without `self`, in all versions of inspect."""
    expected = list(inspect.signature(made.__init__.__wrapped__).parameters)[1:]
    assert "self" not in expected
    assert list(inspect.signature(made).parameters) == expected


def test_a_subclass_may_add_attributes(eal):
    class Mine(Meter):
        def __init__(self, n: int) -> None:
            super().__init__(1000, 1000, n=n)
            self.said = n

    mine = Mine(8)
    assert mine.color(U4, U4).tolist() == [0] * 4
    with pytest.raises(RuntimeError):
        mine.__init__(16)  # type: ignore[misc]
    with pytest.raises(RuntimeError):
        Meter.__init__(mine, 1000, 1000, n=16)
    with pytest.raises(AttributeError, match=r"Mine\.said cannot be set"):
        mine.said = 9
    assert (mine.capacity, mine.said) == (8, 8)


def test_one_of_several_threads_initializes_an_object(eal):
    meter = Meter.__new__(Meter)
    ready, results = threading.Barrier(4), []

    def make() -> None:
        ready.wait()
        try:
            meter.__init__(1000, 1000, n=8)  # type: ignore[misc]
            results.append("made")
        except RuntimeError:
            results.append("late")

    threads = [threading.Thread(target=make) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == ["late"] * 3 + ["made"]
    assert meter.color(U4, U4).tolist() == [0] * 4


@pytest.mark.parametrize("name", [1, None, b"n", ()])
def test_the_name_of_an_attribute_is_text(eal, name):
    """`setattr` checks it, the method behind it passes on any object."""
    meter = Meter(1000, 1000, n=8)
    for call in (lambda: meter.__setattr__(name, 1), lambda: meter.__delattr__(name)):
        with pytest.raises(TypeError, match="must be string"):
            call()


def test_an_uninitialized_object_does_not_reach_c(eal):
    """Neither the fast path nor the method: there is no C object yet."""
    for cls, call in (
        (Meter, lambda x: x.color(U4, U4)),
        (Hash, lambda x: x.find(U4)),
        (Burst, lambda x: x.free()),
        (Ring, lambda x: x.dequeue_bulk(U8)),
        (ObjectPool, lambda x: x.get(1)),
        (Forward, lambda x: x.step()),
    ):
        with pytest.raises((AttributeError, TypeError)):
            call(cls.__new__(cls))


def test_the_memory_of_c_does_not_depend_on_python_attributes(eal, pool):
    """Including names that begin with an underscore: C reads what the handle keeps alive."""
    meter = Meter(1000, 1000, n=1 << 16)
    meter._buckets = meter._profile = meter._c = None  # type: ignore[assignment]
    with Burst(8) as burst:
        kept, burst._c = burst._c, None
        over = [np.full(1 << 19, 255, np.uint8) for _ in range(8)]  # over what was freed
        assert meter.color(U4, U4).tolist() == [0] * 4
        assert burst.alloc(pool, 4) == 4
        burst._c = kept
        assert (len(burst), burst.free(), len(over)) == (4, 4, 8)


@pytest.mark.parametrize("dtype", ["u1", "V64"])
def test_keys_have_the_size_that_c_reads(eal, name, dtype: str):
    with Hash(name[:20], "V16", entries=64) as table:
        table.add(np.zeros(1, "V16"))
        kept = vars(table)["dtype"]
        vars(table)["dtype"] = np.dtype(dtype)
        keys = np.zeros(64, dtype)
        calls = (lambda: table.find(keys), lambda: table.add(keys), lambda: table.delete(keys))
        for call in (table.items, *calls):
            with pytest.raises(ValueError, match="keys have 16 bytes"):
                call()
        vars(table)["dtype"] = kept
        assert len(table.items()[0]) == 1


def test_the_length_of_a_zone_cannot_be_changed(eal, name):
    """Its description belongs to the user, and C does not read it."""
    with Memzone.reserve(name, 64) as zone:
        info = zone.info
        object.__setattr__(info, "len", 1 << 40)
        with pytest.raises(ValueError, match="shape"):
            zone.as_array(np.uint8, 4096)


def test_dataclasses_are_initialized_once():
    """Dataclasses: all of the binding are frozen."""
    list(classes())
    found = [
        cls
        for module in list(sys.modules.values())
        if module.__name__.startswith("pydpdk.") and module.__name__.split(".")[1] not in PLAIN
        for cls in vars(module).values()
        if dataclasses.is_dataclass(cls) and cls.__module__ == module.__name__
    ]
    assert {PortStats, EalOptions, Link, PortInfo, Process, Recovery} < set(found)
    for cls in found:
        made = object.__new__(cls)
        for field in dataclasses.fields(cls):
            object.__setattr__(made, field.name, 1)
        with pytest.raises(RuntimeError, match="was made already"):
            made.__init__()
        for field in dataclasses.fields(cls):
            with pytest.raises(dataclasses.FrozenInstanceError):
                setattr(made, field.name, 2)

"""Calls that leave everything as it was: of verbs that C serves, and of what `_crossing` has."""

from __future__ import annotations

import importlib
import pkgutil
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from types import MethodDescriptorType
from typing import Any, NamedTuple

import numpy as np

import pydpdk
from pydpdk import (
    Bpf,
    Burst,
    Eal,
    Fib,
    Fib6,
    Forward,
    Hash,
    Mempool,
    Meter,
    ObjectPool,
    Port,
    Ring,
    Where,
)
from pydpdk._crossing import Locked, Undo

N = 8
ALL, NONE, EVEN = np.ones(N, bool), np.zeros(N, bool), np.arange(N) % 2 == 0
U2, U4, U8 = (np.arange(N, dtype=kind) for kind in (np.uint16, np.uint32, np.uint64))
BYTES = np.arange(N * 6, dtype=np.uint8).reshape(N, 6)
V16 = np.zeros((N, 16), np.uint8)
IDS = np.empty(N, np.intp)
SEVERAL = ("ipv4.src_addr", "ether.dst_addr", "flow.hash", "udp?")
FRAME = (
    bytes.fromhex("020000000002020000000001") + b"\x08\x00"
    b"\x45\x00\x00\x3c\x00\x00\x00\x00\x40\x11\x00\x00\xc6\x12\x4f\1\xc6\x12\x4f\2"
    b"\x03\xe8\x07\xd0\x00\x28\x00\x00" + bytes(32)
)
Call = Callable[[], object]


class Case(NamedTuple):
    """A call that is repeated.

    Attributes
    ----------
    verbs
        The entries that it goes through, as `Class.method`.
    watched
        Objects to which it may leave no reference.
    """

    verbs: tuple[str, ...]
    call: Call
    watched: tuple[object, ...] = ()


def classes() -> Iterator[type]:
    """Yield the classes of all modules of the package that are written in Python."""
    for found in pkgutil.walk_packages(pydpdk.__path__, "pydpdk."):
        if found.name.endswith(("__main__", "._crossing", "._dpdk")):
            continue
        module = importlib.import_module(found.name)
        for value in vars(module).values():
            if isinstance(value, type) and value.__module__ == module.__name__:
                yield value


def served() -> set[str]:
    """Return the methods that C serves, as `Class.method`."""
    found = set()
    for cls in classes():
        for name, value in vars(cls).items():
            method = value.fget if isinstance(value, property) else value
            installed = isinstance(method, MethodDescriptorType) and method.__objclass__ is cls
            if installed:
                found.add(f"{cls.__name__}.{name}")
    return found


def refused(method: Callable[..., object]) -> Call:
    """Return a call with arguments that no entry takes: the method in Python raises."""
    wrong = object()

    def call() -> None:
        with suppress(TypeError, ValueError):
            method(wrong, wrong, wrong, wrong)
            raise AssertionError(f"{method} takes {wrong}")

    return call


def invalid(method: Callable[..., object], *arguments: object) -> Call:
    """Return a call that C refuses."""

    def call() -> None:
        with suppress(pydpdk.DpdkError, pydpdk.InUseError, TypeError, ValueError):
            method(*arguments)
            raise AssertionError(f"{method} takes {arguments}")

    return call


class World:
    """The objects of the cases."""

    def __init__(self, eal: Eal, stack: ExitStack) -> None:
        self.eal, self.stack = eal, stack
        self.pool = self.opened(Mempool.create("references", 511))
        self.burst, self.even, self.odd = (self.opened(Burst(2 * N)) for _ in range(3))
        self.burst.alloc(self.pool, N)
        self.burst.fill([FRAME] * N)
        stack.callback(lambda: [b.free() for b in (self.burst, self.even, self.odd)])

    def opened(self, thing: Any) -> Any:
        return self.stack.enter_context(thing)

    def port(self, devargs: str) -> Port:
        port = Port.lookup(self.eal.add_device(devargs))
        self.stack.callback(self.eal.remove_device, devargs.partition(",")[0])
        port.configure(mempool=self.pool)
        port.start()
        return port

    def moved(self) -> None:
        """Take half of the packets out, and back."""
        self.burst.take(EVEN, self.even)
        self.even.take(ALL[: N // 2], self.burst)

    def parted(self, classes: Any) -> None:
        self.burst.split(classes, (self.even, self.odd))
        self.even.take(ALL[: len(self.even)], self.burst)
        self.odd.take(ALL[: len(self.odd)], self.burst)

    def allocated(self) -> None:
        self.even.alloc(self.pool, 4, length=60)
        self.even.free()

    def tagged(self, tci: Any) -> None:
        self.burst.vlan_push(tci)
        self.burst.vlan_pop()

    def longer(self, data: Any, length: Any) -> None:
        self.burst.prepend(data)
        self.burst.adj(length)


def burst_cases(world: World) -> dict[str, Case]:
    burst, columns = world.burst, world.burst.columns
    into = (world.even, world.odd)
    calls: dict[str, tuple[str, Call]] = {
        "lengths": ("lengths", lambda: burst.lengths),
        "alloc, free": ("alloc free", world.allocated),
        "alloc of too many": ("alloc", invalid(world.even.alloc, world.pool, 4 * N)),
        "peek": ("peek", lambda: burst.peek(12, 9)),
        "peek from a header": ("peek", lambda: burst.peek(0, 4, header="udp")),
        "peek of too many": ("peek", invalid(burst.peek, 0, 1 << 20)),
        "poke bytes": ("poke", lambda: burst.poke(46, b"abc")),
        "poke array": ("poke", lambda: burst.poke(46, BYTES)),
        "keep": ("keep", lambda: burst.keep(ALL)),
        "drop": ("drop", lambda: burst.drop(NONE)),
        "drop of a list": ("drop", lambda: burst.drop(np.array([False] * N))),
        "take": ("take", world.moved),
        "split": ("split", lambda: world.parted(U4 % 2)),
        "split by a mask": ("split", lambda: world.parted(EVEN)),
        "split into itself": ("split", invalid(burst.split, U4 % 2, (burst, burst))),
        "set_header_lengths": ("set_header_lengths", burst.set_header_lengths),
        "swap_macs": ("swap_macs", burst.swap_macs),
        "rewrite array": ("rewrite", lambda: burst.rewrite("ipv4.src_addr", U4)),
        "rewrite number": ("rewrite", lambda: burst.rewrite("l4.dst_port", 53)),
        "rewrite of another number": (
            "rewrite",
            invalid(burst.rewrite, "ipv4.src_addr", 1 << 40),
        ),
        "decrement_ttl": ("decrement_ttl", burst.decrement_ttl),
        "verify_checksums": ("verify_checksums", burst.verify_checksums),
        "compute_checksums": ("compute_checksums", burst.compute_checksums),
        "vlan_push array, vlan_pop": ("vlan_push vlan_pop", lambda: world.tagged(U2)),
        "vlan_push number, vlan_pop": ("vlan_push vlan_pop", lambda: world.tagged(5)),
        "vlan_push of another number": ("vlan_push", invalid(burst.vlan_push, 1 << 16)),
        "prepend, adj": ("prepend adj", lambda: world.longer(b"tunnel", 6)),
        "prepend array, adj array": ("prepend adj", lambda: world.longer(BYTES, U4 * 0 + 6)),
        "adj of too many": ("adj", invalid(burst.adj, 1 << 20)),
    }
    watched = (burst, world.even, world.odd, world.pool, into, EVEN, ALL, NONE, U2, U4, BYTES)
    cases = {
        f"Burst.{name}": Case(tuple(f"Burst.{verb}" for verb in verbs.split()), call, watched)
        for name, (verbs, call) in calls.items()
    }
    for name in sorted(verb for verb in served() if verb.startswith("Burst.")):
        method = getattr(burst, name.partition(".")[2])
        if callable(method):
            cases[f"{name} of wrong arguments"] = Case((), refused(method), (burst, method))
    bound = burst.columns.bind(*SEVERAL)
    reads = {
        "number": "ipv4.src_addr", "bytes": "ether.dst_addr", "bool": "udp.dst_port?",
        "record": "flow.tuple", "several": SEVERAL,
    }  # fmt: skip
    for what, key in reads.items():
        cases[f"columns[{what}]"] = Case(
            ("Columns.__getitem__",), lambda key=key: columns[key], (key, columns, burst)
        )
    cases["columns[none]"] = Case(
        ("Columns.__getitem__",), refused(columns.__getitem__), (columns, burst)
    )
    cases["columns[...] = array"] = Case(
        ("Columns.__setitem__",), lambda: columns.__setitem__("ipv4.src_addr", U4), (U4, columns)
    )
    cases["columns[...] = number"] = Case(
        ("Columns.__setitem__",), lambda: columns.__setitem__("udp.dst_port", 53), (columns,)
    )
    cases["burst.columns"] = Case((), lambda: burst.columns, (burst,))
    cases["bound columns"] = Case(("Bound._fill",), bound, (bound, burst))
    return cases


def moving_cases(world: World) -> dict[str, Case]:
    """Queues, rings, pools of objects."""
    burst, opened = world.burst, world.opened
    loop, through = world.port("net_ring_r0"), world.port("net_ring_r1")
    rx, tx = loop.rx_queues[0], loop.tx_queues[0]
    forward = Forward(world.odd, [(through.rx_queues[0], through.tx_queues[0])])
    world.even.alloc(world.pool, 4, length=60)
    through.tx_queues[0].tx(world.even)
    values = opened(Ring.create("references", 2 * N, element="u4"))
    mbufs = opened(Ring.create("references_mbufs", 2 * N, element="mbuf"))
    objects = opened(ObjectPool.create("objects", 63, "u4"))
    room = np.empty(N, np.uint32)
    out = np.empty(N, np.intp)
    watched = (burst, rx, tx, values, mbufs, objects, room, out, U4)
    calls: dict[str, tuple[str, Call]] = {
        "tx, rx": ("TxQueue.tx RxQueue.rx", lambda: (tx.tx(burst), rx.rx(burst))),
        "rx into a full burst": ("RxQueue.rx", invalid(rx.rx, burst)),
        "rx into nothing": ("RxQueue.rx", refused(rx.rx)),
        "tx of nothing": ("TxQueue.tx", refused(tx.tx)),
        "step": ("Forward.step", forward.step),
        "enqueue_burst, dequeue_burst": (
            "Ring.enqueue_burst Ring.dequeue_burst",
            lambda: (values.enqueue_burst(U4), values.dequeue_burst(room)),
        ),
        "enqueue_bulk, dequeue_bulk": (
            "Ring.enqueue_bulk Ring.dequeue_bulk",
            lambda: (values.enqueue_bulk(U4), values.dequeue_bulk(room)),
        ),
        "enqueue_bulk of another dtype": ("Ring.enqueue_bulk", invalid(values.enqueue_bulk, U2)),
        "enqueue_bulk of nothing": ("Ring.enqueue_bulk", refused(values.enqueue_bulk)),
        "ring.tx, ring.rx": ("Ring.tx Ring.rx", lambda: (mbufs.tx(burst), mbufs.rx(burst))),
        "ring.tx in bulk": (
            "Ring.tx Ring.rx",
            lambda: (mbufs.tx(burst, bulk=True), mbufs.rx(burst, n=N)),
        ),
        "ring.tx of nothing": ("Ring.tx", refused(mbufs.tx)),
        "get, put": ("ObjectPool.get ObjectPool.put", lambda: objects.put(objects.get(N))),
        "get out, put": (
            "ObjectPool.get ObjectPool.put",
            lambda: objects.put(objects.get(N, out=out)),
        ),
        "get of nothing": ("ObjectPool.get", refused(objects.get)),
    }
    return {
        name: Case(tuple(verbs.split()), call, watched) for name, (verbs, call) in calls.items()
    }


def table_cases(world: World) -> dict[str, Case]:
    burst, opened = world.burst, world.opened
    fib = opened(Fib("references", nh_bytes=2, num_tbl8=4))
    fib6 = opened(Fib6("references6", nh_bytes=2, num_tbl8=4))
    table = opened(Hash("references", "u4", entries=64))
    table.add(U4)
    bpf = opened(Bpf("udp"))
    meter, where = Meter(1000, 1000, n=N), Where("udp.dst_port == 53 or vlan?")
    watched = (burst, fib, fib6, table, bpf, where, meter, U4, V16)
    calls: dict[str, tuple[str, Call]] = {
        "Fib.find": ("Fib.find Routes.find", lambda: fib.find(U4)),
        "Fib6.find": ("Fib6.find Routes.find", lambda: fib6.find(V16)),
        "Fib6.find of another shape": ("Fib6.find", invalid(fib6.find, BYTES)),
        "Hash.find": ("Hash.find", lambda: table.find(U4)),
        "Hash.find of another shape": ("Hash.find", invalid(table.find, BYTES)),
        "Meter.color": ("Meter.color", lambda: meter.color(U4, U4)),
        "Meter.color of another flow": ("Meter.color", invalid(meter.color, U4 + N, U4)),
        "Bpf.match": ("Bpf.match", lambda: bpf.match(burst)),
        "Bpf.match of nothing": ("Bpf.match", refused(bpf.match)),
        "Where.match": ("Where.match", lambda: where.match(burst)),
        "Where.match of nothing": ("Where.match", refused(where.match)),
    }
    return {
        name: Case(tuple(verbs.split()), call, watched) for name, (verbs, call) in calls.items()
    }


def lifetime_cases(world: World) -> dict[str, Case]:
    """What `_crossing` has beside the verbs."""
    untouched = world.opened(Burst(1))
    untouched.alloc(world.pool, 1, length=60)
    world.stack.callback(untouched.free)
    lock, mbuf = threading.Lock(), untouched.mbuf(0)
    meter = Meter(1000, 1000, n=N)

    def failing(*_: object) -> None:
        raise KeyError

    def block(*arguments: Any) -> None:
        with suppress(KeyError), Locked(lock, *arguments):
            pass

    def left() -> None:
        """Leave a block where its frame is freed."""

        def inside() -> Iterator[None]:
            with Locked(lock):
                yield

        next(inside())

    def undone(error: type[Exception] | None) -> None:
        with suppress(KeyError), Undo(failing, lock):
            if error is not None:
                raise error

    def again() -> None:
        with suppress(RuntimeError):
            meter.__init__(1000, 1000, n=N)  # type: ignore[misc]

    def assign() -> None:
        with suppress(AttributeError):
            meter.capacity = 1  # type: ignore[misc]
        with suppress(AttributeError):
            del meter.capacity

    calls: dict[str, Call] = {
        "a new object": lambda: Meter(1000, 1000, n=N),
        "a second __init__": again,
        "a second value": assign,
        "Locked": block,
        "Locked with a check that raises": lambda: block(failing),
        "Locked that is freed": left,
        "Undo of nothing": lambda: undone(None),
        "Undo": lambda: undone(KeyError),
        "a buffer": lambda: memoryview(mbuf),
        "bytes of an mbuf": lambda: bytes(mbuf),
    }
    return {
        name: Case((), call, (lock, meter, mbuf, failing, KeyError)) for name, call in calls.items()
    }


def all_cases(world: World) -> dict[str, Case]:
    return {
        **burst_cases(world),
        **moving_cases(world),
        **table_cases(world),
        **lifetime_cases(world),
    }

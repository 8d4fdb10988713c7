"""Call everything public with values that nobody should pass; run by test_hostile_api.py.

Each call is announced before it is made, so that one that ends the process is known. What comes
out must be a result or a documented exception.

    hostile.py calls <part> <parts>      on one EAL, in this process
    hostile.py init <part> <parts>       each `init` in a child of its own
"""

from __future__ import annotations

import contextlib
import faulthandler
import gc
import itertools
import os
import sys
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from hostile_channel import Channels, channel_calls
from hostile_memory import Pools, pool_calls

import pydpdk
from pydpdk import Burst, Forward, Mempool, Memzone, Port, Ring, _lifetime
from pydpdk.memory.dynfield import DynField, DynFlag
from pydpdk.memory.flags import ol_flag_names
from pydpdk.memory.mempool import mempools
from pydpdk.ring import ZeroCopy

DOCUMENTED = (
    ValueError, TypeError, OSError, RuntimeError, BufferError, IndexError, OverflowError,
)  # fmt: skip
PREFIX = os.environ["TEST_PREFIX"]
HUGEPAGES = os.environ["TEST_MEMORY"] == "hugepages"
LCORE = min(os.sched_getaffinity(0))
_names = (f"h{i}" for i in itertools.count())


class Index:
    """An integer by its own word."""

    def __init__(self, value: int) -> None:
        self.value = value

    def __index__(self) -> int:
        return self.value

    def __repr__(self) -> str:
        return f"Index({self.value})"


class Liar:
    """Answers to every attribute."""

    def __getattr__(self, name: str) -> Liar:
        return self

    def __repr__(self) -> str:
        return "Liar()"


PLAIN: list[Any] = [
    0, -1, 1, 3, 65535, 65536, 1 << 31, (1 << 32) - 1, 1 << 63, 1 << 64, -(1 << 70), 1 << 200,
    1.5, float("nan"), float("inf"), None, True, False, 1j,
    "", "x" * 31, "x" * 300, "é", "a\0b", "\ud800", "%s%n%p", "../../x", "net_null_h", "-1",
    b"", b"bytes", bytearray(3), memoryview(b"abc"), [], (), {}, [None], ["x"], [[1]], {1: 2},
    object, object(), print, np.zeros(3), np.zeros(3, np.uint64), np.int8(5), np.uint64(1 << 63),
    np.float64("nan"), np.array(7), Index(1), Index(-1), Index(1 << 40), Liar(),
]  # fmt: skip


class House:
    """One of each, and things that are closed."""

    def __init__(self) -> None:
        vdevs = ("net_null0,size=64", "net_ring0", "net_null1")
        self.eal = pydpdk.init(
            file_prefix=PREFIX, hugepages=HUGEPAGES, lcores=(LCORE,), vdevs=vdevs
        )
        self.pool = Mempool.create("pool", 511, cache_size=0)
        self.burst, self.other = Burst(8), Burst(8)
        self.values, self.mbufs = (
            Ring.create("values", 16),
            Ring.create("mbufs", 16, element="mbuf"),
        )
        self.slots = Ring.create("slots", 16, element="V12", producer="hts", consumer="single")
        self.zone = Memzone.reserve("zone", 4096)
        self.port, self.ring_port, self.idle = map(
            Port.lookup, ("net_null0", "net_ring0", "net_null1")
        )
        for port in (self.port, self.ring_port):
            port.configure(mempool=self.pool)
            port.start()
        self.pools = Pools()
        self.channels = Channels()
        self.kept = set(map(id, _lifetime.owners()))
        self.closed = self._closed()

    def _closed(self) -> list[Any]:
        gone = [
            Burst(1), Memzone.reserve("g1", 64), Ring.create("g2", 16),
            Ring.create("g3", 16, element="mbuf"), Mempool.create("g4", 127, cache_size=0),
        ]  # fmt: skip
        for owner in gone:
            owner.close()
        return gone

    def hostile(self) -> list[Any]:
        foreign = [self.pool, self.burst, self.values, self.mbufs, self.zone, self.port, self.eal]
        return [*PLAIN, *foreign, self.port.rx[0], self.port.tx[0], *self.closed]

    def full(self) -> Burst:
        """A burst with packets."""
        if not self.other:
            self.other.alloc(self.pool, 8, length=60)
        return self.other

    def tidy(self) -> None:
        """Undo what a call that succeeded has done."""
        gc.collect(0)
        self.channels.tidy()
        for owner in _lifetime.owners():
            if id(owner) not in self.kept and owner.rank > 0:
                owner.close(force=True)
        for burst in (self.burst, self.other):
            burst.free()
        while self.mbufs.rx(self.burst) or self.ring_port.rx[0].rx(self.burst):
            self.burst.free()
        for port in (self.port, self.ring_port):
            if port.state != "started":
                if port.state == "unconfigured" or not port.rx or not port.tx:
                    port.configure(mempool=self.pool)
                port.start()
        with contextlib.suppress(OSError):
            self.eal.remove_device("net_null_h")

    def check(self) -> None:
        """All of it still works, and every pool is full."""
        with self.full() as burst:
            assert self.ring_port.tx[0].tx(burst) == 8
        assert self.ring_port.rx[0].rx(self.burst) == 8
        self.burst.free()
        assert [p.name for p in mempools() if p.in_use_count] == []


Call = Callable[[Any], Any]


def new(kind: Any, method: str, *args: Any, **fixed: Any) -> Callable[..., Any]:
    """Make a thing under a name that is free."""
    return lambda *a, **k: getattr(kind, method)(next(_names), *args, *a, **{**fixed, **k})


def calls(h: House) -> Iterator[tuple[str, Call]]:
    """Every public callable, each with one argument open."""
    yield from pool_calls(h.pools, _names)
    yield from channel_calls(h.channels, h.burst, _names)
    for some in (memory_calls, ring_calls, burst_calls, mbuf_calls, port_calls):
        yield from some(h)


def memory_calls(h: House) -> Iterator[tuple[str, Call]]:

    yield "Memzone.reserve name", lambda v: Memzone.reserve(v, 64)
    yield "Memzone.reserve size", lambda v: new(Memzone, "reserve")(v)
    for key in ("align", "socket_id"):
        yield f"Memzone.reserve {key}", lambda v, k=key: new(Memzone, "reserve", 64)(**{k: v})
    yield "Memzone.array dtype", lambda v: h.zone.array(v)
    yield "Memzone.array shape", lambda v: h.zone.array("u1", v)
    yield "Memzone.array shape item", lambda v: h.zone.array("u8", (v, 2))
    yield "Mempool.create name", lambda v: Mempool.create(v, 127, cache_size=0)
    yield "Mempool.create n", lambda v: new(Mempool, "create")(v, cache_size=0)
    for key in ("cache_size", "priv_size", "data_room_size", "socket_id", "ops_name"):
        fixed = {} if key == "cache_size" else {"cache_size": 0}
        yield (
            f"Mempool.create {key}",
            lambda v, k=key, f=fixed: new(Mempool, "create", 127, **f)(**{k: v}),
        )


def zero_copy(slots: ZeroCopy, *commit: object) -> None:
    with slots:
        if commit:
            slots.commit(*commit)  # type: ignore[arg-type]


def ring_calls(h: House) -> Iterator[tuple[str, Call]]:
    yield "Ring.create name", lambda v: Ring.create(v, 16)
    yield "Ring.create size", lambda v: new(Ring, "create")(v)
    yield "Ring.create size exact", lambda v: new(Ring, "create")(v, exact_size=True)
    for key in ("element", "producer", "consumer", "exact_size", "socket_id"):
        yield f"Ring.create {key}", lambda v, k=key: new(Ring, "create", 16)(**{k: v})
    for kind in (Memzone, Mempool, Ring, Port):
        yield f"{kind.__name__}.lookup", lambda v, k=kind: k.lookup(v)
    yield "Ring.lookup element", lambda v: Ring.lookup("values", element=v)
    yield (
        "Ring.lookup element of another's",
        lambda v: Ring.lookup("ETH_RXTX0_net_ring0", element=v),
    )
    for method in ("enqueue_burst", "enqueue_bulk", "dequeue_burst", "dequeue_bulk"):
        yield f"Ring.{method}", lambda v, m=method: getattr(h.values, m)(v)
        yield f"Ring.{method} of mbufs", lambda v, m=method: getattr(h.mbufs, m)(v)
    for method in ("tx", "rx"):
        yield f"Ring.{method}", lambda v, m=method: getattr(h.mbufs, m)(v)
        yield f"Ring.{method} of values", lambda v, m=method: getattr(h.values, m)(v)
        yield f"Ring.{method} bulk", lambda v, m=method: getattr(h.mbufs, m)(h.burst, bulk=v)
    for method in ("enqueue_zc", "dequeue_zc"):
        yield f"Ring.{method}", lambda v, m=method: zero_copy(getattr(h.slots, m)(v))
        yield f"Ring.{method} bulk", lambda v, m=method: zero_copy(getattr(h.slots, m)(1, bulk=v))
        yield f"Ring.{method} commit", lambda v, m=method: zero_copy(getattr(h.slots, m)(2), v)
        yield f"Ring.{method} of mbufs", lambda v, m=method: zero_copy(getattr(h.mbufs, m)(v))
    yield "Ring.rx n", lambda v: h.mbufs.rx(h.burst, n=v)


def burst_calls(h: House) -> Iterator[tuple[str, Call]]:
    yield "Burst", lambda v: Burst(v)
    yield "Burst.alloc mempool", lambda v: h.burst.alloc(v)
    yield "Burst.alloc n", lambda v: h.burst.alloc(h.pool, v)
    yield "Burst.alloc length", lambda v: h.burst.alloc(h.pool, 1, length=v)
    yield "Burst.fill", lambda v: h.full().fill(v)
    yield "Burst.fill item", lambda v: h.full().fill([v] * 8)
    yield "Burst.fill of none", lambda v: h.burst.fill(v)
    for method in ("__getitem__", "view", "bytes", "mbuf"):
        yield f"Burst.{method}", lambda v, m=method: getattr(h.full(), m)(v)
    rx, tx = h.port.rx[0], h.port.tx[0]
    yield "Forward burst", lambda v: Forward(v, [(rx, tx)]).step()
    yield "Forward hops", lambda v: Forward(h.burst, v).step()
    yield "Forward hop", lambda v: Forward(h.burst, [v]).step()
    yield "Forward rxq", lambda v: Forward(h.burst, [(v, tx)]).step()
    yield "Forward txq", lambda v: Forward(h.burst, [(rx, v)]).step()
    yield "Forward mode", lambda v: Forward(h.burst, [(rx, tx)], v).step()
    for verb in ("append", "prepend", "adj", "trim"):
        yield f"Mbuf.{verb}", lambda v, m=verb: getattr(h.full().mbuf(0), m)(v)
    for key in ("ol_flags", "vlan_tci"):
        yield f"Mbuf.{key}", lambda v, k=key: setattr(h.full().mbuf(0), k, v)


def mbuf_calls(h: House) -> Iterator[tuple[str, Call]]:
    def m() -> Any:
        return h.full().mbuf(0)

    for verb in ("chain", "attach", "read", "set_tx_offload", "__getitem__"):
        yield f"Mbuf.{verb}", lambda v, k=verb: getattr(m(), k)(v)
    yield "Mbuf.read length", lambda v: m().read(1, v)
    yield "Mbuf.__setitem__", lambda v: m().__setitem__(v, 1)
    for key in ("l2_len", "l3_len", "l4_len", "tso_segsz", "outer_l2_len", "outer_l3_len"):
        yield f"Mbuf.set_tx_offload {key}", lambda v, k=key: m().set_tx_offload(0, **{k: v})
    for verb in ("clone", "copy"):
        yield f"Mbuf.{verb} mempool", lambda v, k=verb: getattr(m(), k)(v, h.burst)
        yield f"Mbuf.{verb} burst", lambda v, k=verb: getattr(m(), k)(h.pool, v)
        yield f"Burst.{verb}_of burst", lambda v, k=verb: getattr(h.burst, f"{k}_of")(v, h.pool)
        yield f"Burst.{verb}_of", lambda v, k=verb: getattr(h.burst, f"{k}_of")(h.full(), v)
    for key in ("offset", "length"):
        yield f"Mbuf.copy {key}", lambda v, k=key: m().copy(h.pool, h.burst, **{k: v})
        yield f"Burst.copy_of {key}", lambda v, k=key: h.burst.copy_of(h.full(), h.pool, **{k: v})
    yield "Burst.fill long", lambda v: h.full().fill([b"x" * 9000, v, *[b"y"] * 6])
    # registered names stay for the life of the EAL, so few of them may succeed
    for kind in (DynField, DynFlag):
        yield f"{kind.__name__}.lookup", lambda v, k=kind: k.lookup(v)
        yield f"{kind.__name__}.register", lambda v, k=kind: k.register(v)
    yield "DynField.register dtype", lambda v: DynField.register("one", v)
    yield "DynField.register align", lambda v: DynField.register("two", "u2", align=v)
    field, flag = DynField.register("three", "u4"), DynFlag.register("four")
    yield "Mbuf[DynField]", lambda v: m().__setitem__(field, v)
    yield "Mbuf[DynFlag]", lambda v: m().__setitem__(flag, v)
    yield "ol_flag_names", ol_flag_names
    yield "Mempool.create_extbuf name", lambda v: Mempool.create_extbuf(v, np.zeros(1 << 16, "u1"))
    yield "Mempool.create_extbuf memory", lambda v: new(Mempool, "create_extbuf")(v)
    for key in ("n", "cache_size", "priv_size", "data_room_size", "socket_id"):
        yield (
            f"Mempool.create_extbuf {key}",
            lambda v, k=key: new(Mempool, "create_extbuf", np.zeros(1 << 16, "u1"))(**{k: v}),
        )


def port_calls(h: House) -> Iterator[tuple[str, Call]]:
    yield "RxQueue.rx", lambda v: h.port.rx[0].rx(v)
    yield "TxQueue.tx", lambda v: h.port.tx[0].tx(v)
    for key in (
        "mempool", "nb_rx_queues", "nb_tx_queues", "nb_rx_desc", "nb_tx_desc", "mtu", "rss",
        "rx_offloads", "tx_offloads",
    ):  # fmt: skip
        yield (
            f"Port.configure {key}",
            lambda v, k=key: h.idle.configure(**{"mempool": h.pool, k: v}),
        )
        yield (
            f"Port.configure {key} started",
            lambda v, k=key: h.port.configure(**{"mempool": h.pool, k: v}),
        )
    yield "Port.configure mempool, tx only", lambda v: h.idle.configure(mempool=v, nb_rx_queues=0)
    for key in ("mtu", "mac", "promiscuous"):
        yield f"Port.{key}", lambda v, k=key: setattr(h.port, k, v)
    yield "Port.set_link", lambda v: h.port.set_link(up=v)
    yield "Eal.add_device", lambda v: h.eal.add_device(v)
    yield "Eal.add_device args", lambda v: h.eal.add_device(f"net_null_h,size={v}")
    yield "Eal.add_device key", lambda v: h.eal.add_device(f"net_null_h,{v}")
    yield "Eal.remove_device", lambda v: "net_" in repr(v) or h.eal.remove_device(v)
    yield "init", lambda v: pydpdk.init(v)


OPTIONS = [
    "lcores", "main_lcore", "hugepages", "memory_mb", "file_prefix", "proc_type", "iova_mode",
    "in_memory", "single_file_segments", "allow", "block", "pci", "vdevs", "log_level",
    "telemetry", "base_virtaddr", "extra", "options",
]  # fmt: skip
ARGUMENTS = [
    "-h", "--help", "-v", "-vh", "-", "--", "---", "-x", "--no-huge", "--no-huge=1", "-m", "-m0",
    "-m-1", "-m99999999999", "-n0", "-r99", "--log-level", "--log-level=", "--log-level=help",
    "--log-level=:::", "--socket-mem=1,2,3,4,5,6,7,8,9", "--socket-limit=x", "--vdev", "--vdev=",
    "--vdev=,", "--vdev=net_null0,size=", "--vdev=net_null0,,,,", "--vdev=net_pcap0",
    "--iova-mode=x", "--main-lcore=-1", "--main-lcore=999", "--proc-type=x", "--huge-dir=/",
    "--huge-dir=", "--base-virtaddr=0", "--base-virtaddr=x", "--base-virtaddr=0xffffffffffffffff",
    "--legacy-mem", "--in-memory", "--match-allocations", "--huge-unlink=x", "--no-shconf",
    "--single-file-segments", "--create-uio-dev", "--force-max-simd-bitwidth=7", "--no-hpet",
    "--vmware-tsc-map", "--mbuf-pool-ops-name=nope", "--syslog=x", "--vfio-intr=x", "-dnope.so",
    "-a", "-ax", "-bx", "--huge-worker-stack=-1", "--trace-bufsz=x", "--vfio-vf-token=x",
    "e" * 4096,
]  # fmt: skip


def inits() -> Iterator[tuple[str, dict[str, Any]]]:
    """Options of `init`, each with a value that it should not have."""
    for option in OPTIONS:
        for value in PLAIN:
            yield f"{option}={value!r:.60}", {option: value}
            if option in ("allow", "block", "vdevs", "extra", "lcores", "log_level", "memory_mb"):
                yield f"{option}=({value!r:.60},)", {option: (value,)}
    for argument in ARGUMENTS:
        yield f"extra=({argument!r:.60},)", {"extra": (argument,)}


def attempt(what: str, call: Callable[[], Any]) -> None:
    """Make one call; report an exception that is not documented."""
    sys.stdout.write(f"{what}\n")
    sys.stdout.flush()
    faulthandler.dump_traceback_later(30, exit=True)
    try:
        call()
    except DOCUMENTED:
        pass
    except Exception as error:
        sys.stdout.write(f"UNDOCUMENTED {what}: {error!r}\n")
    faulthandler.cancel_dump_traceback_later()


def run_calls(part: int, parts: int) -> int:
    h = House()
    done = 0
    for i, (what, call) in enumerate(calls(h)):
        if i % parts != part:
            continue
        for value in h.hostile():
            attempt(f"{what}: {value!r:.80}", lambda v=value, c=call: c(v))
            h.tidy()
            done += 1
    h.check()
    h.eal.close()
    return done


def run_inits(part: int, parts: int) -> int:
    done = 0
    for what, options in itertools.islice(inits(), part, None, parts):
        done += 1
        sys.stdout.flush()
        pid = os.fork()
        if pid == 0:
            attempt(f"init {what}", lambda o=options: start(o))
            sys.stdout.flush()
            os._exit(7)
        status = os.waitpid(pid, 0)[1]
        if status != 7 << 8:
            sys.stdout.write(f"DIED init {what}: {status}\n")
    return done


def start(options: dict[str, Any]) -> None:
    chosen = {"file_prefix": PREFIX, "hugepages": HUGEPAGES, "lcores": (LCORE,), **options}
    # a name that would be taken is one that the test could not look after
    if "file_prefix" in options and isinstance(options["file_prefix"], str | None):
        chosen["file_prefix"] = f"{PREFIX}{options['file_prefix'] or '%'}"
    pydpdk.init(**chosen).close()


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    faulthandler.enable()
    kind, part, parts = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    n = {"calls": run_calls, "init": run_inits}[kind](part, parts)
    sys.stdout.write(f"DONE {n}\n")

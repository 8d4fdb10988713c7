"""Calls that make, close, launch and free, and what must hold after one is interrupted."""

from __future__ import annotations

import itertools
import select
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np

from pydpdk import (
    Bpf,
    Burst,
    Channel,
    Eal,
    Fib,
    Fib6,
    Hash,
    Mempool,
    Memzone,
    ObjectPool,
    Port,
    Ring,
    lcore,
    messages,
)
from pydpdk._core import lifetime
from pydpdk.errors import ClosedError
from pydpdk.memory import events

_numbers = itertools.count()


def new_name() -> str:
    return f"i{next(_numbers)}"


@dataclass
class Case:
    """One call.

    Attributes
    ----------
    make
        Makes what the call needs.
    call
        Gets it; this call is interrupted.
    look
        Gets it afterwards; raises if an object is neither open and usable nor closed.
    end
        Closes what `make` made.
    """

    name: str
    make: Callable[[], Any]
    call: Callable[[Any], object]
    look: Callable[[Any], object] = lambda made: None
    end: Callable[[Any], object] = lambda made: None


def closable(made: Any) -> None:
    """Close it, twice."""
    made.close()
    made.close()
    assert made.closed


def open_or_closed(use: Callable[[Any], object]) -> Callable[[Any], None]:
    """Check that it can be used, or raises as a closed object does; then close it, twice."""

    def look(made: Any) -> None:
        if made.closed:
            with suppress(ClosedError):
                use(made)
                raise AssertionError(f"{made!r} is closed and can be used")
        else:
            use(made)
        closable(made)

    return look


def _use_burst(burst: Any) -> None:
    with Mempool.create(new_name(), 7, cache_size=0) as pool:
        burst.alloc(pool, 3)
        assert len(burst) == 3 and pool.in_use_count == 3
        burst.free()
        assert pool.in_use_count == 0


def use_pool(pool: Any) -> None:
    with Burst(4) as burst:
        burst.alloc(pool, 4)
        assert pool.in_use_count == 4
        burst.free()
        assert pool.avail_count == pool.capacity


def use_objects(pool: Any) -> None:
    pool.put(pool.get(3))
    assert pool.in_use_count == 0


def use_zone(zone: Any) -> None:
    zone.as_array()[:] = 7
    assert zone.as_array()[-1] == 7


def _taken_out(ring: Any, most: int) -> list[int]:
    out = np.empty(most, np.uint64)
    values: list[int] = out[: ring.dequeue_burst(out)].tolist()
    return values


def use_ring(ring: Any) -> None:
    assert ring.enqueue_burst(np.arange(3, dtype=np.uint64)) == 3
    assert _taken_out(ring, 3) == [0, 1, 2]


def use_mbuf_ring(ring: Any) -> None:
    with Mempool.create(new_name(), 7, cache_size=0) as pool, Burst(4) as burst:
        burst.alloc(pool, 2)
        assert ring.tx(burst) == 2
        assert ring.rx(burst) == 2
        burst.free()


def _use_fib(fib: Any) -> None:
    fib.add("198.18.0.0/15", 7)
    assert fib.find(np.array([0xC6120001], np.uint32)).tolist() == [7]
    fib.delete("198.18.0.0/15")


def _use_fib6(fib: Any) -> None:
    fib.add("2001:db8::/32", 7)
    fib.delete("2001:db8::/32")


def _use_hash(table: Any) -> None:
    table.add(np.array([1, 2], np.uint32))
    assert len(table) == 2
    table.reset()


def _use_bpf(bpf: Any) -> None:
    with Burst(1) as burst:
        assert bpf.match(burst).tolist() == []


def _use_watch(watch: Any) -> None:
    watch.read()
    watch.fileno()


def use_channel(channel: Any) -> None:
    channel.send(b"x", timeout=1)
    assert channel.get(timeout=1) == b"x"


def is_readable(made: Any) -> bool:
    return bool(select.select([made], [], [], 20)[0])


def _use_descriptor(channel: Any) -> None:
    channel.fileno()
    channel.send(b"x", timeout=1)
    assert is_readable(channel)
    assert channel.get(timeout=1) == b"x"


def _with_descriptor() -> Channel:
    channel = Channel.create(new_name(), 8, message_bytes=64)
    channel.fileno()
    return channel


def _descriptors() -> list[Case]:
    look = open_or_closed(_use_descriptor)
    return [
        Case("descriptor of channel", lambda: Channel.create(new_name(), 8),
             lambda channel: channel.fileno(), look),
        Case("close channel with descriptor", _with_descriptor, lambda channel: channel.close(),
             look),
        Case("descriptor of job", lambda: lcore.launch(_nothing), lambda job: job.fileno(),
             _look_job),
    ]  # fmt: skip


def _look_job(job: lcore.Job) -> None:
    assert is_readable(job)
    assert job.result(20) == 7
    _free_lcore(job)


def pair(name: str, make: Callable[[], Any], use: Callable[[Any], object]) -> list[Case]:
    """Return the cases of making and closing one kind of object."""

    def look(box: list[Any]) -> None:
        for made in box:
            use(made)
            closable(made)

    return [
        Case(f"make {name}", list, lambda box: box.append(make()), look),
        Case(f"close {name}", make, lambda made: made.close(), open_or_closed(use)),
        Case(f"close {name} by force", make, lambda made: made.close(force=True),
             open_or_closed(use)),
        Case(f"leave {name}", make, leave, open_or_closed(use)),
    ]  # fmt: skip


def _call_launch(box: list[Any]) -> None:
    box.append(lcore.launch(_nothing))


def leave(made: Any) -> None:
    with made:
        pass


def _extbuf() -> Any:
    return Mempool.create_extbuf(new_name(), np.zeros(1 << 16, np.uint8), n=8)


def _one_of_each() -> list[Case]:
    return [
        *pair("burst", lambda: Burst(8), _use_burst),
        *pair("pool", lambda: Mempool.create(new_name(), 15, cache_size=0), use_pool),
        *pair("pool of own memory", _extbuf, use_pool),
        *pair("objects", lambda: ObjectPool.create(new_name(), 15, "u8"), use_objects),
        *pair("zone", lambda: Memzone.reserve(new_name(), 4096), use_zone),
        *pair("ring", lambda: Ring.create(new_name(), 16), use_ring),
        *pair("ring of mbufs", lambda: Ring.create(new_name(), 16, element="mbuf"), use_mbuf_ring),
        *pair("fib", lambda: Fib(new_name(), nh_bytes=1, num_tbl8=8), _use_fib),
        *pair("fib6", lambda: Fib6(new_name(), num_tbl8=8), _use_fib6),
        *pair("hash", lambda: Hash(new_name(), "u4", entries=8), _use_hash),
        *pair("bpf", lambda: Bpf("udp"), _use_bpf),
        *pair("channel", lambda: Channel.create(new_name(), 8, message_bytes=64), use_channel),
    ]


# Objects that have mbufs, or are in use.


def _full_burst() -> dict[str, Any]:
    pool, burst = Mempool.create(new_name(), 15, cache_size=0), Burst(8)
    burst.alloc(pool, 8)
    return {"pool": pool, "burst": burst}


def _end_full(made: dict[str, Any]) -> None:
    if not made["burst"].closed:
        made["burst"].free()
    closable(made["burst"])
    if not made["pool"].closed:
        assert made["pool"].in_use_count == 0
    closable(made["pool"])


def _full_ring() -> dict[str, Any]:
    made = _full_burst()
    made["ring"] = Ring.create(new_name(), 16, element="mbuf")
    made["ring"].tx(made["burst"])
    return made


def _end_full_ring(made: dict[str, Any]) -> None:
    made["ring"].close(force=True)
    _end_full(made)


def _block(start: str) -> Callable[[Any], None]:
    def call(ring: Any) -> None:
        with getattr(ring, start)(4) as block:
            block.commit(2)

    return call


def _full_values() -> Any:
    ring = Ring.create(new_name(), 16, producer="single", consumer="single")
    ring.enqueue_burst(np.arange(8, dtype=np.uint64))
    return ring


def _look_block(ring: Any) -> None:
    ring.enqueue_burst(np.arange(2, dtype=np.uint64))
    assert _taken_out(ring, 16)[-2:] == [0, 1]
    closable(ring)


def _stale(make: Callable[[str], Any]) -> tuple[Callable[[], Any], Callable[[Any], None]]:
    """A second close of an object must not free the next object of its name."""

    def made() -> Any:
        return make(new_name())

    def look(old: Any) -> None:
        if not old.closed:
            return closable(old)
        new = make(old.name)
        old.close()
        assert not new.closed
        assert type(new).lookup(new.name) is new
        closable(new)
        return None

    return made, look


def _stale_cases() -> list[Case]:
    kinds: dict[str, Callable[[str], Any]] = {
        "zone": lambda name: Memzone.reserve(name, 64),
        "pool": lambda name: Mempool.create(name, 15, cache_size=0),
        "objects": lambda name: ObjectPool.create(name, 15, "u8"),
        "ring": lambda name: Ring.create(name, 16),
        "channel": lambda name: Channel.create(name, 8, message_bytes=64),
    }
    cases = []
    for what, make in kinds.items():
        made, look = _stale(make)
        cases.append(Case(f"close stale {what}", made, lambda old: old.close(), look))
    return cases


def _holding() -> list[Case]:
    force = {"force": True}
    return [
        Case("free burst", _full_burst, lambda m: m["burst"].free(), end=_end_full),
        Case("close full burst", _full_burst, lambda m: m["burst"].close(**force), end=_end_full),
        Case("close used pool", _full_burst, lambda m: m["pool"].close(**force), end=_end_full),
        Case("close full ring", _full_ring, lambda m: m["ring"].close(**force), end=_end_full_ring),
        Case("pool under ring", _full_ring, lambda m: m["pool"].close(**force), end=_end_full_ring),
        Case("enqueue block", lambda: Ring.create(new_name(), 16, producer="single"),
             _block("enqueue_zc"), _look_block),
        Case("dequeue block", _full_values, _block("dequeue_zc"), _look_block),
        *_stale_cases(),
    ]  # fmt: skip


# Jobs.


def _nothing() -> int:
    return 7


def _until() -> None:
    while lcore.running():
        pass


def _launch_and_close(made: Any) -> None:
    with lcore.launch(_until):
        pass


def close_all(kind: type[lifetime.Owner]) -> None:
    for owner in lifetime.owners():
        if isinstance(owner, kind):
            owner.close()


def _free_lcore(_: Any) -> None:
    close_all(lcore.Job)
    assert lcore.launch(_nothing).result(20) == 7


def _jobs() -> list[Case]:
    return [
        Case("launch", list, _call_launch, _free_lcore),
        Case("wait for job", lambda: lcore.launch(_nothing), lambda job: job.result(), _free_lcore),
        Case("launch and close", lambda: None, _launch_and_close, _free_lcore),
    ]


def all_cases(eal: Eal) -> list[Case]:
    """Return all cases that one process can repeat."""
    return [*_one_of_each(), *_holding(), *_jobs(), *_descriptors(), *_device_cases(eal)]


# Devices and ports.


def _added(eal: Eal) -> str:
    name = f"net_null{next(_numbers)}"
    eal.add_device(name)
    return name


def null_port(eal: Eal) -> dict[str, Any]:
    """Return a port that receives without end, not configured yet, with a pool and a burst."""
    name = _added(eal)
    pool = Mempool.create(new_name(), 63, cache_size=0)
    return {"device": name, "pool": pool, "port": Port.lookup(name), "burst": Burst(8)}


def _device_cases(eal: Eal) -> list[Case]:
    def added() -> str:
        return _added(eal)

    def port() -> dict[str, Any]:
        return null_port(eal)

    def ready() -> dict[str, Any]:
        made = port()
        made["port"].configure(mempool=made["pool"], nb_rx_desc=16, nb_tx_desc=16)
        return made

    def started() -> dict[str, Any]:
        made = ready()
        made["port"].start()
        made["port"].rx_queues[0].rx(made["burst"])
        made["burst"].free()
        return made

    def gone(name: str) -> None:
        with suppress(Exception):
            eal.remove_device(name)
        eal.add_device(name)
        eal.remove_device(name)

    def end(made: dict[str, Any]) -> None:
        port = made["port"]
        if not port.closed:
            port.stop()
            port.configure(mempool=made["pool"], nb_rx_desc=16, nb_tx_desc=16)
            port.start()
            assert port.rx_queues[0].rx(made["burst"]) == 8
            made["burst"].free()
            port.stop()
        closable(port)
        gone(made["device"])
        closable(made["burst"])
        closable(made["pool"])

    def configure(made: dict[str, Any]) -> None:
        made["port"].configure(mempool=made["pool"], nb_rx_desc=16, nb_tx_desc=16)

    def name() -> str:
        return f"net_null{next(_numbers)}"

    return [
        Case("add device", name, eal.add_device, gone),
        Case("remove device", added, eal.remove_device, gone),
        Case("look up port", port, lambda m: Port.lookup(m["device"]), end=end),
        Case("configure port", port, configure, end=end),
        Case("start port", ready, lambda m: m["port"].start(), end=end),
        Case("first rx", lambda: _start(ready()), lambda m: m["port"].rx_queues[0].rx(m["burst"]),
             lambda m: m["burst"].free(), end),
        Case("release queue", started, lambda m: m["port"].rx_queues[0].release(), end=end),
        Case("stop port", started, lambda m: m["port"].stop(), end=end),
        Case("close port", started, lambda m: m["port"].close(), end=end),
    ]  # fmt: skip


def _start(made: dict[str, Any]) -> dict[str, Any]:
    made["port"].start()
    return made


def hugepage_cases() -> list[Case]:
    """Return the cases that need memory to which other processes can attach."""

    def handle() -> Any:
        return messages.handle(new_name(), _nothing)

    def again(handler: Any) -> None:
        handler.close()
        messages.handle(handler.name, _nothing).close()

    return [
        *pair("watch", events.watch, _use_watch),
        Case("handle", new_name, _handle, _handle_again),
        Case("close handler", handle, lambda handler: handler.close(), again),
    ]


def _handle(name: str) -> None:
    messages.handle(name, _nothing)


def _handle_again(name: str) -> None:
    close_all(messages.Handler)
    messages.handle(name, _nothing).close()

"""Bad values where one call is not enough: deep in an argument, or used by a later call."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from sweep_fixtures import Fixtures
from sweep_jobs import takes
from sweep_names import name

from pydpdk import Forward, Memzone, ObjectPool, Ring, lcore
from pydpdk.ring import ZeroCopy

Call = Callable[[Any], Any]


def sequences(h: Fixtures) -> Iterator[tuple[str, Call]]:
    """Yield calls, each with one open value."""
    for some in (memory, rings, packets, devices, lcores):
        yield from some(h)


def memory(h: Fixtures) -> Iterator[tuple[str, Call]]:
    yield "Memzone.as_array shape item", lambda v: h.zone.as_array("u8", (v, 2))
    for key in ("bound", "flags", "align"):
        yield f"the rest {key}", lambda v, k=key: Memzone.reserve_rest(name(), **{k: v})
    unchecked = h.keep(
        "unchecked", lambda: ObjectPool.create("unchecked", 100, "u8", flags=2, checked=False)
    )
    for pool in (h.objects, h.packed, unchecked):
        yield f"get of {pool!r}", lambda v, p=pool: p.put(p.get(v))
        yield f"get out of {pool!r}", lambda v, p=pool: p.put(p.get(3, out=v))
        for method in ("read", "addresses", "ids", "__getitem__"):
            yield f"{method} of {pool!r}", lambda v, p=pool, m=method: getattr(p, m)(v)
        yield f"write ids of {pool!r}", lambda v, p=pool: p.write(v, np.zeros((), p.dtype))
        yield f"write values of {pool!r}", lambda v, p=pool: p.write([0, 1], v)
    # an unchecked pool does not check what is put back
    yield "put item", lambda v: h.objects.put([v])


def zero_copy(slots: ZeroCopy, *commit: Any) -> None:
    with slots:
        slots.commit(*commit)


def lcores(h: Fixtures) -> Iterator[tuple[str, Call]]:
    yield "lcore.launch argument", lambda v: lcore.launch(repr, v).result()
    yield "Worker.launch argument", lambda v: takes.launch(v).result()
    yield "Worker.launch argument in a tuple", lambda v: takes.launch((v, 1)).result()


def rings(h: Fixtures) -> Iterator[tuple[str, Call]]:
    yield "Ring.create size exact", lambda v: Ring.create(name(), v, exact_size=True)
    yield "Ring.lookup element", lambda v: Ring.lookup(h.values.name, element=v)
    other = "ETH_RXTX0_net_ring0"
    yield "Ring.lookup element of another's", lambda v: Ring.lookup(other, element=v)
    for method in ("enqueue_zc", "dequeue_zc"):
        yield f"Ring.{method} commit", lambda v, m=method: zero_copy(getattr(h.slots, m)(2), v)
        yield f"Ring.{method} of mbufs", lambda v, m=method: zero_copy(getattr(h.mbufs, m)(v), 0)


def packets(h: Fixtures) -> Iterator[tuple[str, Call]]:
    yield "Burst.fill item", lambda v: h.full.fill([v] * 8)
    yield "Burst.fill long", lambda v: h.full.fill([b"x" * 9000, v, *[b"y"] * 6])
    yield "Burst.fill of none", lambda v: h.burst.fill(v)
    for key in (h.field, h.flag):
        yield f"Mbuf[{key!r}]", lambda v, k=key: h.full.mbuf(0).__setitem__(k, v)
    rx, tx = h.port.rx_queues[0], h.port.tx_queues[0]
    yield "Forward burst", lambda v: Forward(v, [(rx, tx)]).step()
    yield "Forward hops", lambda v: Forward(h.burst, v).step()
    yield "Forward hop", lambda v: Forward(h.burst, [v]).step()
    yield "Forward rxq", lambda v: Forward(h.burst, [(v, tx)]).step()
    yield "Forward txq", lambda v: Forward(h.burst, [(rx, v)]).step()
    yield "Forward mode", lambda v: Forward(h.burst, [(rx, tx)], v).step()


def devices(h: Fixtures) -> Iterator[tuple[str, Call]]:
    yield "Eal.add_device args", lambda v: h.eal.add_device(f"net_null_h,size={v}")
    yield "Eal.add_device key", lambda v: h.eal.add_device(f"net_null_h,{v}")

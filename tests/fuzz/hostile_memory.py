"""Calls of heaps, events, addresses, zones and pools of objects, each with one argument open."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from pydpdk import Memzone, ObjectPool
from pydpdk.memory import address, events
from pydpdk.memory.heap import heap

Call = Callable[[Any], Any]


class Pools:
    """One in which objects lie in a row, one where they may not, and one that is closed."""

    def __init__(self) -> None:
        kind = [("id", "u4"), ("data", "u1", 20)]
        self.even = ObjectPool.create("even", 100, kind)
        self.packed = ObjectPool.create("packed", 1000, "u8", flags=2, checked=False)
        self.gone = ObjectPool.create("gone", 10, kind)
        self.gone.close()

    def __iter__(self) -> Iterator[ObjectPool]:
        return iter((self.even, self.packed, self.gone))


def pool_calls(pools: Pools, names: Iterator[str]) -> Iterator[tuple[str, Call]]:
    yield "heap", heap
    for convert in (address.virt2iova, address.iova2virt, address.virt2memseg):
        yield convert.__name__, convert
    yield "Watch.wait", lambda v: None if v is None else events.watch().wait(min(v, 0.01))
    for key in ("bound", "flags", "align"):
        yield f"Memzone {key}", lambda v, k=key: Memzone.reserve(next(names), 64, **{k: v})
    for key in ("flags", "align", "socket_id"):
        yield f"the rest {key}", lambda v, k=key: Memzone.reserve_rest(next(names), **{k: v})
    yield "ObjectPool.create name", lambda v: ObjectPool.create(v, 7, "u8")
    yield "ObjectPool.create n", lambda v: ObjectPool.create(next(names), _few(v), "u8")
    yield "ObjectPool.create dtype", lambda v: ObjectPool.create(next(names), 7, v)
    for key in ("cache_size", "ops_name", "flags", "socket_id", "checked"):
        yield (
            f"ObjectPool.create {key}",
            lambda v, k=key: ObjectPool.create(next(names), 7, "u8", **{k: v}),
        )
    yield "ObjectPool.lookup", ObjectPool.lookup
    for pool in pools:
        yield f"get of {pool!r}", lambda v, p=pool: p.put(p.get(v))
        yield f"get out of {pool!r}", lambda v, p=pool: p.put(p.get(3, out=v))
        for method in ("read", "addresses", "ids", "__getitem__"):
            yield f"{method} of {pool!r}", lambda v, p=pool, m=method: getattr(p, m)(v)
        yield f"write ids of {pool!r}", lambda v, p=pool: p.write(v, np.zeros((), p.dtype))
        yield f"write values of {pool!r}", lambda v, p=pool: p.write([0, 1], v)
    for pool in (pools.even, pools.gone):  # an unchecked one believes what it is given
        yield f"put of {pool!r}", pool.put
        yield f"put item of {pool!r}", lambda v, p=pool: p.put([v])


def _few(n: Any) -> Any:
    """Not all the memory of the machine."""
    return n if not isinstance(n, int) or not 1 << 20 < n < 1 << 31 else 1 << 31

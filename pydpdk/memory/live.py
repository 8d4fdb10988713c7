"""What lies in the memory: pools, rings and heap elements, of this process or one attached to."""

from __future__ import annotations

import re
from typing import Any

from pydpdk import eal
from pydpdk._core.frozen import frozen
from pydpdk._dpdk import ffi, lib
from pydpdk.errors import make_error
from pydpdk.memory._rows import text, walk

_ELEMENT = re.compile(r"Heap id: (\d+)|Malloc element at (0x[0-9a-f]+) \((\w+)\)\s+len: (0x\w+)")
_ENOMEM = 12
_KINDS = {lib.PYD_POOL_RING: "ring", lib.PYD_POOL_STACK: "stack"}


@frozen
class Element:
    """A piece of a malloc heap, with its header.

    Attributes
    ----------
    busy : bool
        Whether something lies there.
    """

    heap: int
    addr: int
    len: int
    busy: bool


@frozen
class Chunk:
    """A contiguous piece of a pool's objects."""

    addr: int
    iova: int
    len: int


@frozen
class PoolState:
    """A mempool at one moment.

    Attributes
    ----------
    addr, pool_data : int
        Where its head lies, and the queue of its free objects.
    total_size : int
        [bytes] of one object with header and trailer.
    queue : str
        `ring`, `stack`, or `other`: what keeps the free objects.
    cached : dict
        [objects] in the cache of each lcore that has any.
    common : int or None
        [objects] free outside of caches; None where the queue's kind is not known from here.
    in_flight : int or None
        [objects] taken and not given back. While others work on the pool, the counts are not of
        one instant.
    """

    name: str
    addr: int
    pool_data: int
    size: int
    elt_size: int
    total_size: int
    cache_size: int
    socket_id: int
    is_pktmbuf: bool
    queue: str
    cached: dict[int, int]
    common: int | None
    in_flight: int | None
    chunks: list[Chunk]


@frozen
class RingState:
    """A ring at one moment."""

    name: str
    addr: int
    capacity: int
    count: int


def pools() -> list[PoolState]:
    """Return all mempools.

    Notes
    -----
    Wraps  rte_eal_tailq_lookup (rte_tailq.h), under the lock of DPDK's lists
    """
    with eal.running():
        chunks = walk(lib.pyd_explore_chunks, "pyd_explored_chunk", _chunk)
        room = 0
        while True:
            rows = ffi.new("struct pyd_explored_pool[]", max(room, 1))
            caches = ffi.new("uint32_t[]", max(room, 1) * lib.RTE_MAX_LCORE)
            n = lib.pyd_explore_pools(rows, caches, room)
            if n <= room:
                return [_pool(rows[i], caches, i, chunks) for i in range(n)]
            room = n


def rings() -> list[RingState]:
    """Return all rings, those inside mempools too.

    Notes
    -----
    Wraps  rte_memzone_walk (rte_memzone.h): a ring's memzone is called RG_ and its name
    """
    with eal.running():
        return walk(lib.pyd_explore_rings, "pyd_explored_ring", _ring)


def elements() -> list[Element]:
    """Return every piece of every malloc heap, in the order of addresses.

    Notes
    -----
    Wraps  rte_malloc_dump_heaps (rte_malloc.h)
    """
    with eal.running():
        dump = lib.pyd_explore_heaps()
    if dump == ffi.NULL:
        raise make_error("rte_malloc_dump_heaps", _ENOMEM, "no memory for its text")
    try:
        return parse_heaps(ffi.string(dump).decode())
    finally:
        lib.pyd_explore_release(dump)


def parse_heaps(dump: str) -> list[Element]:
    """Read what `rte_malloc_dump_heaps` prints."""
    found, heap = [], 0
    for match in _ELEMENT.finditer(dump):
        if match[1]:
            heap = int(match[1])
        else:
            found.append(Element(heap, int(match[2], 16), int(match[4], 16), match[3] != "FREE"))
    return sorted(found, key=lambda element: element.addr)


def _chunk(row: Any) -> tuple[int, Chunk]:
    return row.pool, Chunk(row.addr, row.iova, row.len)


def _ring(row: Any) -> RingState:
    return RingState(text(row.name), row.addr, row.capacity, row.count)


def _pool(row: Any, caches: Any, i: int, chunks: list[tuple[int, Chunk]]) -> PoolState:
    start = i * lib.RTE_MAX_LCORE
    cached = {n: caches[start + n] for n in range(lib.RTE_MAX_LCORE) if caches[start + n]}
    common = row.common if row.common >= 0 else None
    in_flight = None if common is None else max(0, row.size - common - sum(cached.values()))
    return PoolState(
        name=text(row.name),
        addr=row.addr,
        pool_data=row.pool_data,
        size=row.size,
        elt_size=row.elt_size,
        total_size=row.total_size,
        cache_size=row.cache_size,
        socket_id=row.socket_id,
        is_pktmbuf=bool(row.is_pktmbuf),
        queue=_KINDS.get(row.kind, "other"),
        cached=cached,
        common=common,
        in_flight=in_flight,
        chunks=[chunk for pool, chunk in chunks if pool == row.addr],
    )

"""Pools, rings and heap elements in the memory of this process, or of one attached to."""

from __future__ import annotations

import re
from enum import StrEnum
from functools import partial
from typing import Any

from pydpdk import eal
from pydpdk._core.frozen import frozen
from pydpdk._dpdk import ffi, lib
from pydpdk.errors import make_error
from pydpdk.memory._rows import enough, read, walk
from pydpdk.memory.objects_map import Chunk, chunk_of

_ELEMENT = re.compile(r"Heap id: (\d+)|Malloc element at (0x[0-9a-f]+) \((\w+)\)\s+len: (0x\w+)")
_ENOMEM = 12


class PoolQueue(StrEnum):
    """The queue of the free objects of a mempool."""

    RING = "ring"
    STACK = "stack"
    OTHER = "other"


_QUEUES = {lib.PYD_POOL_RING: PoolQueue.RING, lib.PYD_POOL_STACK: PoolQueue.STACK}


@frozen
class Element:
    """A piece of a malloc heap, with its header.

    Attributes
    ----------
    busy : bool
        Whether it is allocated.
    """

    heap: int
    addr: int
    len: int
    busy: bool


@frozen
class PoolState:
    """A mempool at one moment.

    Attributes
    ----------
    addr, pool_data : int
        The addresses of its head and of the queue of its free objects.
    total_size : int
        [bytes] of one object with header and trailer.
    queue : PoolQueue
        The kind of that queue.
    cached : dict
        [objects] in the cache of each lcore that has any.
    common : int or None
        [objects] free outside of caches; None if the queue is of another kind.
    in_flight : int or None
        [objects] taken and not given back. While other threads use the pool, the counts are not of
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
    queue: PoolQueue
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
        chunks = walk(lib.pyd_walk_chunks, "pyd_chunk", lambda c: (c.pool, chunk_of(c)), ffi.NULL)
        caches: list[Any] = []

        def fill(entries: Any, room: int) -> int:
            caches[:] = [ffi.new("uint32_t[]", max(room, 1) * lib.RTE_MAX_LCORE)]
            return int(lib.pyd_walk_mempools(caches[0], entries, room))

        entries, n = enough("pyd_mempool", fill)
        return [_pool(entries[i], caches[0], i, chunks) for i in range(n)]


def rings() -> list[RingState]:
    """Return all rings, including those inside mempools.

    Notes
    -----
    Wraps  rte_memzone_walk (rte_memzone.h): the memzone of a ring is named RG_ and its name
    """
    with eal.running():
        return walk(lib.pyd_walk_rings, "pyd_ring_state", partial(read, RingState))


def elements() -> list[Element]:
    """Return every piece of every malloc heap, by address.

    Notes
    -----
    Wraps  rte_malloc_dump_heaps (rte_malloc.h)
    """
    with eal.running():
        dump = lib.pyd_walk_heaps()
    if dump == ffi.NULL:
        raise make_error("rte_malloc_dump_heaps", _ENOMEM, "no memory for its text")
    try:
        return parse_heaps(ffi.string(dump).decode())
    finally:
        lib.pyd_walk_release(dump)


def parse_heaps(dump: str) -> list[Element]:
    """Parse the output of `rte_malloc_dump_heaps`."""
    found, heap = [], 0
    for match in _ELEMENT.finditer(dump):
        if match[1]:
            heap = int(match[1])
        else:
            found.append(Element(heap, int(match[2], 16), int(match[4], 16), match[3] != "FREE"))
    return sorted(found, key=lambda element: element.addr)


def _pool(entry: Any, caches: Any, i: int, chunks: list[tuple[int, Chunk]]) -> PoolState:
    start = i * lib.RTE_MAX_LCORE
    cached = {n: caches[start + n] for n in range(lib.RTE_MAX_LCORE) if caches[start + n]}
    common = entry.common if entry.common >= 0 else None
    in_flight = None if common is None else max(0, entry.populated - common - entry.cached)
    return read(
        PoolState, entry, size=entry.populated, cached=cached, common=common, in_flight=in_flight,
        queue=_QUEUES.get(entry.kind, PoolQueue.OTHER),
        chunks=[chunk for pool, chunk in chunks if pool == entry.addr],
    )  # fmt: skip

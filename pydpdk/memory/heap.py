"""Malloc heaps: how much memory of each NUMA node is allocated, and how much is free."""

from __future__ import annotations

from pydpdk import eal, lcore
from pydpdk._core.frozen import frozen
from pydpdk._dpdk import ffi, lib
from pydpdk.errors import call_errno, check_range
from pydpdk.memory._rows import read
from pydpdk.memory.memseg import memseg_lists


@frozen
class Heap:
    """One malloc heap, from which memzones, pools and rings are allocated.

    Attributes
    ----------
    socket_id : int
        NUMA node; from 256 on, a heap of external memory.
    heap_totalsz_bytes, heap_freesz_bytes, heap_allocsz_bytes : int
        Mapped, free, and allocated with DPDK's own headers; a heap may grow by pages.
    greatest_free_size : int
        [bytes] of the largest free piece.
    free_count, alloc_count : int
        Pieces that are free, and allocated.
    """

    socket_id: int
    heap_totalsz_bytes: int
    heap_freesz_bytes: int
    greatest_free_size: int
    free_count: int
    alloc_count: int
    heap_allocsz_bytes: int


def heaps() -> list[Heap]:
    """Return the heaps of all NUMA nodes, then those of external memory.

    Notes
    -----
    Wraps  rte_malloc_get_socket_stats (rte_malloc.h)
    """
    with eal.running():
        return [_read(socket_id) for socket_id in _socket_ids()]


def heap(socket_id: int) -> Heap:
    """Return the heap of one NUMA node, or the external one with that number.

    Raises
    ------
    ValueError
        There is no such heap.

    Notes
    -----
    Wraps  rte_malloc_get_socket_stats (rte_malloc.h)
    """
    with eal.running():
        known = _socket_ids()
        number = check_range("socket_id", socket_id, 0, (1 << 31) - 1)
        if number not in known:
            raise ValueError(f"socket_id must be one of {known} (got {number})")
        return _read(number)


def _socket_ids() -> list[int]:
    external = {msl.socket_id for msl in memseg_lists() if msl.heap}
    return sorted(external | set(lcore.socket_ids()))


def _read(socket_id: int) -> Heap:
    stats = ffi.new("struct rte_malloc_socket_stats *")
    call_errno(lib.rte_malloc_get_socket_stats, socket_id, stats, detail=f"socket {socket_id}")
    return read(Heap, stats, socket_id=socket_id)

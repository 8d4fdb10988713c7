"""The mempools in this memory, as DPDK lists them, of all programs."""

from __future__ import annotations

from typing import Any

from pydpdk import eal
from pydpdk._core.frozen import frozen
from pydpdk._dpdk import lib
from pydpdk.memory._rows import text, walk


@frozen
class MempoolInfo:
    """A mempool as DPDK lists it, of this or another process.

    Attributes
    ----------
    in_use_count : int
        [objects] taken and not given back; those in lcore caches are not in use.
    total_size : int
        [bytes] of one object with its header and trailer.
    """

    name: str
    size: int
    cache_size: int
    elt_size: int
    total_size: int
    in_use_count: int
    cached: int
    nb_mem_chunks: int
    socket_id: int


def mempools() -> list[MempoolInfo]:
    """Return all mempools of this memory.

    Notes
    -----
    Wraps  rte_mempool_walk (rte_mempool.h)
    """
    with eal.running():
        return walk(lib.pyd_walk_mempools, "pyd_mempool", _info)


def _info(entry: Any) -> MempoolInfo:
    return MempoolInfo(
        name=text(entry.name),
        size=entry.size,
        cache_size=entry.cache_size,
        elt_size=entry.elt_size,
        total_size=entry.total_size,
        in_use_count=entry.in_use_count,
        cached=entry.cached,
        nb_mem_chunks=entry.nb_mem_chunks,
        socket_id=entry.socket_id,
    )

"""What DPDK knows of every mempool in this memory, whoever made it."""

from __future__ import annotations

from typing import Any

from pydpdk import eal
from pydpdk._core.frozen import frozen
from pydpdk._dpdk import lib
from pydpdk.memory._rows import text, walk


@frozen
class MempoolInfo:
    """What DPDK knows of a mempool, ours or another's.

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


def _info(row: Any) -> MempoolInfo:
    return MempoolInfo(
        name=text(row.name),
        size=row.size,
        cache_size=row.cache_size,
        elt_size=row.elt_size,
        total_size=row.total_size,
        in_use_count=row.in_use_count,
        cached=row.cached,
        nb_mem_chunks=row.nb_mem_chunks,
        socket_id=row.socket_id,
    )

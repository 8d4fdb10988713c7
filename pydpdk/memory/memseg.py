"""Memsegs: the pages that DPDK has mapped, in lists of reserved address space."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pydpdk import eal
from pydpdk._dpdk import lib
from pydpdk.memory._rows import text, walk
from pydpdk.memory.hugepage import Hugepages, count


@dataclass(frozen=True)
class MemsegList:
    """Address space reserved for pages of one size on one NUMA node.

    Attributes
    ----------
    len : int
        [bytes] reserved; only `n_used` of `n_pages` pages are backed by memory.
    """

    name: str
    base_va: int
    page_sz: int
    len: int
    socket_id: int
    external: bool
    heap: bool
    n_pages: int
    n_used: int


@dataclass(frozen=True)
class Memseg:
    """One page, or one contiguous piece, of memory that is mapped."""

    addr: int
    iova: int
    len: int
    hugepage_sz: int
    socket_id: int
    flags: int


def memseg_lists() -> list[MemsegList]:
    """Return the lists that the EAL reserved.

    Notes
    -----
    Wraps  rte_memseg_list_walk (rte_memory.h)
    """
    eal.require_running()
    return walk(lib.pyd_walk_memseg_lists, "pyd_memseg_list", _memseg_list)


def memsegs() -> list[Memseg]:
    """Return the pages that are mapped now.

    Notes
    -----
    Wraps  rte_memseg_walk (rte_memory.h)
    """
    eal.require_running()
    return walk(lib.pyd_walk_memsegs, "pyd_memseg", _memseg)


def hugepages() -> list[Hugepages]:
    """Return the pages that are mapped now, summed up by size and NUMA node."""
    return count((m.hugepage_sz, m.socket_id, m.len) for m in memsegs())


def _memseg_list(row: Any) -> MemsegList:
    return MemsegList(
        name=text(row.name),
        base_va=row.base_va,
        page_sz=row.page_sz,
        len=row.len,
        socket_id=row.socket_id,
        external=bool(row.external),
        heap=bool(row.heap),
        n_pages=row.n_pages,
        n_used=row.n_used,
    )


def _memseg(row: Any) -> Memseg:
    return Memseg(row.addr, row.iova, row.len, row.hugepage_sz, row.socket_id, row.flags)

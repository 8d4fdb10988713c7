"""Memsegs: the pages that DPDK has mapped, in lists of reserved address space."""

from __future__ import annotations

from typing import Any

from pydpdk import eal
from pydpdk._core.frozen import frozen
from pydpdk._dpdk import lib
from pydpdk.memory._rows import text, walk
from pydpdk.memory.hugepage import Hugepages, count


@frozen
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


@frozen
class Memseg:
    """One page, or one contiguous piece, of memory that is mapped.

    Attributes
    ----------
    external : bool
        Given to DPDK by the program.
    fd, fd_offset : int or None
        The file behind it, DPDK's to close, and where in it [bytes]; None where there is none.
    """

    addr: int
    iova: int
    len: int
    hugepage_sz: int
    socket_id: int
    flags: int
    external: bool = False
    fd: int | None = None
    fd_offset: int | None = None


def memseg_lists() -> list[MemsegList]:
    """Return the lists that the EAL reserved.

    Notes
    -----
    Wraps  rte_memseg_list_walk (rte_memory.h)
    """
    with eal.running():
        return walk(lib.pyd_walk_memseg_lists, "pyd_memseg_list", _memseg_list)


def memsegs() -> list[Memseg]:
    """Return the pages that are mapped now.

    Notes
    -----
    Wraps  rte_memseg_walk, rte_memseg_get_fd_thread_unsafe,
           rte_memseg_get_fd_offset_thread_unsafe (rte_memory.h): the walk has the lock
    """
    with eal.running():
        return walk(lib.pyd_walk_memsegs, "pyd_memseg", describe)


def hugepages() -> list[Hugepages]:
    """Return the pages that are mapped now, summed up by size and NUMA node."""
    return count((m.hugepage_sz, m.socket_id, m.len) for m in memsegs() if not m.external)


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


def describe(row: Any) -> Memseg:
    """Return a row of C as a Memseg."""
    backed = row.fd >= 0
    return Memseg(
        addr=row.addr,
        iova=row.iova,
        len=row.len,
        hugepage_sz=row.hugepage_sz,
        socket_id=row.socket_id,
        flags=row.flags,
        external=bool(row.external),
        fd=row.fd if backed else None,
        fd_offset=row.fd_offset if backed else None,
    )

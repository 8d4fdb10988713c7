"""Memsegs: the pages that DPDK has mapped, in lists of reserved address space."""

from __future__ import annotations

from functools import partial
from typing import Any

from pydpdk import eal
from pydpdk._core.frozen import frozen
from pydpdk._dpdk import lib
from pydpdk.memory._rows import read, walk
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
        The file behind it, which DPDK closes, and the offset [bytes]; None without a file.
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
        return walk(lib.pyd_walk_memseg_lists, "pyd_memseg_list", partial(read, MemsegList))


def memsegs() -> list[Memseg]:
    """Return the pages that are mapped now.

    Notes
    -----
    Wraps  rte_memseg_walk, rte_memseg_get_fd_thread_unsafe,
           rte_memseg_get_fd_offset_thread_unsafe (rte_memory.h): the walk holds the lock
    """
    with eal.running():
        return walk(lib.pyd_walk_memsegs, "pyd_memseg", describe)


def hugepages() -> list[Hugepages]:
    """Return the pages that are mapped now, summed up by size and NUMA node."""
    return count((m.hugepage_sz, m.socket_id, m.len) for m in memsegs() if not m.external)


def describe(entry: Any) -> Memseg:
    """Return a `struct pyd_memseg` as a Memseg."""
    fd, fd_offset = (entry.fd, entry.fd_offset) if entry.fd >= 0 else (None, None)
    return read(Memseg, entry, fd=fd, fd_offset=fd_offset)

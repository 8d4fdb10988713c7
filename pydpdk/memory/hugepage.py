"""Hugepages as this EAL holds them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from pydpdk.memory.memseg import memsegs


@dataclass(frozen=True)
class Hugepages:
    """The pages of one size on one NUMA node that back this EAL's memory.

    Attributes
    ----------
    page_sz : int
        [bytes]; 4,096 where the EAL runs without hugepages.
    pages : int
        How many are mapped now.
    """

    page_sz: int
    socket_id: int
    pages: int

    @property
    def size_bytes(self) -> int:
        """All of them together [bytes]."""
        return self.page_sz * self.pages


def hugepages() -> list[Hugepages]:
    """Return what is mapped now, per page size and NUMA node.

    Notes
    -----
    Wraps  rte_memseg_walk (rte_memory.h)
    """
    pages: Counter[tuple[int, int]] = Counter()
    for memseg in memsegs():
        pages[memseg.hugepage_sz, memseg.socket_id] += memseg.len // memseg.hugepage_sz
    return [Hugepages(size, socket, n) for (size, socket), n in sorted(pages.items())]

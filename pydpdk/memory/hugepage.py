"""The hugepages of this EAL."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from pydpdk._core.frozen import frozen


@frozen
class Hugepages:
    """The pages of one size on one NUMA node that back this EAL's memory.

    Attributes
    ----------
    page_sz : int
        [bytes]; 4,096 where the EAL runs without hugepages.
    pages : int
        The number that is mapped now.
    """

    page_sz: int
    socket_id: int
    pages: int

    @property
    def size_bytes(self) -> int:
        """The size of all of them [bytes]."""
        return self.page_sz * self.pages


def count(segments: Iterable[tuple[int, int, int]]) -> list[Hugepages]:
    """Sum up memory by page size and NUMA node.

    Parameters
    ----------
    segments
        Page size [bytes], NUMA node and length [bytes] of each.
    """
    pages: Counter[tuple[int, int]] = Counter()
    for page_sz, socket_id, length in segments:
        pages[page_sz, socket_id] += length // page_sz
    return [Hugepages(page_sz, socket_id, n) for (page_sz, socket_id), n in sorted(pages.items())]

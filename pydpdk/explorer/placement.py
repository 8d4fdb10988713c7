"""The owner of each piece of memory: elements, zones and pools laid over one another.

Pure functions, for memory of this process, of another program, or of a test.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from enum import StrEnum
from itertools import pairwise
from typing import NamedTuple

from pydpdk._core.frozen import frozen
from pydpdk.memory.live import Element, PoolState, RingState
from pydpdk.memory.memseg import Memseg
from pydpdk.memory.memzone import MemzoneInfo


class MemoryKind(StrEnum):
    """Kind of a piece of memory: `heap` is from malloc, without a name; `other` is in no heap."""

    MEMPOOL = "mempool"
    RING = "ring"
    MEMZONE = "memzone"
    HEAP = "heap"
    FREE = "free"
    OTHER = "other"


UNNAMED = (MemoryKind.HEAP, MemoryKind.FREE, MemoryKind.OTHER)
HEAP = "rte_malloc"
FREE = "free"
OTHER = "outside of the heaps"


@frozen
class Piece:
    """A stretch of mapped memory with one owner.

    Attributes
    ----------
    owner : str
        The mempool, ring or memzone; `rte_malloc` for data without a name.
    zone : str
        The memzone; empty if there is none.
    blocks : int
        How many heap elements were merged here.
    """

    addr: int
    len: int
    kind: MemoryKind
    owner: str
    zone: str = ""
    blocks: int = 1


class PageRun(NamedTuple):
    """Mapped pages that are contiguous, in virtual addresses and in IOVA."""

    addr: int
    iova: int
    pages: int
    page_sz: int
    socket_id: int

    @property
    def len(self) -> int:
        """[bytes]."""
        return self.pages * self.page_sz


class Share(NamedTuple):
    """The share of one owner in the mapped memory."""

    kind: MemoryKind
    owner: str
    bytes: int
    blocks: int


def page_runs(memsegs: Iterable[Memseg]) -> list[PageRun]:
    """Merge contiguous pages."""
    runs: list[PageRun] = []
    for seg in sorted(memsegs, key=lambda seg: seg.addr):
        pages = max(1, seg.len // seg.hugepage_sz)
        run = PageRun(seg.addr, seg.iova, pages, seg.hugepage_sz, seg.socket_id)
        last = runs[-1] if runs else None
        if last and run[:2] + run[3:] == (last.addr + last.len, last.iova + last.len, *last[3:]):
            runs[-1] = last._replace(pages=last.pages + pages)
        else:
            runs.append(run)
    return runs


def owners_of(
    zones: Iterable[MemzoneInfo], pools: Iterable[PoolState], rings: Iterable[RingState]
) -> dict[str, tuple[MemoryKind, str]]:
    """Return the owner of each memzone; a mempool owns its head, queue and chunks."""
    of_pools: dict[int, str] = {}
    starts: list[tuple[int, str]] = []
    for pool in pools:
        of_pools.update({pool.addr: pool.name, pool.pool_data: pool.name})
        starts += [(chunk.addr, pool.name) for chunk in pool.chunks]
    starts.sort()
    of_rings = {ring.addr: ring.name for ring in rings}

    def owner(zone: MemzoneInfo) -> tuple[MemoryKind, str]:
        at = bisect_left(starts, (zone.addr, ""))
        if zone.addr in of_pools:
            return MemoryKind.MEMPOOL, of_pools[zone.addr]
        if at < len(starts) and starts[at][0] < zone.addr + zone.len:
            return MemoryKind.MEMPOOL, starts[at][1]
        if zone.addr in of_rings:
            return MemoryKind.RING, of_rings[zone.addr]
        return MemoryKind.MEMZONE, zone.name

    return {zone.name: owner(zone) for zone in zones}


def place(
    runs: Sequence[PageRun],
    elements: Sequence[Element],
    zones: Iterable[MemzoneInfo],
    owners: dict[str, tuple[MemoryKind, str]],
) -> list[Piece]:
    """Divide all mapped memory into pieces, by address, without gaps or overlaps."""
    ordered = sorted(zones, key=lambda zone: zone.addr)
    starts = [zone.addr for zone in ordered]
    pieces: list[Piece] = []
    for element in elements:
        first = bisect_left(starts, element.addr)
        last = bisect_right(starts, element.addr + element.len - 1)
        pieces += _cut(element, ordered[first:last], owners)
    merged = _merge(pieces)
    return _merge(sorted([*merged, *_uncovered(runs, merged)], key=lambda p: p.addr))


def shares(pieces: Iterable[Piece]) -> list[Share]:
    """Sum up the pieces of each owner, the largest first."""
    found: dict[tuple[MemoryKind, str], Share] = {}
    for piece in pieces:
        key = (piece.kind, piece.owner)
        so_far = found.get(key, Share(*key, 0, 0))
        found[key] = so_far._replace(
            bytes=so_far.bytes + piece.len, blocks=so_far.blocks + piece.blocks
        )
    return sorted(found.values(), key=lambda share: (-share.bytes, share.owner))


def _cut(
    element: Element, zones: Sequence[MemzoneInfo], owners: dict[str, tuple[MemoryKind, str]]
) -> Iterator[Piece]:
    """Divide one heap element into its memzone, if it has one, and the rest around it."""
    if not element.busy:
        yield Piece(element.addr, element.len, MemoryKind.FREE, FREE)
        return
    at, end = element.addr, element.addr + element.len
    for zone in zones:
        # in a running program the zone and the element may not be of the same moment
        stop = min(zone.addr + zone.len, end)
        if zone.addr < at or stop <= zone.addr:
            continue
        if zone.addr > at:
            yield Piece(at, zone.addr - at, MemoryKind.HEAP, HEAP)
        kind, owner = owners[zone.name]
        yield Piece(zone.addr, stop - zone.addr, kind, owner, zone.name)
        at = stop
    if at < end:
        yield Piece(at, end - at, MemoryKind.HEAP, HEAP)


def _merge(pieces: Iterable[Piece]) -> list[Piece]:
    """Merge small adjacent pieces without a name: there can be tens of thousands."""
    merged: list[Piece] = []
    for piece in pieces:
        last = merged[-1] if merged and piece.kind in UNNAMED else None
        if last and (last.kind, last.addr + last.len) == (piece.kind, piece.addr):
            blocks = last.blocks + piece.blocks
            merged[-1] = replace(last, len=last.len + piece.len, blocks=blocks)
        else:
            merged.append(piece)
    return merged


def _uncovered(runs: Sequence[PageRun], pieces: Sequence[Piece]) -> Iterator[Piece]:
    """Yield the parts of pages that are in no heap: an application's own memory, for example."""
    starts = [piece.addr for piece in pieces]
    for run in runs:
        end = run.addr + run.len
        first = max(bisect_right(starts, run.addr) - 1, 0)
        inside = pieces[first : bisect_left(starts, end)]
        edges = [(run.addr, run.addr), *((p.addr, p.addr + p.len) for p in inside), (end, end)]
        for (_, left), (right, _) in pairwise(edges):
            start = max(left, run.addr)
            if start < min(right, end):
                yield Piece(start, min(right, end) - start, MemoryKind.OTHER, OTHER)

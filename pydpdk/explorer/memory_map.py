"""All memory of an EAL at one moment: pages, their contents, and the share of each owner."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from pydpdk import eal, version
from pydpdk._core.frozen import frozen
from pydpdk.choices import IovaMode
from pydpdk.explorer import placement
from pydpdk.explorer.placement import MemoryKind, PageRun, Piece, Share, owners_of, page_runs, place
from pydpdk.memory import live
from pydpdk.memory.live import Element, PoolState, RingState
from pydpdk.memory.memseg import MemsegList, memseg_lists, memsegs
from pydpdk.memory.memzone import MemzoneInfo, memzones


@frozen
class HeapState:
    """A malloc heap at one moment, with the numbers of DPDK's own statistics.

    Attributes
    ----------
    socket_id : int
        NUMA node; 256 and up for heaps of external memory.
    largest_free : int
        [bytes] of the largest allocation before the heap grows.
    """

    socket_id: int
    size: int
    free: int
    largest_free: int
    free_count: int
    alloc_count: int


@frozen
class Zone:
    """A memzone and its owner."""

    info: MemzoneInfo
    kind: MemoryKind
    owner: str


@frozen
class MemoryMap:
    """The memory of an EAL.

    Attributes
    ----------
    taken : str
        The time, as ISO 8601 in UTC.
    attached : bool
        Whether it is the memory of another program.
    pages : list of PageRun
        The mapped pages.
    pieces : list of Piece
        All of them, divided by owner.
    shares : list of Share
        The pieces summed up by owner, the largest first.
    """

    taken: str
    dpdk_version: str
    file_prefix: str
    attached: bool
    iova_mode: IovaMode
    lists: list[MemsegList]
    pages: list[PageRun]
    heaps: list[HeapState]
    zones: list[Zone]
    pools: list[PoolState]
    rings: list[RingState]
    pieces: list[Piece]
    shares: list[Share]

    @property
    def mapped(self) -> int:
        """[bytes] of all pages."""
        return sum(run.len for run in self.pages)

    @property
    def reserved(self) -> int:
        """[bytes] of address space that the memseg lists reserve."""
        return sum(one.len for one in self.lists)

    def to_dict(self) -> dict[str, Any]:
        """Return plain data, ready for JSON."""
        plain = asdict(self)
        plain["pages"] = [run._asdict() for run in self.pages]
        plain["shares"] = [share._asdict() for share in self.shares]
        plain["zones"] = [
            {**asdict(zone.info), "kind": zone.kind, "owner": zone.owner} for zone in self.zones
        ]
        return {**plain, "mapped": self.mapped, "reserved": self.reserved}


def take_map() -> MemoryMap:
    """Read the memory map of the running EAL.

    Notes
    -----
    Wraps  rte_memseg_walk, rte_memzone_walk, rte_eal_tailq_lookup, rte_malloc_dump_heaps
    Cost   7 ms for a testpmd of 520 heap elements; in a busy program it is not one instant: what
           is allocated or freed meanwhile may be missing
    """
    running = eal.current()
    zones, pools, rings = memzones(), live.pools(), live.rings()
    elements, lists = live.elements(), memseg_lists()
    pages = page_runs(memsegs())
    owners = owners_of(zones, pools, rings)
    pieces = place(pages, elements, zones, owners)
    return MemoryMap(
        taken=datetime.now(UTC).isoformat(timespec="seconds"),
        dpdk_version=version.RUNNING,
        file_prefix=running.file_prefix,
        attached=isinstance(running, eal.Observer),
        iova_mode=_iova_mode(pages),
        lists=lists,
        pages=pages,
        heaps=_heaps(elements, lists),
        zones=[Zone(zone, *owners[zone.name]) for zone in zones],
        pools=pools,
        rings=rings,
        pieces=pieces,
        shares=placement.shares(pieces),
    )


def _iova_mode(pages: list[PageRun]) -> IovaMode:
    """Return the mode, from the pages: a secondary's own may differ from its primary's."""
    return IovaMode.VA if all(run.iova == run.addr for run in pages) else IovaMode.PA


def _heaps(elements: list[Element], lists: list[MemsegList]) -> list[HeapState]:
    heaps: dict[int, list[Element]] = {}
    for element in elements:
        heaps.setdefault(element.heap, []).append(element)
    return [_heap(of_one, lists) for _, of_one in sorted(heaps.items())]


def _heap(elements: list[Element], lists: list[MemsegList]) -> HeapState:
    first = elements[0].addr
    free = [element.len for element in elements if not element.busy]
    return HeapState(
        socket_id=next((m.socket_id for m in lists if 0 <= first - m.base_va < m.len), -1),
        size=sum(element.len for element in elements),
        free=sum(free),
        largest_free=max(free, default=0),
        free_count=len(free),
        alloc_count=len(elements) - len(free),
    )

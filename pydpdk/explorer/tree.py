"""The chain as text, one link below the other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sized

from pydpdk.explorer.memory_map import MemoryMap
from pydpdk.explorer.placement import UNNAMED
from pydpdk.explorer.snapshot import PacketTrace, Snapshot
from pydpdk.memory.hugepage import Hugepages, count
from pydpdk.memory.live import PoolState
from pydpdk.memory.mempool import MempoolInfo

_UNITS = ((1 << 30, "GB"), (1 << 20, "MB"), (1 << 10, "KB"))
_BAR = 24  # characters for 100 %
_MOST = 12  # owners and rings listed one by one
_LARGEST = 4  # memzones named on their line


def render(snapshot: Snapshot) -> str:
    """Return the chain as text."""
    head = _head(snapshot, f"{snapshot.proc_type} {snapshot.file_prefix!r}")
    links = [_memsegs, _memzones, _mempools, _mbufs, _packet]
    lines = [line for link in links for line in link(snapshot)]
    return "\n".join([head, *_hugepages(snapshot.hugepages), *lines])


def render_map(memory: MemoryMap) -> str:
    """Return the memory map as text, link by link."""
    how = "seen from outside" if memory.attached else "seen from inside"
    head = _head(memory, f"primary {memory.file_prefix!r}, {how}")
    links = [_map_pages, _map_heaps, _map_shares, _map_pools, _map_rings]
    return "\n".join([head, *(line for link in links for line in link(memory))])


def size(number: int) -> str:
    """Return a number of bytes in a suitable unit."""
    for unit, name in _UNITS:
        if number >= unit:
            return f"{number / unit:.4g} {name}"
    return f"{number} bytes"


def _head(of: Snapshot | MemoryMap, who: str) -> str:
    return f"DPDK {of.dpdk_version}, {who}, IOVA as {of.iova_mode.upper()}"


def _row(link: str, text: str) -> str:
    return f"  {link:<12} {text}"


def _hugepages(hugepages: Iterable[Hugepages]) -> Iterator[str]:
    for pages in hugepages:
        kind = "" if pages.page_sz > 4096 else ", not huge"
        total = f"{pages.pages} x {size(pages.page_sz)} = {size(pages.size_bytes)}"
        yield _row("hugepages", f"{total} on node {pages.socket_id}{kind}")


def _lists(lists: Sized) -> str:
    return f"{len(lists)} list{'s' if len(lists) != 1 else ''}"


def _memsegs(snapshot: Snapshot) -> Iterator[str]:
    reserved = sum(memseg_list.len for memseg_list in snapshot.memseg_lists)
    used = sum(memseg.len for memseg in snapshot.memsegs)
    where = f"in {_lists(snapshot.memseg_lists)} of {size(reserved)} of address space"
    yield _row("-> memsegs", f"{len(snapshot.memsegs)} mapped, {size(used)}, {where}")


def _memzones(snapshot: Snapshot) -> Iterator[str]:
    largest = sorted(snapshot.memzones, key=lambda zone: -zone.len)[:_LARGEST]
    named = ", ".join(f"{zone.name} {size(zone.len)}" for zone in largest)
    total = sum(zone.len for zone in snapshot.memzones)
    yield _row("-> memzones", f"{len(snapshot.memzones)} named, {size(total)}: {named}, ...")


def _mempools(snapshot: Snapshot) -> Iterator[str]:
    for pool in snapshot.mempools:
        mbufs = f"{pool.size:,} mbufs of {size(pool.total_size)}"
        yield _row("-> mempool", f"{pool.name!r}: {mbufs}, caches of {pool.cache_size} per lcore")


def _mbufs(snapshot: Snapshot) -> Iterator[str]:
    for pool in snapshot.mempools:
        yield _row("-> mbufs", f"{pool.name!r}: {_mbuf_counts(pool)}")


def _mbuf_counts(pool: MempoolInfo) -> str:
    if pool.in_use_count is None:
        return f"{pool.size:,}, {pool.cached:,} in lcore caches"
    free = pool.size - pool.in_use_count - pool.cached
    return f"{pool.in_use_count:,} in use, {pool.cached:,} in lcore caches, {free:,} in the pool"


def _packet(snapshot: Snapshot) -> Iterator[str]:
    packet = snapshot.packet
    if packet is not None:
        yield _row("-> packet", _where(packet))


def _where(packet: PacketTrace) -> str:
    text = (
        f"data of an mbuf of {packet.mempool!r} at {packet.data_addr:#x}, {packet.headroom} bytes"
        f" headroom, room for {packet.tailroom:,}"
    )
    if packet.page_addr is not None and packet.page_sz is not None:
        text += (
            f",\n{'':15}in memzone {packet.memzone}, in the {size(packet.page_sz)} page at"
            f" {packet.page_addr:#x}, IOVA {packet.page_iova:#x}"
        )
    return text


def _map_pages(memory: MemoryMap) -> Iterator[str]:
    yield from _hugepages(count((run.page_sz, run.socket_id, run.len) for run in memory.pages))
    reserved = f"{_lists(memory.lists)} of {size(memory.reserved)} of address space"
    yield _row("-> memsegs", f"{reserved}, {size(memory.mapped)} of it is mapped")
    for one in memory.lists:
        text = f"{one.name}: {one.n_used:,} of {one.n_pages:,} pages from {one.base_va:#x}"
        yield _row("", f"{text}, node {one.socket_id}")


def _map_heaps(memory: MemoryMap) -> Iterator[str]:
    for heap in memory.heaps:
        free = f"{size(heap.free)} free in {heap.free_count} pieces"
        most, used = size(heap.largest_free), f"{heap.alloc_count:,} blocks in use"
        total = f"node {heap.socket_id}: {size(heap.size)}"
        yield _row("-> heap", f"{total}, {free} (the largest {most}), {used}")


def _map_shares(memory: MemoryMap) -> Iterator[str]:
    yield _row("-> memzones", f"{len(memory.zones)} named; owners of the {size(memory.mapped)}:")
    rest = memory.shares[_MOST:]
    for share in memory.shares[:_MOST]:
        blocks = f" in {share.blocks:,} blocks" if share.blocks > 1 else ""
        name = share.owner if share.kind in UNNAMED else f"{share.kind} {share.owner!r}"
        yield _row("", f"{_amount(share.bytes, memory.mapped)}  {name}{blocks}")
    if rest:
        total = sum(share.bytes for share in rest)
        yield _row("", f"{_amount(total, memory.mapped)}  {len(rest)} more")


def _amount(part: int, whole: int) -> str:
    share = part / whole if whole else 0.0
    bar = "#" * round(share * _BAR)
    return f"{size(part):>9} {share:6.1%} {bar or '.':<{_BAR}}"


def _map_pools(memory: MemoryMap) -> Iterator[str]:
    for pool in memory.pools:
        what = "mbufs" if pool.is_pktmbuf else "objects"
        where = ", ".join(f"{size(chunk.len)} at {chunk.addr:#x}" for chunk in pool.chunks[:2])
        more = f" and {len(pool.chunks) - 2} chunks more" if len(pool.chunks) > 2 else ""
        total = f"{pool.size:,} {what} of {size(pool.total_size)}"
        yield _row("-> mempool", f"{pool.name!r}: {total}, {where}{more}")
        yield _row("-> mbufs" if pool.is_pktmbuf else "-> objects", f"{pool.name!r}: {_uses(pool)}")


def _uses(pool: PoolState) -> str:
    lcores = ", ".join(f"lcore {n}: {held}" for n, held in pool.cached.items())
    cached = f"{sum(pool.cached.values()):,} in caches" + (f" ({lcores})" if lcores else "")
    if pool.common is None or pool.in_flight is None:
        return f"{cached}; its queue is of a kind that cannot be read from outside"
    return f"{pool.in_flight:,} in flight, {cached}, {pool.common:,} free in the pool"


def _map_rings(memory: MemoryMap) -> Iterator[str]:
    inner = {pool.pool_data for pool in memory.pools}
    rings = [ring for ring in memory.rings if ring.addr not in inner]
    for ring in rings[:_MOST]:
        yield _row("rings", f"{ring.name!r}: {ring.count:,} of {ring.capacity:,} slots used")
    if len(rings) > _MOST:
        yield _row("rings", f"{len(rings) - _MOST} more")

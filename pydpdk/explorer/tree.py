"""The chain as text, one link under the other."""

from __future__ import annotations

from collections.abc import Iterator

from pydpdk.explorer.snapshot import PacketTrace, Snapshot
from pydpdk.memory.mempool import MempoolInfo

_UNITS = ((1 << 30, "GB"), (1 << 20, "MB"), (1 << 10, "KB"))
_LARGEST = 4  # memzones named on the line of all of them


def render(snapshot: Snapshot) -> str:
    """Write the chain as text."""
    lines = [_head(snapshot)]
    links = [_hugepages, _memsegs, _memzones, _mempools, _mbufs, _packet]
    lines += [line for link in links for line in link(snapshot)]
    return "\n".join(lines)


def size(number: int) -> str:
    """Return a number of bytes in the unit that suits it."""
    for unit, name in _UNITS:
        if number >= unit:
            return f"{number / unit:.4g} {name}"
    return f"{number} bytes"


def _head(snapshot: Snapshot) -> str:
    return (
        f"DPDK {snapshot.dpdk_version}, {snapshot.proc_type} {snapshot.file_prefix!r},"
        f" IOVA as {snapshot.iova_mode.upper()}"
    )


def _row(link: str, text: str) -> str:
    return f"  {link:<12} {text}"


def _hugepages(snapshot: Snapshot) -> Iterator[str]:
    for pages in snapshot.hugepages:
        kind = "" if pages.page_sz > 4096 else ", not huge"
        yield _row(
            "hugepages",
            f"{pages.pages} x {size(pages.page_sz)} = {size(pages.size_bytes)}"
            f" on node {pages.socket_id}{kind}",
        )


def _memsegs(snapshot: Snapshot) -> Iterator[str]:
    reserved = sum(memseg_list.len for memseg_list in snapshot.memseg_lists)
    used = sum(memseg.len for memseg in snapshot.memsegs)
    yield _row(
        "-> memsegs",
        f"{len(snapshot.memsegs)} mapped, {size(used)}, in {len(snapshot.memseg_lists)} lists"
        f" that reserve {size(reserved)} of address space",
    )


def _memzones(snapshot: Snapshot) -> Iterator[str]:
    largest = sorted(snapshot.memzones, key=lambda zone: -zone.len)[:_LARGEST]
    named = ", ".join(f"{zone.name} {size(zone.len)}" for zone in largest)
    total = sum(zone.len for zone in snapshot.memzones)
    yield _row("-> memzones", f"{len(snapshot.memzones)} named, {size(total)}: {named}, ...")


def _mempools(snapshot: Snapshot) -> Iterator[str]:
    for pool in snapshot.mempools:
        yield _row(
            "-> mempool",
            f"{pool.name!r}: {pool.size:,} mbufs of {size(pool.total_size)},"
            f" caches of {pool.cache_size} per lcore",
        )


def _mbufs(snapshot: Snapshot) -> Iterator[str]:
    for pool in snapshot.mempools:
        yield _row("-> mbufs", f"{pool.name!r}: {_mbuf_counts(pool)}")


def _mbuf_counts(pool: MempoolInfo) -> str:
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

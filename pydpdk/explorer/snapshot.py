"""hugepages -> memseg -> memzone -> mempool -> mbuf -> packet data, as frozen dataclasses."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from pydpdk import eal, version
from pydpdk._core.frozen import frozen
from pydpdk.burst.burst import Burst
from pydpdk.choices import IovaMode, ProcType
from pydpdk.errors import NoRoomError
from pydpdk.memory.hugepage import Hugepages
from pydpdk.memory.mempool import Mempool, MempoolInfo, mempools
from pydpdk.memory.memseg import Memseg, MemsegList, hugepages, memseg_lists, memsegs
from pydpdk.memory.memzone import MemzoneInfo, memzones


@frozen
class PacketTrace:
    """One mbuf of a pool, followed down the chain.

    Attributes
    ----------
    data_addr : int
        The address of its packet data.
    headroom, tailroom : int
        [bytes] free in front of the data and behind it.
    memzone : str
        The memzone with the mbuf; DPDK's own memory for a pool is a memzone too.
    page_addr, page_iova, page_sz : int
        The memseg, a page, with the data.
    """

    mempool: str
    data_addr: int
    headroom: int
    tailroom: int
    memzone: str | None
    page_addr: int | None
    page_iova: int | None
    page_sz: int | None


@frozen
class Snapshot:
    """All links of the chain at one moment."""

    dpdk_version: str
    proc_type: ProcType
    iova_mode: IovaMode
    file_prefix: str
    hugepages: list[Hugepages]
    memseg_lists: list[MemsegList]
    memsegs: list[Memseg]
    memzones: list[MemzoneInfo]
    mempools: list[MempoolInfo]
    packet: PacketTrace | None

    def to_dict(self) -> dict[str, Any]:
        """Return the snapshot as plain data; of the memsegs, their number and size."""
        plain = asdict(self)
        plain["memsegs"] = {"count": len(self.memsegs), "bytes": sum(m.len for m in self.memsegs)}
        return plain


def take(pool: Mempool | None = None) -> Snapshot:
    """Read the chain of the running EAL.

    Parameters
    ----------
    pool
        Follow one of its mbufs down to the page with its data.
    """
    running = eal.current()
    return Snapshot(
        dpdk_version=version.RUNNING,
        proc_type=running.proc_type,
        iova_mode=running.iova_mode,
        file_prefix=running.file_prefix,
        hugepages=hugepages(),
        memseg_lists=memseg_lists(),
        memsegs=memsegs(),
        memzones=memzones(),
        mempools=mempools(),
        packet=trace_packet(pool) if pool is not None else None,
    )


def trace_packet(pool: Mempool) -> PacketTrace | None:
    """Take one mbuf, follow it down the chain, and give it back; None if the pool is empty."""
    with Burst(1) as burst:
        try:
            burst.alloc(pool, 1)
        except NoRoomError:
            return None
        mbuf = burst.mbuf(0)
        addr, headroom, tailroom = mbuf.data_addr, mbuf.headroom, mbuf.tailroom
        burst.free()
    zone = next((z for z in memzones() if z.addr <= addr < z.addr + z.len), None)
    page = next((m for m in memsegs() if m.addr <= addr < m.addr + m.len), None)
    named = zone.name if zone else None
    where = (page.addr, page.iova, page.hugepage_sz) if page else (None, None, None)
    return PacketTrace(pool.name, addr, headroom, tailroom, named, *where)

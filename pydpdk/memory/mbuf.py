"""One mbuf, seen through the burst that owns it.

The data path is bursts; this is for the one packet one wants to look at or to shape.
"""

from __future__ import annotations

from typing import Any

from pydpdk._dpdk import ffi, lib
from pydpdk._lifetime import Bytes
from pydpdk.errors import ClosedError, check_range, make_error
from pydpdk.memory.flags import OlFlag
from pydpdk.memory.holder import Holder, refuse

# What Python may set: what describes a received packet, and VLAN insertion. Checksum and
# segmentation offloads also need header lengths, which drivers trust without a look.
_SETTABLE = OlFlag.TX_VLAN
for _flag in OlFlag:
    if _flag.name and _flag.name.startswith("RX_"):
        _SETTABLE |= _flag


class Mbuf:
    """One packet of a burst, for as long as the burst holds it.

    Notes
    -----
    Owns     nothing: the burst does
    Threads  those of the burst
    Cost     one crossing for each property
    """

    __slots__ = ("_burst", "_generation", "_index")

    def __init__(self, burst: Holder, index: int) -> None:
        self._burst = burst
        self._index = index
        self._generation = burst._c.generation

    @property
    def data(self) -> Bytes:
        """Data of the first segment, `uint8[data_len]`, writable and not copied."""
        self._check()
        return self._burst.view(self._index)

    @property
    def data_addr(self) -> int:
        """Address of the first byte of data, the same in all processes."""
        return int(self._segment().addr)

    @property
    def pkt_len(self) -> int:
        """[bytes] of the packet, over all its segments."""
        return int(self._segment().pkt_len)

    @property
    def data_len(self) -> int:
        """[bytes] in the first segment."""
        return int(self._segment().len)

    @property
    def nb_segs(self) -> int:
        """How many segments the packet is in."""
        return int(self._segment().nb_segs)

    @property
    def refcnt(self) -> int:
        """How many own the first segment."""
        return int(self._segment().refcnt)

    @property
    def headroom(self) -> int:
        """[bytes] free in front of the data."""
        return int(self._segment().headroom)

    @property
    def tailroom(self) -> int:
        """[bytes] free behind the data of the last segment."""
        return int(self._segment().tailroom)

    @property
    def port(self) -> int | None:
        """Port it was received on; None where it was not."""
        port = int(self._meta().port)
        return None if port == lib.RTE_MBUF_PORT_INVALID else port

    @property
    def packet_type(self) -> int:
        """What the port found in it, `RTE_PTYPE_*` bits."""
        return int(self._meta().packet_type)

    @property
    def rss_hash(self) -> int | None:
        """Hash that the port computed; None where it did not (`OlFlag.RX_RSS_HASH`)."""
        meta = self._meta()
        return int(meta.rss_hash) if meta.ol_flags & lib.RTE_MBUF_F_RX_RSS_HASH else None

    @property
    def ol_flags(self) -> OlFlag:
        """Offload flags. Settable: the RX flags and TX_VLAN."""
        return OlFlag(self._meta().ol_flags)

    @ol_flags.setter
    def ol_flags(self, flags: int) -> None:
        meta = self._meta()
        refused = (int(flags) ^ int(meta.ol_flags)) & ~int(_SETTABLE)
        if int(flags) < 0 or refused:
            raise ValueError(f"ol_flags={flags!r}: {_SETTABLE!r} may be changed")
        meta.ol_flags = int(flags)
        self._done(lib.pyd_mbuf_set(self._burst._c, self._index, meta))

    @property
    def vlan_tci(self) -> int:
        """VLAN tag beside the packet: stripped on receive, or to insert with `OlFlag.TX_VLAN`."""
        return int(self._meta().vlan_tci)

    @vlan_tci.setter
    def vlan_tci(self, tci: int) -> None:
        meta = self._meta()
        meta.vlan_tci = check_range("vlan_tci", tci, 0, 65535)
        self._done(lib.pyd_mbuf_set(self._burst._c, self._index, meta))

    def append(self, length: int) -> Bytes:
        """Lengthen the packet at its end; return all data of the first segment.

        Raises
        ------
        NoRoomError
            More than the tailroom.

        Notes
        -----
        Wraps  rte_pktmbuf_append (rte_mbuf.h)
        """
        return self._resize("rte_pktmbuf_append", lib.PYD_MBUF_APPEND, length)

    def prepend(self, length: int) -> Bytes:
        """Lengthen the packet at its start; return the data, the new bytes first.

        Raises
        ------
        NoRoomError
            More than the headroom.

        Notes
        -----
        Wraps  rte_pktmbuf_prepend (rte_mbuf.h)
        """
        return self._resize("rte_pktmbuf_prepend", lib.PYD_MBUF_PREPEND, length)

    def adj(self, length: int) -> Bytes:
        """Cut bytes off the start; return the data that is left.

        Raises
        ------
        NoRoomError
            More than the first segment holds.

        Notes
        -----
        Wraps  rte_pktmbuf_adj (rte_mbuf.h)
        """
        return self._resize("rte_pktmbuf_adj", lib.PYD_MBUF_ADJ, length)

    def trim(self, length: int) -> Bytes:
        """Cut bytes off the end; return the data of the first segment.

        Raises
        ------
        NoRoomError
            More than the last segment holds.

        Notes
        -----
        Wraps  rte_pktmbuf_trim (rte_mbuf.h)
        """
        return self._resize("rte_pktmbuf_trim", lib.PYD_MBUF_TRIM, length)

    def __bytes__(self) -> bytes:
        self._check()
        return self._burst.bytes(self._index)

    def __len__(self) -> int:
        return self.pkt_len

    def __repr__(self) -> str:
        if self._generation != self._burst._c.generation:
            return "<Mbuf given away>"
        return f"<Mbuf pkt_len={self.pkt_len} nb_segs={self.nb_segs}>"

    def _check(self) -> None:
        if self._generation != self._burst._c.generation:
            raise ClosedError("this mbuf has been sent, enqueued or freed since")

    def _segment(self) -> Any:
        self._check()
        segment = ffi.new("struct pyd_segment *")
        self._done(lib.pyd_burst_segment(self._burst._c, self._index, segment))
        return segment

    def _meta(self) -> Any:
        self._check()
        meta = ffi.new("struct pyd_meta *")
        self._done(lib.pyd_mbuf_get(self._burst._c, self._index, meta))
        return meta

    def _resize(self, call: str, how: int, length: int) -> Bytes:
        segment = self._segment()
        check_range("length", length, 0, 65535, " bytes")
        result = lib.pyd_mbuf_resize(self._burst._c, self._index, how, length)
        if result < 0:
            raise make_error(
                call, -result,
                f"{length} bytes, with headroom {segment.headroom}, {segment.len} bytes in the"
                f" first segment and tailroom {segment.tailroom}",
            )  # fmt: skip
        return self._burst.view(self._index)

    def _done(self, result: int) -> None:
        if result < 0:
            refuse(result, "struct rte_mbuf", self._burst, self._burst)

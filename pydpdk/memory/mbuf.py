"""One mbuf, through the burst that owns it.

The data path is bursts; this is to inspect or change a single packet. Memory that several mbufs
share (clones, attached ones) is read-only and keeps its length at both ends: a change would
show in all of them.
"""

from __future__ import annotations

import errno
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from pydpdk._core.fixed import Fixed
from pydpdk._core.lifetime import Buffer, Bytes
from pydpdk._dpdk import ffi, lib
from pydpdk.errors import ClosedError, check_range, make_error
from pydpdk.memory._rows import enough
from pydpdk.memory.dynfield import DynField, DynFlag
from pydpdk.memory.flags import OlFlag
from pydpdk.memory.mbuf_owner import MbufOwner, raise_for
from pydpdk.memory.mempool import Mempool, check_source

_U32 = (1 << 32) - 1

_SHARED = "its memory is seen by other mbufs: copy it first"
_WHY = {
    errno.EMSGSIZE: "the TX offloads of the packet need headers there: set_tx_offload(0) first",
    errno.EOVERFLOW: "too many segments or bytes for one packet, or too many clones of one segment",
}

# Flags that Python may set: those of received packets, and VLAN insertion. Checksum and
# segmentation offloads need header lengths, which drivers trust: see `set_tx_offload`.
_SETTABLE = OlFlag.TX_VLAN
for _flag in OlFlag:
    if _flag.name and _flag.name.startswith("RX_"):
        _SETTABLE |= _flag

_BITS = {"l2_len": 7, "l3_len": 9, "l4_len": 8, "tso_segsz": 16,
         "outer_l2_len": 7, "outer_l3_len": 9}  # fmt: skip


class TxLengths(NamedTuple):
    """Header lengths of a packet for TX offloads [bytes]."""

    l2_len: int
    l3_len: int
    l4_len: int
    tso_segsz: int
    outer_l2_len: int
    outer_l3_len: int


class SegmentField(property):
    """A number of the first segment, as C describes it."""

    def __init__(self, field: str, doc: str) -> None:
        super().__init__(lambda mbuf: int(getattr(mbuf._segment(), field)), doc=doc)

    if TYPE_CHECKING:

        def __get__(self, mbuf: object, kind: type | None = None) -> int:  # type: ignore[override]
            """Return the number: `property` has a less exact type."""


class Mbuf(Fixed, Buffer):
    """One packet of a burst, while the burst owns it.

    A packet of one segment has a buffer, its `data`: `memoryview(mbuf)`, `np.frombuffer(mbuf)`,
    or as the argument of what takes bytes. `bytes(mbuf)` copies a packet of any segments.

    Notes
    -----
    Wraps    rte_mbuf_refcnt_read (rte_mbuf.h) in `refcnt`, rte_pktmbuf_headroom (rte_mbuf.h) in
             `headroom`, rte_pktmbuf_tailroom, rte_pktmbuf_lastseg (rte_mbuf.h) in `tailroom`
    Owns     nothing: the burst does
    Threads  those of the burst
    Cost     one crossing for each property
    """

    __slots__ = ("_begun", "_burst", "_generation", "_index")

    def __init__(self, burst: MbufOwner, index: int) -> None:
        self._burst = burst
        self._index = index
        self._generation = burst._c.generation

    # -- data --

    address = SegmentField("mbuf", "Address of its `struct rte_mbuf`, the same in all processes.")
    data_addr = SegmentField("addr", "Address of the first byte, the same in all processes.")
    pkt_len = SegmentField("pkt_len", "[bytes] of the packet, over all its segments.")
    data_len = SegmentField("len", "[bytes] in the first segment.")
    nb_segs = SegmentField("nb_segs", "How many segments the packet is in.")
    refcnt = SegmentField("refcnt", "Reference count of the first segment.")
    headroom = SegmentField("headroom", "[bytes] free in front of the data.")

    @property
    def tailroom(self) -> int:
        """[bytes] free behind the data of the last segment."""
        segments, n = self._segments()
        return int(segments[n - 1].tailroom)

    @property
    def shared(self) -> bool:
        """Whether other mbufs share the memory of the first segment."""
        return int(self._segment().sharers) > 1

    @property
    def data(self) -> Bytes:
        """Data of the first segment, `uint8[data_len]`, not copied; read-only where shared."""
        self._check()
        return self._burst.view(self._index)

    @property
    def segments(self) -> list[Bytes]:
        """Data of each segment, `uint8[data_len]`, not copied; read-only where shared."""
        segments, n = self._segments()
        return [self._burst._view_of(segments[k]) for k in range(n)]

    def read(self, offset: int = 0, length: int | None = None) -> bytes:
        """Return a copy of a part of the packet, over all its segments.

        Parameters
        ----------
        offset
            [bytes] from its start.
        length
            [bytes]. Default: to its end.

        Raises
        ------
        ValueError
            More than the packet has.

        Notes
        -----
        Wraps  rte_pktmbuf_read (rte_mbuf.h)
        """
        pkt_len = self.pkt_len
        check_range("offset", offset, 0, pkt_len, " bytes")
        n = pkt_len - offset if length is None else length
        check_range("length", n, 0, pkt_len - offset, f" bytes behind offset {offset}")
        buffer = ffi.new("char[]", max(n, 1))
        self._call(lib.pyd_mbuf_read, offset, n, buffer)
        return bytes(ffi.buffer(buffer, n))

    def __bytes__(self) -> bytes:
        self._check()
        return self._burst.bytes(self._index)

    def _export(self) -> Bytes:
        """Return what its buffer shows: all of the packet, or nothing."""
        n = self.nb_segs
        if n > 1:
            raise BufferError(f"{self!r} is in {n} segments: use data, segments, read() or bytes()")
        return self.data

    def __len__(self) -> int:
        return self.pkt_len

    # -- metadata --

    @property
    def port(self) -> int | None:
        """Port that received it; None if none did."""
        port = int(self._meta().port)
        return None if port == lib.RTE_MBUF_PORT_INVALID else port

    @property
    def packet_type(self) -> int:
        """Packet type that the port found, `RTE_PTYPE_*` bits."""
        return int(self._meta().packet_type)

    @property
    def rss_hash(self) -> int | None:
        """Hash that the port computed; None if it did not (`OlFlag.RX_RSS_HASH`)."""
        meta = self._meta()
        return int(meta.rss_hash) if meta.ol_flags & lib.RTE_MBUF_F_RX_RSS_HASH else None

    @property
    def ol_flags(self) -> OlFlag:
        """Offload flags. Settable: the RX flags and TX_VLAN; others with `set_tx_offload`."""
        return OlFlag(self._meta().ol_flags)

    @ol_flags.setter
    def ol_flags(self, flags: OlFlag | int) -> None:
        meta = self._meta()
        fixed = (int(flags) ^ int(meta.ol_flags)) & ~int(_SETTABLE)
        if int(flags) < 0 or fixed:
            raise ValueError(f"ol_flags={flags!r}: {_SETTABLE!r} may be changed")
        meta.ol_flags = int(flags)
        self._call(lib.pyd_mbuf_set, meta)

    @property
    def vlan_tci(self) -> int:
        """VLAN tag beside the packet: stripped on receive, or to insert with `OlFlag.TX_VLAN`."""
        return int(self._meta().vlan_tci)

    @vlan_tci.setter
    def vlan_tci(self, tci: int) -> None:
        meta = self._meta()
        meta.vlan_tci = check_range("vlan_tci", tci, 0, 65535)
        self._call(lib.pyd_mbuf_set, meta)

    @property
    def tx_lengths(self) -> TxLengths:
        """Header lengths that `set_tx_offload` has set."""
        tx = self._read(lib.pyd_mbuf_tx_get, "struct pyd_tx_offload *")
        return TxLengths(*(int(getattr(tx, field)) for field in TxLengths._fields))

    def set_tx_offload(self, flags: OlFlag | int, **lengths: int) -> None:
        """Request checksums or segmentation of this packet from the port; 0 requests nothing.

        Parameters
        ----------
        flags
            `OlFlag.TX_*`, which replace the former ones.
        **lengths
            Fields of `TxLengths` [bytes], 0 by default. All headers must lie in the first segment,
            as drivers read and write there without a check.

        Raises
        ------
        ValueError
            A flag lacks others or lengths that it needs, or headers are longer than the first
            segment; nothing was changed.

        Notes
        -----
        Wraps  rte_mbuf_tx_offload, rte_validate_tx_offload (rte_mbuf.h)
        """
        self._check()
        unknown = lengths.keys() - _BITS.keys()
        if unknown:
            raise TypeError(
                f"lengths must be of {', '.join(_BITS)} (got {', '.join(sorted(unknown))})"
            )
        tx = ffi.new("struct pyd_tx_offload *")
        tx.ol_flags = check_range("flags", flags, 0, (1 << 64) - 1)
        for field, value in lengths.items():
            setattr(tx, field, check_range(field, value, 0, (1 << _BITS[field]) - 1, " bytes"))
        result = lib.pyd_mbuf_tx_set(self._burst._c, self._index, tx)
        if result == -errno.EMSGSIZE:
            raise ValueError(f"{lengths}: the first segment has {self.data_len} bytes of headers")
        if result == -errno.EINVAL:
            raise ValueError(f"{OlFlag(flags)!r} with {lengths}: no sound TX offload")
        self._done(result)

    def __getitem__(self, key: DynField | DynFlag) -> Any:
        """Return a dynamic field as its dtype's scalar, or a dynamic flag as bool."""
        if isinstance(key, DynFlag):
            return bool(self._meta().ol_flags & key.mask)
        if not isinstance(key, DynField):
            raise TypeError(f"key must be a DynField or DynFlag (got {key!r})")
        value = np.empty((), key.dtype)
        self._dyn(key, ffi.from_buffer("char *", value), ffi.NULL)
        return value[()]

    def __setitem__(self, key: DynField | DynFlag, value: Any) -> None:
        if isinstance(key, DynFlag):
            key._require_writable()
            self._call(lib.pyd_mbuf_flag_set, key.bitnum, bool(value))
        elif isinstance(key, DynField):
            key._require_writable()
            data = np.asarray(value, key.dtype).reshape(())
            self._dyn(key, ffi.NULL, data.tobytes())
        else:
            raise TypeError(f"key must be a DynField or DynFlag (got {key!r})")

    def _dyn(self, key: DynField, to: Any, data: Any) -> None:
        """Read the bytes of a field into `to`, or write them from `data`."""
        self._call(lib.pyd_mbuf_dyn, key.offset, key.dtype.itemsize, to, data)

    def check(self) -> str | None:
        """Return why DPDK considers the mbuf invalid; None if it is valid.

        Notes
        -----
        Wraps  rte_mbuf_check (rte_mbuf.h)
        """
        reason = ffi.new("char[]", 128)
        result = self._call(lib.pyd_mbuf_check, reason, 128)
        return str(ffi.string(reason).decode()) if result else None

    # -- changes of the length --

    def append(self, data: Any) -> Bytes:
        """Put bytes at the end of the packet; return the data of the first segment.

        Parameters
        ----------
        data
            A bytes-like object.

        Raises
        ------
        NoRoomError
            More than the tailroom.
        DpdkError
            EPERM: other mbufs see the memory.

        Notes
        -----
        Wraps  rte_pktmbuf_append (rte_mbuf.h)
        """
        return self._put("rte_pktmbuf_append", lib.PYD_MBUF_APPEND, data)

    def prepend(self, data: Any) -> Bytes:
        """Put bytes in front of the packet; return the data of the first segment.

        Parameters
        ----------
        data
            A bytes-like object.

        Raises
        ------
        NoRoomError
            More than the headroom.
        DpdkError
            EPERM: other mbufs see the memory. EMSGSIZE: the packet has TX offloads.

        Notes
        -----
        Wraps  rte_pktmbuf_prepend (rte_mbuf.h)
        """
        return self._put("rte_pktmbuf_prepend", lib.PYD_MBUF_PREPEND, data)

    def adj(self, length: int) -> Bytes:
        """Remove bytes from the start; return the data that is left.

        Raises
        ------
        NoRoomError
            More than the first segment holds.

        Notes
        -----
        Wraps  rte_pktmbuf_adj (rte_mbuf.h)
        """
        return self._cut("rte_pktmbuf_adj", lib.PYD_MBUF_ADJ, length)

    def trim(self, length: int) -> Bytes:
        """Remove bytes from the end; return the data of the first segment.

        Raises
        ------
        NoRoomError
            More than the last segment holds.

        Notes
        -----
        Wraps  rte_pktmbuf_trim (rte_mbuf.h)
        """
        return self._cut("rte_pktmbuf_trim", lib.PYD_MBUF_TRIM, length)

    # -- segments, and memory that packets share --

    def chain(self, tail: Mbuf) -> None:
        """Append another packet to this one.

        Parameters
        ----------
        tail
            Leaves its burst, which makes the other `Mbuf` objects of that burst invalid; this one
            stays valid.

        Raises
        ------
        DpdkError
            EOVERFLOW: more than 65,535 segments or 2 GB.

        Notes
        -----
        Wraps  rte_pktmbuf_chain (rte_mbuf.h)
        Owns   the burst of this packet owns all its segments
        """
        other = self._other("tail", tail)
        if tail._burst._views:
            tail._burst._check_views()
        result = lib.pyd_mbuf_chain(self._burst._c, self._index, other, tail._index)
        self._raise("rte_pktmbuf_chain", result)
        if tail._burst is self._burst:
            self._index -= tail._index < self._index
            self._generation = self._burst._c.generation

    def linearize(self) -> Bytes:
        """Move all data into the first segment and free the others; return the data.

        Raises
        ------
        NoRoomError
            The first segment's tailroom is too small.

        Notes
        -----
        Wraps  rte_pktmbuf_linearize (rte_mbuf.h)
        """
        self._change("rte_pktmbuf_linearize", lib.pyd_mbuf_linearize)
        return self._burst.view(self._index)

    def attach(self, other: Mbuf) -> None:
        """Replace the data of this packet by a reference to another's first segment.

        Parameters
        ----------
        other
            Its memory is shared from now on, and stays until both are freed.

        Raises
        ------
        DpdkError
            EPERM: this packet has several segments, or memory that is not its own alone.

        Notes
        -----
        Wraps  rte_pktmbuf_attach (rte_mbuf.h)
        """
        seen = self._other("other", other), other._index
        reason = "it must be of one segment, whose memory is its own alone"
        self._change("rte_pktmbuf_attach", lib.pyd_mbuf_attach, *seen, not_permitted=reason)

    def detach(self) -> None:
        """Detach from another's memory; the packet is then empty, in its own memory.

        Raises
        ------
        DpdkError
            EPERM: it is not attached, or has several segments.

        Notes
        -----
        Wraps  rte_pktmbuf_detach (rte_mbuf.h)
        """
        reason = "it must be a packet of one segment that is attached or a clone"
        self._change("rte_pktmbuf_detach", lib.pyd_mbuf_detach, not_permitted=reason)

    def clone(self, mempool: Mempool, into: MbufOwner) -> Mbuf:
        """Add a packet that shares this one's memory to the end of a burst.

        Parameters
        ----------
        mempool
            For the headers of the clone's segments.
        into
            The burst, which owns the clone; may be that of this packet.

        Returns
        -------
        Mbuf
            The clone. While mbufs share memory, all of them are read-only.

        Raises
        ------
        NoRoomError
            The pool or the burst is full; nothing was taken.

        Notes
        -----
        Wraps  rte_pktmbuf_clone (rte_mbuf.h)
        """
        return self._derive("rte_pktmbuf_clone", lib.PYD_MBUF_CLONE, mempool, into, 0, 0)

    def copy(
        self, mempool: Mempool, into: MbufOwner, *, offset: int = 0, length: int | None = None
    ) -> Mbuf:
        """Add a copy of this packet, or of a part of it, to the end of a burst.

        Parameters
        ----------
        mempool
            For the copy's segments, as many as it needs.
        into
            The burst, which owns the copy; may be that of this packet.
        offset
            [bytes] to leave out at the start, less than the packet has.
        length
            [bytes] at most. Default: all.

        Raises
        ------
        NoRoomError
            The pool or the burst is full; nothing was taken.

        Notes
        -----
        Wraps  rte_pktmbuf_copy (rte_mbuf.h)
        """
        pkt_len = self.pkt_len
        check_range("offset", offset, 0, pkt_len - 1, f" bytes of a packet of {pkt_len}")
        n = _U32 if length is None else check_range("length", length, 1, _U32, " bytes")
        return self._derive("rte_pktmbuf_copy", lib.PYD_MBUF_COPY, mempool, into, offset, n)

    def __repr__(self) -> str:
        if self._generation != self._burst._c.generation:
            return "<Mbuf given away>"
        return f"<Mbuf pkt_len={self.pkt_len} nb_segs={self.nb_segs}>"

    # -- calls --

    def _check(self) -> None:
        if self._generation != self._burst._c.generation:
            raise ClosedError("this mbuf has been sent, enqueued or freed since")

    def _call(self, function: Callable[..., int], *arguments: Any) -> int:
        self._check()
        return self._done(function(self._burst._c, self._index, *arguments))

    def _read(self, function: Callable[..., int], struct: str, *arguments: Any) -> Any:
        """Return a new struct, which C has filled."""
        self._check()
        filled = ffi.new(struct)
        self._done(function(self._burst._c, self._index, filled, *arguments))
        return filled

    def _segment(self) -> Any:
        return self._read(lib.pyd_mbuf_segments, "struct pyd_segment *", 1)

    def _meta(self) -> Any:
        return self._read(lib.pyd_mbuf_get, "struct pyd_meta *")

    def _segments(self) -> tuple[Any, int]:
        """Return the segments as an array, which must outlive its elements, and their number."""
        return enough("pyd_segment", partial(self._call, lib.pyd_mbuf_segments), 1)

    def _put(self, call: str, how: int, data: Any) -> Bytes:
        octets = _octets(data)
        return self._resized(call, len(octets), lib.pyd_mbuf_put, how, octets, len(octets))

    def _cut(self, call: str, how: int, length: int) -> Bytes:
        n = check_range("length", length, 0, 65535, " bytes")
        return self._resized(call, n, lib.pyd_mbuf_cut, how, n)

    def _resized(
        self, call: str, length: int, function: Callable[..., int], *arguments: Any
    ) -> Bytes:
        self._check()
        result = function(self._burst._c, self._index, *arguments)
        if result == -errno.ENOSPC:
            raise make_error(
                call, -result,
                f"{length} bytes, with headroom {self.headroom}, {self.data_len} bytes in the"
                f" first segment and tailroom {self.tailroom}",
            )  # fmt: skip
        self._raise(call, result)
        return self._burst.view(self._index)

    def _derive(
        self, call: str, how: int, mempool: Mempool, into: MbufOwner, offset: int, length: int
    ) -> Mbuf:
        self._check()
        pool = check_source(mempool, how)
        if not isinstance(into, type(self._burst)):
            raise TypeError(f"into must be a Burst (got {into!r})")
        c = into._c
        result = lib.pyd_mbuf_derive(self._burst._c, self._index, c, pool, how, offset, length)
        self._raise(call, result)
        into._stamp(c.n - 1, call)
        return type(self)(into, c.n - 1)

    def _other(self, name: str, mbuf: Mbuf) -> Any:
        self._check()
        if not isinstance(mbuf, Mbuf):
            raise TypeError(f"{name} must be an Mbuf (got {mbuf!r})")
        mbuf._check()
        if mbuf._burst is self._burst and mbuf._index == self._index:
            raise ValueError(f"{name} must be another packet than {self!r}")
        return mbuf._burst._c

    def _change(
        self, call: str, function: Callable[..., int], *arguments: Any, not_permitted: str = _SHARED
    ) -> None:
        self._check()
        if self._burst._views:
            self._burst._check_views()
        result = function(self._burst._c, self._index, *arguments)
        self._raise(call, result, not_permitted)

    def _raise(self, call: str, result: int, not_permitted: str = _SHARED) -> None:
        if result == -errno.EPERM:
            raise make_error(call, errno.EPERM, not_permitted)
        if -result in _WHY:
            raise make_error(call, -result, _WHY[-result])
        if result in (-errno.ENOSPC, -errno.ENOBUFS):
            raise make_error(call, -result, repr(self))
        self._done(result)

    def _done(self, result: int) -> int:
        if result < 0:
            raise_for(result, "struct rte_mbuf", self._burst, self._burst)
        return result


def _octets(data: Any) -> bytes:
    try:
        view = memoryview(data)
    except TypeError:
        raise TypeError(f"data must be a bytes-like object (got {data!r:.80})") from None
    if view.itemsize != 1:
        raise TypeError(f"data must be of single bytes (got items of {view.itemsize} bytes)")
    return view.tobytes()

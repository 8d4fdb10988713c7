"""One mbuf, through the burst that owns it.

The data path is bursts; this is to inspect or change a single packet. Memory that several mbufs
share (clones, attached ones) is read-only and keeps its length at both ends: what one writes, all
others would read.
"""

from __future__ import annotations

import errno
from typing import Any

from pydpdk._core.lifetime import Bytes
from pydpdk._dpdk import ffi, lib
from pydpdk.errors import check_range, make_error
from pydpdk.memory.mbuf_meta import MbufMeta
from pydpdk.memory.mbuf_owner import MbufOwner
from pydpdk.memory.mempool import Mempool

_U32 = (1 << 32) - 1


class Mbuf(MbufMeta):
    """One packet of a burst, while the burst owns it.

    Notes
    -----
    Wraps    rte_mbuf_refcnt_read (rte_mbuf.h) in `refcnt`, rte_pktmbuf_headroom (rte_mbuf.h) in
             `headroom`, rte_pktmbuf_tailroom, rte_pktmbuf_lastseg (rte_mbuf.h) in `tailroom`
    Owns     nothing: the burst does
    Threads  those of the burst
    Cost     one crossing for each property
    """

    __slots__ = ()

    def check(self) -> str | None:
        """Return why DPDK considers the mbuf invalid; None if it is valid.

        Notes
        -----
        Wraps  rte_mbuf_check (rte_mbuf.h)
        """
        self._check()
        reason = ffi.new("char[]", 128)
        result = lib.pyd_mbuf_check(self._burst._c, self._index, reason, 128)
        self._done(result)
        return str(ffi.string(reason).decode()) if result else None

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
        self._checked_views(tail._burst)
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
        self._check()
        self._checked_views(self._burst)
        result = lib.pyd_mbuf_linearize(self._burst._c, self._index)
        self._raise("rte_pktmbuf_linearize", result)
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
        seen = self._other("other", other)
        self._checked_views(self._burst)
        result = lib.pyd_mbuf_attach(self._burst._c, self._index, seen, other._index)
        if result == -errno.EPERM:
            detail = "it must be of one segment, whose memory is its own alone"
            raise make_error("rte_pktmbuf_attach", errno.EPERM, detail)
        self._raise("rte_pktmbuf_attach", result)

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
        self._check()
        self._checked_views(self._burst)
        result = lib.pyd_mbuf_detach(self._burst._c, self._index)
        if result == -errno.EPERM:
            detail = "a packet of one segment that is attached or a clone is allowed"
            raise make_error("rte_pktmbuf_detach", errno.EPERM, detail)
        self._raise("rte_pktmbuf_detach", result)

    def clone(self, mempool: Mempool, burst: MbufOwner) -> Mbuf:
        """Add a packet that shares this one's memory to the end of a burst.

        Parameters
        ----------
        mempool
            For the headers of the clone's segments.
        burst
            Owns the clone; may be the burst of this packet.

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
        return self._derive("rte_pktmbuf_clone", lib.PYD_MBUF_CLONE, mempool, burst, 0, 0)

    def copy(
        self, mempool: Mempool, burst: MbufOwner, *, offset: int = 0, length: int | None = None
    ) -> Mbuf:
        """Add a copy of this packet, or of a part of it, to the end of a burst.

        Parameters
        ----------
        mempool
            For the copy's segments, as many as it needs.
        burst
            Owns the copy; may be the burst of this packet.
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
        return self._derive("rte_pktmbuf_copy", lib.PYD_MBUF_COPY, mempool, burst, offset, n)

    def __repr__(self) -> str:
        if self._generation != self._burst._c.generation:
            return "<Mbuf given away>"
        return f"<Mbuf pkt_len={self.pkt_len} nb_segs={self.nb_segs}>"

    def _derive(
        self, call: str, how: int, mempool: Mempool, burst: MbufOwner, offset: int, length: int
    ) -> Mbuf:
        self._check()
        if not isinstance(mempool, Mempool):
            raise TypeError(f"mempool={mempool!r}: a Mempool is allowed")
        mempool.handle  # noqa: B018  # raises when closed
        pool, into = mempool._c, self._struct("burst", burst)
        if how == lib.PYD_MBUF_CLONE and mempool.external:
            raise ValueError(f"{mempool!r}: clones need a pool whose mbufs may see other memory")
        result = lib.pyd_mbuf_derive(self._burst._c, self._index, into, pool, how, offset, length)
        self._raise(call, result)
        burst.taken(into.n - 1, call)
        return type(self)(burst, into.n - 1)

    def _struct(self, name: str, burst: MbufOwner) -> Any:
        if not isinstance(burst, type(self._burst)):
            raise TypeError(f"{name}={burst!r}: a Burst is allowed")
        return burst._c

    def _other(self, name: str, mbuf: Mbuf) -> Any:
        self._check()
        if not isinstance(mbuf, Mbuf):
            raise TypeError(f"{name}={mbuf!r}: an Mbuf is allowed")
        mbuf._check()
        if mbuf._burst is self._burst and mbuf._index == self._index:
            raise ValueError(f"{name}: this very packet; another one is allowed")
        return mbuf._burst._c

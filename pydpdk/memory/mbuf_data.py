"""The bytes of one packet: access, and changes of the length."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Any

from pydpdk._core.fixed import Fixed
from pydpdk._core.lifetime import Bytes
from pydpdk._dpdk import ffi, lib
from pydpdk.errors import ClosedError, check_range, make_error
from pydpdk.memory.mbuf_owner import MbufOwner, refuse

_WHY = {
    errno.EPERM: "its memory is seen by other mbufs: copy it first",
    errno.EMSGSIZE: "the TX offloads of the packet need headers there: set_tx_offload(0) first",
    errno.EOVERFLOW: "too many segments or bytes for one packet, or too many clones of one segment",
}


class SegmentField(property):
    """A number of the first segment, as C describes it."""

    def __init__(self, field: str, doc: str) -> None:
        super().__init__(lambda mbuf: int(getattr(mbuf._segment(), field)), doc=doc)

    if TYPE_CHECKING:

        def __get__(self, mbuf: object, kind: type | None = None) -> int:  # type: ignore[override]
            """Return the number: `property` has a less exact type."""


class MbufData(Fixed):
    """The part of `Mbuf` that reads and resizes its data.

    Notes
    -----
    Owns     nothing: the burst does
    Threads  those of the burst
    Cost     one crossing for each property
    """

    __slots__ = ("_begun", "_burst", "_generation", "_index")

    def __init__(self, burst: MbufOwner, index: int) -> None:
        self._burst = burst
        self._index = index
        self._generation = burst._c.generation

    address = SegmentField("mbuf", "Address of its `struct rte_mbuf`, the same in all processes.")
    data_addr = SegmentField("addr", "Address of the first byte, the same in all processes.")
    pkt_len = SegmentField("pkt_len", "[bytes] of the packet, over all its segments.")
    data_len = SegmentField("len", "[bytes] in the first segment.")
    nb_segs = SegmentField("nb_segs", "How many segments the packet is in.")
    refcnt = SegmentField("refcnt", "Reference count of the first segment.")
    headroom = SegmentField("headroom", "[bytes] free in front of the data.")

    @property
    def data(self) -> Bytes:
        """Data of the first segment, `uint8[data_len]`, not copied; read-only where shared."""
        self._check()
        return self._burst.view(self._index)

    @property
    def segments(self) -> list[Bytes]:
        """Data of each segment, `uint8[data_len]`, not copied; read-only where shared."""
        segments, n = self._segments()
        return [self._burst.view_of(segments[k]) for k in range(n)]

    @property
    def shared(self) -> bool:
        """Whether other mbufs share the memory of the first segment."""
        return int(self._segment().sharers) > 1

    @property
    def tailroom(self) -> int:
        """[bytes] free behind the data of the last segment."""
        segments, n = self._segments()
        return int(segments[n - 1].tailroom)

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
        self._done(lib.pyd_mbuf_read(self._burst._c, self._index, offset, n, buffer))
        return bytes(ffi.buffer(buffer, n))

    def append(self, length: int) -> Bytes:
        """Extend the packet at its end; return all data of the first segment.

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
        """Extend the packet at its start; return the data, the new bytes first.

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
        """Remove bytes from the start; return the data that is left.

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
        """Remove bytes from the end; return the data of the first segment.

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

    def _resize(self, call: str, how: int, length: int) -> Bytes:
        segment = self._segment()
        check_range("length", length, 0, 65535, " bytes")
        result = lib.pyd_mbuf_resize(self._burst._c, self._index, how, length)
        if result == -errno.ENOSPC:
            raise make_error(
                call, -result,
                f"{length} bytes, with headroom {segment.headroom}, {segment.len} bytes in the"
                f" first segment and tailroom {self.tailroom}",
            )  # fmt: skip
        self._raise(call, result)
        return self._burst.view(self._index)

    def _check(self) -> None:
        if self._generation != self._burst._c.generation:
            raise ClosedError("this mbuf has been sent, enqueued or freed since")

    def _segment(self) -> Any:
        self._check()
        segment = ffi.new("struct pyd_segment *")
        self._done(lib.pyd_mbuf_segments(self._burst._c, self._index, segment, 1))
        return segment

    def _segments(self) -> tuple[Any, int]:
        """Return the segments as an array, which must outlive its elements, and their number."""
        self._check()
        room = 1
        while True:
            segments = ffi.new("struct pyd_segment[]", room)
            n = lib.pyd_mbuf_segments(self._burst._c, self._index, segments, room)
            self._done(n)
            if n <= room:
                return segments, n
            room = n

    def _checked_views(self, burst: MbufOwner) -> None:
        if burst._views:
            burst.check_views()

    def _raise(self, call: str, result: int) -> None:
        if -result in _WHY:
            raise make_error(call, -result, _WHY[-result])
        if result in (-errno.ENOSPC, -errno.ENOBUFS):
            raise make_error(call, -result, repr(self))
        self._done(result)

    def _done(self, result: int) -> None:
        if result < 0:
            refuse(result, "struct rte_mbuf", self._burst, self._burst)

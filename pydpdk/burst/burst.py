"""A burst: the only owner of up to `capacity` mbufs, made once and used again and again.

The mbuf pointers lie in DPDK memory and are listed there, so recovery finds the mbufs of a dead
process. Python sees packets as arrays, and makes no object for each. The checks and C calls
of its verbs over all packets are in `fields` and `masks`, and generated in `_verbs`.
"""

from __future__ import annotations

import errno
import itertools
import os
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import IO, Any, Self

import numpy as np
import numpy.typing as npt

from pydpdk import eal
from pydpdk._core.lifetime import Bytes, Owner, Pin, Rank, Undo, address_of
from pydpdk._core.objects import install
from pydpdk._core.show import html_table, show_lines
from pydpdk._dpdk import ffi, lib
from pydpdk.burst import fields, masks
from pydpdk.burst._packets import AnyPacket, AnyPackets, as_bytes, each
from pydpdk.burst._verbs import BurstVerbs
from pydpdk.burst.columns import Columns
from pydpdk.burst.masks import Mask
from pydpdk.burst.packet import Packet
from pydpdk.burst.where import compiled
from pydpdk.errors import InUseError, call_errno, check_range, make_error
from pydpdk.memory import trace
from pydpdk.memory.mbuf import Mbuf
from pydpdk.memory.mbuf_owner import raise_for
from pydpdk.memory.mempool import Mempool, check_source, pool_of

CHECK = os.environ.get("PYDPDK_CHECK", "0") not in ("", "0")
"""Check mode: raise when mbufs are given away while views of their data are alive."""
SIZE_MAX = 65535
_SHOWN = 10
_U32 = (1 << 32) - 1
_numbers = itertools.count()


@install("burst", without=("free", "keep", "drop") if CHECK else ())
class Burst(Owner, BurstVerbs):
    """Up to `size` packets that are received, read, changed and sent together.

    Parameters
    ----------
    size
        [packets] that fit, 1 to 65,535; ports are fast with 32 to 256.

    Attributes
    ----------
    capacity : int
        [packets] that fit; `len(burst)` is how many are in it now, and an empty burst is false.

    Notes
    -----
    Owns     the mbufs in it, until they are sent, enqueued or freed
    Threads  one at a time: a second one gets `BusyError`
    """

    _rank = Rank.MBUFS

    def __init__(self, size: int = 32) -> None:
        eal.require_running()
        check_range("size", size, 1, SIZE_MAX, " packets")
        self._c: Any = ffi.new("struct pyd_burst *")
        self._views: list[Pin] = []
        self.capacity = size
        gate = ffi.addressof(self._c, "gate")
        with eal.running(), Undo(lib.pyd_burst_close, self._c, True):
            call_errno(lib.pyd_burst_open, self._c, size, detail=f"burst of {size}")
            self._keep(self._c)
            self._bind(address_of(self._c))
            storage = address_of(self._c.storage)
            super().__init__(f"burst{next(_numbers)}", self._c, gate, address=storage)

    @classmethod
    def of(
        cls, mempool: Mempool, packets: AnyPackets, *, lengths: npt.ArrayLike | None = None
    ) -> Self:
        """Make a burst of packets; it has room for no others.

        Parameters
        ----------
        mempool
            For the packets' mbufs; what does not fit in one mbuf goes into further ones.
        packets
            One packet or several: bytes-like, or anything with `__bytes__`, as Scapy's packets; or
            rows, `uint8[n, width]`.
        lengths
            [bytes] of each row, `[n]`. Default: the width.

        Raises
        ------
        TypeError, ValueError
            Something among them is no packet; or there are more than 65,535.
        NoRoomError
            The pool has too few mbufs left.
        """
        parts = list(each(packets, lengths))
        burst = cls(check_range("packets", max(len(parts), 1), 1, SIZE_MAX))
        with Undo(partial(burst.close, force=True)):
            burst.alloc(mempool, len(parts))
            burst.fill(parts)
            return burst

    def __len__(self) -> int:
        return int(self._c.n)

    def __bool__(self) -> bool:
        return bool(self._c.n)

    @property
    def lengths(self) -> npt.NDArray[np.uint32]:
        """Length of each packet over all its segments, `uint32[n]` [bytes], a copy."""
        lengths = np.empty(self.capacity, np.uint32)
        n = lib.pyd_burst_lengths(self._c, self.capacity, ffi.from_buffer("uint32_t *", lengths))
        return lengths[: self._done(n, "rte_pktmbuf_pkt_len")]

    # -- filling and freeing --

    def alloc(self, mempool: Mempool, n: int | None = None, *, length: int = 0) -> int:
        """Take mbufs from a pool into the empty burst: all `n` or none.

        Parameters
        ----------
        mempool
            The pool.
        n
            [packets]. Default: the burst's capacity.
        length
            [bytes] of each packet; their content is not initialised.

        Raises
        ------
        NoRoomError
            The pool has fewer left; nothing was taken.

        Notes
        -----
        Wraps  rte_pktmbuf_alloc_bulk (rte_mbuf.h)
        Cost   85 ns for 1, 175 ns for 32, 820 ns for 256 [packets], the mean of `alloc` and `free`
        """
        if not isinstance(mempool, Mempool):
            raise TypeError(f"mempool must be a Mempool (got {mempool!r})")
        if n is None:
            n = self.capacity
        elif type(n) is not int or not 0 <= n <= self.capacity:
            n = check_range("n", n, 0, self.capacity, " packets")
        if type(length) is not int or not 0 <= length <= mempool.room:
            length = check_range("length", length, 0, mempool.room, " bytes")
        result: int = lib.pyd_burst_alloc(self._c, mempool._c, n, length)
        if result >= 0:
            return result
        mempool.handle  # noqa: B018  # raises when closed
        why = mempool._shortage() if -result == errno.ENOBUFS else ""
        return self._done(result, "rte_pktmbuf_alloc_bulk", mempool, why)

    def fill(self, packets: Iterable[AnyPacket] | bytes) -> None:
        """Write the packets' data and lengths, all in one call into C.

        Parameters
        ----------
        packets
            One bytes-like object, or one with `__bytes__`, for each packet of the burst; or bytes
            for all. Bytes that do not fit in the first segment go into further ones, of the
            packet's own pool.

        Raises
        ------
        ValueError
            Their number is not the burst's, which has no packets before `alloc` or `rx`; or a
            packet shares memory with other mbufs.
        NoRoomError
            The pool has too few mbufs left. In all cases nothing was written.
        """
        if isinstance(packets, (bytes, bytearray, memoryview)):
            self._require_packets()
            data = bytes(packets)
            result = lib.pyd_burst_fill_each(self._c, data, len(data))
        else:
            parts = list(map(as_bytes, packets))
            if parts:
                self._require_packets()
            data, count = b"".join(parts), len(parts)
            if count != len(self):
                raise ValueError(f"data must be as many packets as {self!r} holds (got {count})")
            ends = list(itertools.accumulate(map(len, parts)))
            result = lib.pyd_burst_fill(self._c, data, ends, count)
        if result > 0:
            raise ValueError(f"packet {result - 1}: other mbufs see its memory; copy it first")
        self._done(result, "rte_pktmbuf_alloc")

    def append(
        self, mempool: Mempool, packets: AnyPackets, *, lengths: npt.ArrayLike | None = None
    ) -> int:
        """Add packets, or none of them, to the end of the burst; return how many.

        Parameters
        ----------
        mempool, packets, lengths
            As for `of`.

        Raises
        ------
        TypeError, ValueError
            As from `of`.
        NoRoomError
            The pool or the burst has too little room.
        """
        self.handle  # noqa: B018  # raises when closed
        with Burst.of(mempool, packets, lengths=lengths) as more:
            n = len(more)
            try:
                return more.take(np.ones(n, np.bool_), self)
            finally:
                more.free()

    def clone(self, mempool: Mempool, into: Burst) -> int:
        """Add clones of all packets, or of none, to the end of another burst; return how many.

        Parameters
        ----------
        mempool
            For the headers of the clones' segments.
        into
            Owns the clones. The memory is shared, and read-only for both until one is freed.

        Raises
        ------
        NoRoomError
            The pool or the other burst has too little room.

        Notes
        -----
        Wraps  rte_pktmbuf_clone (rte_mbuf.h)
        """
        return self._derive("rte_pktmbuf_clone", lib.PYD_MBUF_CLONE, mempool, into, 0, 0)

    def copy(
        self, mempool: Mempool, into: Burst, *, offset: int = 0, length: int | None = None
    ) -> int:
        """Add copies of all packets, or of none, to the end of another burst; return how many.

        Parameters
        ----------
        mempool
            For the copies' segments, as many as they need.
        into
            Owns the copies.
        offset
            [bytes] to leave out at the start, less than each packet has.
        length
            [bytes] at most. Default: all.

        Raises
        ------
        NoRoomError
            The pool or the other burst has too little room.

        Notes
        -----
        Wraps  rte_pktmbuf_copy (rte_mbuf.h)
        """
        check_range("offset", offset, 0, _U32 - 1, " bytes")
        n = _U32 if length is None else check_range("length", length, 1, _U32, " bytes")
        return self._derive("rte_pktmbuf_copy", lib.PYD_MBUF_COPY, mempool, into, offset, n)

    def free(self) -> int:
        """Give all mbufs back to their pools; return how many.

        Notes
        -----
        Wraps  rte_pktmbuf_free_bulk (rte_mbuf.h)
        """
        if self._views:
            self._check_views()
        if CHECK:
            self.verify()
        return self._done(lib.pyd_burst_free(self._c), "rte_pktmbuf_free_bulk")

    # -- one packet --

    def __getitem__(self, i: int) -> Bytes:
        return self.view(self._index(i))

    def __iter__(self) -> Iterator[Bytes]:
        """Yield the data of each packet's first segment, as `burst[i]` gives it.

        The loop's name keeps the last view alive: delete it before the pool or the EAL is closed.

        Raises
        ------
        RuntimeError
            The number of packets changed during the iteration.
        """
        self.handle  # noqa: B018  # raises when closed
        n, i = len(self), 0
        while len(self) == n:
            if i == n:
                return
            yield self.view(i)
            i += 1
        raise RuntimeError(f"{self!r} changed during its iteration: it had {n} packets")

    __contains__ = None  # arrays are not compared as a whole

    def view(self, i: int) -> Bytes:
        """Return the data of packet i's first segment, `uint8[data_len]`, no copy.

        Valid until the packet is sent, enqueued or freed: copy what you keep. Read-only if other
        mbufs share the memory.
        """
        segment = ffi.new("struct pyd_segment *")
        n = lib.pyd_mbuf_segments(self._c, self._index(i), segment, 1)
        self._done(n, "rte_pktmbuf_mtod")
        return self._view_of(segment)

    def _view_of(self, segment: Any) -> Bytes:
        """Return the data of a segment that C has described; read-only where shared."""
        pool, pin = pool_of(Mempool._at(segment.pool), segment.addr, segment.len)
        if CHECK or pin is None:
            pin = pool._pin_packet(segment.addr, segment.len)
            self._views.append(pin)
            self._checked_only = True
        view = pin.view(segment.addr - pin.address, segment.len)
        if segment.sharers != 1:
            view.flags.writeable = False
        return view

    def bytes(self, i: int) -> bytes:
        """Return a copy of packet i over all its segments.

        Notes
        -----
        Wraps  rte_pktmbuf_read (rte_mbuf.h)
        """
        index, size = self._index(i), 2048
        while True:
            buffer = ffi.new("char[]", size)
            n = self._done(lib.pyd_burst_bytes(self._c, index, buffer, size), "rte_pktmbuf_read")
            if n <= size:
                return bytes(ffi.buffer(buffer, n))
            size = n

    def packet(self, i: int) -> Packet:
        """Return a copy of packet i as a `Packet`, to read its headers and to keep it."""
        return Packet(self.bytes(i))

    def show(self, n: int = 10, file: IO[str] | None = None) -> None:
        """Print one line for each of the first `n` packets."""
        check_range("n", n, 0, SIZE_MAX, " packets")
        show_lines([repr(self), *self._lines(n)], file)

    def _lines(self, n: int) -> list[str]:
        shown = [f"{i:5}  {self.packet(i).summary()}" for i in range(min(n, len(self)))]
        return [*shown, "  ..."] if len(self) > n else shown

    def _repr_html_(self) -> str:
        """Show the first packets as a table in a notebook."""
        rows = (line.split(None, 1) for line in self._lines(_SHOWN))
        return html_table(repr(self), ("packet", ""), rows)

    def mbuf(self, i: int) -> Mbuf:
        """Return packet i as an `Mbuf`, to read its metadata and to change it."""
        return Mbuf(self, self._index(i))

    # -- all packets as arrays --

    @property
    def columns(self) -> Columns:
        """Metadata and headers by name: `burst.columns["ipv4.src_addr", "udp?"]`."""
        return Columns(self)

    def peek(
        self,
        offset: int,
        width: int,
        *,
        header: str | None = None,
        valid: npt.NDArray[np.bool_] | None = None,
    ) -> Bytes:
        """Return some bytes of each packet, `uint8[n, width]`, a copy, over all segments.

        Parameters
        ----------
        offset
            [bytes] from the start of the packet, or of `header`.
        width
            [bytes], 1 to 65,535.
        header
            As in `columns`: `udp`, `inner_ipv4`. A packet without it has none of the bytes.
        valid
            `bool[n]`, set to True for packets that have all of the bytes; the others give zeros.

        Notes
        -----
        Wraps  rte_pktmbuf_read (rte_mbuf.h)
        """
        return fields.peek(self, offset, width, header, valid)

    def poke(self, offset: int, data: Any, *, header: str | None = None) -> None:
        """Write bytes into each packet that has as many at the offset.

        Parameters
        ----------
        offset
            [bytes] from the start of the packet, or of `header`.
        data
            `uint8[n, width]`, or bytes that all packets get.
        header
            As in `peek`.

        Raises
        ------
        ValueError
            The shape is wrong, or a packet shares memory with other mbufs. Nothing was written.
        """
        fields.poke(self, offset, data, header)

    def copy_out(self) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint64]]:
        """Return copies of all packets in one `uint8[bytes]`, and their offsets `uint64[n + 1]`.

        Packet i is `data[offsets[i]:offsets[i + 1]]`, the layout that columnar and machine
        learning libraries take.
        """
        return fields.copy_out(self)

    # -- selecting packets, whose order stays --

    def where(self, condition: str) -> npt.NDArray[np.bool_]:
        """Return `bool[n]`, True for packets for which a condition holds: see `Where`.

        Parameters
        ----------
        condition
            `udp.dst_port == 53 and ipv4.src_addr in 10.0.0.0/8`; compiled at its first use.

        Raises
        ------
        ValueError, TypeError
            It is no condition; the message says where, and what is allowed there.
        """
        return compiled(condition).match(self)

    def keep(self, mask: Mask) -> int:
        """Free the packets whose mask is False; return how many are left.

        Parameters
        ----------
        mask
            `bool[n]`, one for each packet.

        Notes
        -----
        Wraps  rte_pktmbuf_free_bulk (rte_mbuf.h)
        """
        return masks.part(self, lib.pyd_burst_keep, mask)

    def drop(self, mask: Mask) -> int:
        """Free the packets whose mask is True; return how many are left.

        Parameters
        ----------
        mask
            `bool[n]`, one for each packet.

        Notes
        -----
        Wraps  rte_pktmbuf_free_bulk (rte_mbuf.h)
        """
        return masks.part(self, lib.pyd_burst_drop, mask)

    def take(self, mask: Mask, into: Burst) -> int:
        """Move the packets whose mask is True to the end of another burst; return how many.

        Parameters
        ----------
        mask
            `bool[n]`, one for each packet.
        into
            It owns them afterwards.

        Raises
        ------
        NoRoomError
            They do not all fit in the other burst; nothing was moved.
        """
        return masks.take(self, mask, into)

    def split(
        self, classes: npt.NDArray[Any], into: Sequence[Burst] | None = None
    ) -> tuple[Burst, ...]:
        """Move packet i into the burst number `classes[i]`; this burst is empty afterwards.

        Parameters
        ----------
        classes
            `bool[n]` or integers `[n]` from 0, below 1,024; `rest, dns = burst.split(mask)`.
        into
            The bursts, which get the packets at their end. Default: new ones, as many as there are
            classes (two for a mask), which the caller closes.

        Raises
        ------
        NoRoomError
            The packets of a class do not fit in its burst; nothing was moved.
        """
        return masks.split(self, classes, into)

    # -- headers --

    def swap_macs(self) -> None:
        """Swap source and destination address of each Ethernet frame, in shared memory too."""
        self._done(lib.pyd_burst_swap_macs(self._c), "swap_macs")

    # -- checks and tracing --

    def verify(self) -> None:
        """Raise if the burst holds an mbuf twice, or one that is free.

        Such mbufs come from programs that free or enqueue them twice, which DPDK does not detect.
        In check mode `free` calls this first.

        Raises
        ------
        DpdkError
            EINVAL; the message has the mbuf or the reason.

        Notes
        -----
        Wraps  rte_mbuf_check (rte_mbuf.h)
        Cost   a scan of all free mbufs of the pool
        """
        reason = ffi.new("char[]", 160)
        if self._done(lib.pyd_burst_verify(self._c, reason, 160), "rte_mbuf_check"):
            raise make_error("rte_mbuf_check", errno.EINVAL, ffi.string(reason).decode())

    def _check_views(self) -> None:
        """Raise `InUseError` if views of the packets are alive (check mode)."""
        self._views = [pin for pin in self._views if pin.views]
        self._checked_only = bool(self._views)
        if self._checked_only:
            raise InUseError(
                f"{len(self._views)} packets of {self!r} have numpy views alive, which would soon"
                " show other packets: copy what you keep"
            )

    def _stamp(self, first: int, call: str) -> None:
        """Stamp where the packets from `first` on were taken, if tracing is on."""
        if trace.is_on():
            trace.stamp(self._c, first, call)

    # -- close --

    def _why_open(self) -> list[str]:
        reasons = super()._why_open()
        if len(self):
            held = [address_of(self._c.storage.mbufs[i]) for i in range(len(self))]
            reasons.append(f"it holds {len(self)} mbufs{trace.summary(held)}")
        return reasons

    def _free(self, force: bool) -> None:
        call_errno(lib.pyd_burst_close, self._c, force, detail=self.name)

    def _abandon(self) -> None:
        super()._abandon()
        self._c.n = 0

    def _call_in(self) -> None:
        for user in list(self._users):  # a worker that has leased it
            user._end()
        lib.pyd_burst_free(self._c)

    # -- private --

    def _index(self, i: int) -> int:
        n = len(self)
        if isinstance(i, bool) or not hasattr(type(i), "__index__"):
            raise TypeError(f"index must be an integer (got {i!r})")
        index = i.__index__()
        if not -n <= index < n:
            raise IndexError(f"packet {index} of {n}")
        return index % n

    def _done(self, result: int, what: str, user: object = None, why: str = "") -> int:
        if result < 0:
            raise_for(result, what, user if user is not None else self, self, why)
        return result

    def _derive(
        self, call: str, how: int, mempool: Mempool, into: Burst, offset: int, length: int
    ) -> int:
        self._check_other("into", into)
        into.handle  # noqa: B018  # raises when closed
        pool = check_source(mempool, how)
        n = lib.pyd_burst_derive(self._c, into._c, pool, how, offset, length)
        if n == -errno.EMSGSIZE:
            raise ValueError(f"offset must be less than each packet has (got {offset})")
        if n < 0:
            self._done(n, call, mempool, f", {into!r}")
        into._stamp(len(into) - n, call)
        return int(n)

    def _require_packets(self) -> None:
        if not len(self) and not self.closed:
            raise ValueError(f"fill of {self!r}, which holds no packets: alloc or rx comes first")

    def _check_other(self, name: str, other: object) -> None:
        if not isinstance(other, Burst):
            raise TypeError(f"{name} must be a Burst (got {other!r})")
        if other is self:
            raise ValueError(f"{name} must be another burst than {self!r}")

    def __repr__(self) -> str:
        state = "closed" if self.closed else f"{len(self)} of {self.capacity}"
        return f"<Burst {state}>"

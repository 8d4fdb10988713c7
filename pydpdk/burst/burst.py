"""A burst: the only owner of up to `size` mbufs, made once and used again and again.

The mbuf pointers lie in DPDK memory and are listed there, so recovery finds the mbufs of a dead
process. Python sees packets as arrays (`packets`), and makes no object for each.
"""

from __future__ import annotations

import errno
import itertools
from collections.abc import Sequence
from typing import Any

from pydpdk import eal
from pydpdk._core.fastcall import short
from pydpdk._core.lifetime import Pin, Undo, address_of
from pydpdk._dpdk import ffi, lib
from pydpdk.burst.headers import Headers
from pydpdk.burst.masks import MASK
from pydpdk.burst.packets import CHECK
from pydpdk.errors import call_errno, check_range, make_error
from pydpdk.memory import trace
from pydpdk.memory.mbuf import Mbuf
from pydpdk.memory.mbuf_owner import BURST
from pydpdk.memory.mempool import Mempool
from pydpdk.memory.pool_base import MEMPOOL

SIZE_MAX = 65535
_U32 = (1 << 32) - 1
_numbers = itertools.count()


class Burst(Headers):
    """Up to `size` packets that are received, read, changed and sent together.

    Parameters
    ----------
    size
        [packets] that fit, 1 to 65,535; ports are fast with 32 to 256.

    Notes
    -----
    Owns     the mbufs in it, until they are sent, enqueued or freed
    Threads  one at a time: a second one gets `BusyError`
    """

    rank = 1

    def __init__(self, size: int = 32) -> None:
        eal.require_running()
        check_range("size", size, 1, SIZE_MAX, " packets")
        self._c: Any = ffi.new("struct pyd_burst *")
        self._views: list[Pin] = []
        self.size = size
        gate, count = ffi.addressof(self._c, "gate"), address_of(ffi.addressof(self._c, "n"))
        with eal.running(), Undo(lib.pyd_burst_close, self._c, True):
            call_errno(lib.pyd_burst_open, self._c, size, detail=f"burst of {size}")
            self._keep(self._c)
            self._bind(address_of(self._c), BURST, MASK, count)
            storage = address_of(self._c.slots)
            super().__init__(f"burst{next(_numbers)}", self._c, gate, address=storage)

    @short("pyd_burst_alloc", "draw", BURST, MEMPOOL)
    def alloc(self, mempool: Mempool, n: int | None = None, *, length: int = 0) -> int:
        """Take mbufs from a pool into the empty burst: all `n` or none.

        Parameters
        ----------
        mempool
            The pool.
        n
            [packets]. Default: the burst's size.
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
            raise TypeError(f"mempool={mempool!r}: a Mempool is allowed")
        if n is None:
            n = self.size
        elif type(n) is not int or not 0 <= n <= self.size:
            n = check_range("n", n, 0, self.size, " packets")
        if type(length) is not int or not 0 <= length <= mempool.room:
            length = check_range("length", length, 0, mempool.room, " bytes")
        result: int = lib.pyd_burst_alloc(self._c, mempool._c, n, length)
        if result >= 0:
            return result
        mempool.handle  # noqa: B018  # raises when closed
        why = mempool.shortage() if -result == errno.ENOBUFS else ""
        return self._done(result, "rte_pktmbuf_alloc_bulk", mempool, why)

    def fill(self, packets: Sequence[bytes] | bytes) -> None:
        """Write the packets' data and lengths, all in one call into C.

        Parameters
        ----------
        packets
            One bytes-like object for each packet of the burst, or one for all. What does not fit
            in the first segment goes into further ones, of the packet's own pool.

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
            parts = [bytes(memoryview(packet)) for packet in packets]
            if parts:
                self._require_packets()
            data, count = b"".join(parts), len(parts)
            if count != len(self):
                raise ValueError(f"{count} packets for {self!r}: as many as it holds are allowed")
            ends = list(itertools.accumulate(map(len, parts)))
            result = lib.pyd_burst_fill(self._c, data, ends, count)
        if result > 0:
            raise ValueError(f"packet {result - 1}: other mbufs see its memory; copy it first")
        self._done(result, "rte_pktmbuf_alloc")

    def _require_packets(self) -> None:
        if not len(self) and not self.closed:
            raise ValueError(f"fill of {self!r}, which holds no packets: alloc or rx comes first")

    @short("pyd_burst_free", "count", BURST, unless=CHECK)
    def free(self) -> int:
        """Give all mbufs back to their pools; return how many.

        Notes
        -----
        Wraps  rte_pktmbuf_free_bulk (rte_mbuf.h)
        """
        if self._views:
            self.check_views()
        if CHECK:
            self.verify()
        return self._done(lib.pyd_burst_free(self._c), "rte_pktmbuf_free_bulk")

    def mbuf(self, i: int) -> Mbuf:
        """Return packet i as an `Mbuf`, to read its metadata and to change it."""
        return Mbuf(self, self._index(i))

    def clone_of(self, burst: Burst, mempool: Mempool) -> int:
        """Fill this empty burst with clones of another's packets, all or none; return how many.

        Parameters
        ----------
        burst
            Keeps its packets; their memory is shared, and read-only for both until one is freed.
        mempool
            For the headers of the clones' segments.

        Notes
        -----
        Wraps  rte_pktmbuf_clone (rte_mbuf.h)
        """
        if isinstance(mempool, Mempool) and mempool.external:
            raise ValueError(f"{mempool!r}: clones need a pool whose mbufs may see other memory")
        return self._derive("rte_pktmbuf_clone", lib.PYD_MBUF_CLONE, burst, mempool, 0, 0)

    def copy_of(
        self, burst: Burst, mempool: Mempool, *, offset: int = 0, length: int | None = None
    ) -> int:
        """Fill this empty burst with copies of another's packets, all or none; return how many.

        Parameters
        ----------
        burst
            Keeps its packets.
        mempool
            For the copies' segments, as many as they need.
        offset
            [bytes] to leave out at the start, less than each packet has.
        length
            [bytes] at most. Default: all.

        Notes
        -----
        Wraps  rte_pktmbuf_copy (rte_mbuf.h)
        """
        check_range("offset", offset, 0, _U32 - 1, " bytes")
        n = _U32 if length is None else check_range("length", length, 1, _U32, " bytes")
        return self._derive("rte_pktmbuf_copy", lib.PYD_MBUF_COPY, burst, mempool, offset, n)

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

    @short("pyd_burst_swap_macs", "act", BURST)
    def swap_macs(self) -> None:
        """Swap source and destination address of each Ethernet frame, in shared memory too."""
        self._done(lib.pyd_burst_swap_macs(self._c), "swap_macs")

    def taken(self, first: int, call: str) -> None:
        """Stamp where the packets from `first` on were taken, if tracing is on."""
        if trace.is_on():
            trace.stamp(self._c, first, call)

    def _derive(
        self, call: str, how: int, burst: Burst, mempool: Mempool, offset: int, length: int
    ) -> int:
        if not isinstance(burst, Burst):
            raise TypeError(f"burst={burst!r}: a Burst is allowed")
        if not isinstance(mempool, Mempool):
            raise TypeError(f"mempool={mempool!r}: a Mempool is allowed")
        if burst is self:
            raise ValueError("burst: this very burst; another one is allowed")
        burst.handle, mempool.handle  # noqa: B018  # raise when closed
        n = lib.pyd_burst_derive(burst._c, self._c, mempool._c, how, offset, length)
        if n == -errno.EMSGSIZE:
            raise ValueError(f"offset={offset}: less than each packet has is allowed")
        count = self._done(n, call, mempool)
        self.taken(0, call)
        return count

    def _refusals(self) -> list[str]:
        reasons = super()._refusals()
        if len(self):
            held = [address_of(self._c.slots.mbufs[i]) for i in range(len(self))]
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

    def __repr__(self) -> str:
        state = "closed" if self.closed else f"{len(self)} of {self.size}"
        return f"<Burst {state}>"

"""A burst: the one owner of up to `size` mbufs, made once and used again and again.

The mbuf pointers lie in DPDK memory and are listed there, so what a process held can be found
after its death. Python sees packets as arrays, and makes no object for each.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from pydpdk import eal
from pydpdk._dpdk import ffi, lib
from pydpdk._lifetime import Bytes, Owner, Pin, lock
from pydpdk.errors import InUseError, call_errno, check_range
from pydpdk.memory.holder import refuse
from pydpdk.memory.mbuf import Mbuf
from pydpdk.memory.mempool import Mempool

SIZE_MAX = 65535
CHECK = os.environ.get("PYDPDK_CHECK", "0") not in ("", "0")
"""Check mode: refuse to give mbufs away while views of their data are alive."""

_numbers = itertools.count()


class Burst(Owner):
    """Up to `size` packets, received, looked at, changed and sent together.

    Parameters
    ----------
    size
        [packets] that fit, 1 to 65,535; 32 to 256 is where ports are fast.

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
        with lock():
            call_errno(lib.pyd_burst_open, self._c, size, detail=f"burst of {size}")
            super().__init__(f"burst{next(_numbers)}", self._c)

    def __len__(self) -> int:
        return int(self._c.n)

    def __bool__(self) -> bool:
        return bool(self._c.n)

    def alloc(self, mempool: Mempool, n: int | None = None, *, length: int = 0) -> int:
        """Take mbufs from a pool into the empty burst: all `n` or none.

        Parameters
        ----------
        mempool
            Where from.
        n
            [packets]. Default: the burst's size.
        length
            [bytes] of each packet; what they hold is what was there before.

        Raises
        ------
        NoRoomError
            The pool has not so many left; nothing was taken.

        Notes
        -----
        Wraps  rte_pktmbuf_alloc_bulk (rte_mbuf.h)
        """
        if not isinstance(mempool, Mempool):
            raise TypeError(f"mempool={mempool!r}: a Mempool is allowed")
        mempool.handle  # noqa: B018  # raises when closed
        count = self.size if n is None else check_range("n", n, 0, self.size, " packets")
        room = max(mempool.data_room_size - lib.RTE_PKTMBUF_HEADROOM, 0)
        check_range("length", length, 0, room, " bytes")
        return self._done(
            lib.pyd_burst_alloc(self._c, mempool._c, count, length),
            "rte_pktmbuf_alloc_bulk",
            mempool,
        )

    def fill(self, packets: Sequence[bytes] | bytes) -> None:
        """Write the packets' data and lengths, all in one crossing.

        Parameters
        ----------
        packets
            One bytes-like object for each packet of the burst, or one that all become. Each
            must fit in the first segment behind the headroom.

        Raises
        ------
        ValueError
            Not as many as the burst has, or one that does not fit; nothing was written.
        """
        if isinstance(packets, (bytes, bytearray, memoryview)):
            data, count = bytes(packets), 1
            result = lib.pyd_burst_fill_each(self._c, data, len(data))
        else:
            parts = [bytes(memoryview(packet)) for packet in packets]
            data, count = b"".join(parts), len(parts)
            if count != len(self):
                raise ValueError(f"{count} packets for {self!r}: as many as it holds are allowed")
            ends = list(itertools.accumulate(map(len, parts)))
            result = lib.pyd_burst_fill(self._c, data, ends, count)
        if result > 0:
            raise ValueError(f"packet {result - 1} does not fit in its first segment")
        self._done(result, "rte_memcpy")

    def free(self) -> int:
        """Give all mbufs back to their pools; return how many.

        Notes
        -----
        Wraps  rte_pktmbuf_free_bulk (rte_mbuf.h)
        """
        if self._views:
            self.check_views()
        return self._done(lib.pyd_burst_free(self._c), "rte_pktmbuf_free_bulk")

    @property
    def lengths(self) -> npt.NDArray[np.uint32]:
        """Length of each packet over all its segments, `uint32[n]` [bytes], a copy."""
        lengths = np.empty(self.size, np.uint32)
        n = lib.pyd_burst_lengths(self._c, ffi.from_buffer("uint32_t *", lengths), self.size)
        return lengths[: self._done(n, "rte_pktmbuf_pkt_len")]

    def __getitem__(self, i: int) -> Bytes:
        return self.view(self._index(i))

    def view(self, i: int) -> Bytes:
        """Return the data of packet i's first segment, `uint8[data_len]`, writable, no copy.

        Valid until the packet is sent, enqueued or freed: copy what you keep.
        """
        segment = ffi.new("struct pyd_segment *")
        self._done(lib.pyd_burst_segment(self._c, self._index(i), segment), "rte_pktmbuf_mtod")
        pool = Mempool.at(segment.pool)
        pin = pool.pin_of(segment.addr, segment.len)
        if CHECK or pin is None:
            pin = pool.pin_packet(segment.addr, segment.len)
            self._views.append(pin)
        return pin.view(segment.addr - pin.address, segment.len)

    def bytes(self, i: int) -> bytes:
        """Return a copy of packet i over all its segments.

        Notes
        -----
        Wraps  rte_pktmbuf_read (rte_mbuf.h)
        """
        index, room = self._index(i), 2048
        while True:
            buffer = ffi.new("char[]", room)
            n = self._done(lib.pyd_burst_bytes(self._c, index, buffer, room), "rte_pktmbuf_read")
            if n <= room:
                return bytes(ffi.buffer(buffer, n))
            room = n

    def mbuf(self, i: int) -> Mbuf:
        """Return packet i as an `Mbuf`, to look at its metadata and to shape it."""
        return Mbuf(self, self._index(i))

    def swap_macs(self) -> None:
        """Swap source and destination address of each Ethernet frame."""
        self._done(lib.pyd_burst_swap_macs(self._c), "swap_macs")

    def check_views(self) -> None:
        """Raise `InUseError` where views of the packets are alive (check mode)."""
        self._views = [pin for pin in self._views if pin.views]
        if self._views:
            raise InUseError(
                f"{len(self._views)} packets of {self!r} have numpy views alive, which would soon"
                " show other packets: copy what you keep"
            )

    def _index(self, i: int) -> int:
        n = len(self)
        if isinstance(i, bool) or not hasattr(type(i), "__index__"):
            raise TypeError(f"packet {i!r}: an integer is allowed")
        index = i.__index__()
        if not -n <= index < n:
            raise IndexError(f"packet {index} of {n}")
        return index % n

    def _done(self, result: int, what: str, user: object = None) -> int:
        if result < 0:
            refuse(result, what, user if user is not None else self, self)
        return result

    def _refusals(self) -> list[str]:
        reasons = super()._refusals()
        if len(self):
            reasons.append(f"it holds {len(self)} mbufs")
        return reasons

    def _free(self, force: bool) -> None:
        call_errno(lib.pyd_burst_close, self._c, force, detail=self.name)

    def _abandon(self) -> None:
        super()._abandon()
        self._c.gate.open = 0
        self._c.n = 0

    def __repr__(self) -> str:
        state = "closed" if self.closed else f"{len(self)} of {self.size}"
        return f"<Burst {state}>"

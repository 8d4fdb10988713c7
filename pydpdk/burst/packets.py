"""Packets of a burst as Python sees them: arrays over their memory, or copies."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import numpy.typing as npt

from pydpdk._core.fastcall import Handle, rows
from pydpdk._core.lifetime import Bytes, Owner, Pin
from pydpdk._dpdk import ffi, lib
from pydpdk.errors import InUseError
from pydpdk.memory.mbuf_owner import BURST, refuse
from pydpdk.memory.mempool import Mempool, pool_of

CHECK = os.environ.get("PYDPDK_CHECK", "0") not in ("", "0")
"""Check mode: raise when mbufs are given away while views of their data are alive."""


class Packets(Owner, Handle):
    """The part of `Burst` that reads its packets.

    Notes
    -----
    Owns     nothing of its own: `Burst` does
    Threads  those of the burst
    """

    size: int
    _c: Any
    _views: list[Pin]

    def __len__(self) -> int:
        return int(self._c.n)

    def __bool__(self) -> bool:
        return bool(self._c.n)

    @property
    @rows("pyd_rows_lengths", BURST, "", "4")
    def lengths(self) -> npt.NDArray[np.uint32]:
        """Length of each packet over all its segments, `uint32[n]` [bytes], a copy."""
        lengths = np.empty(self.size, np.uint32)
        n = lib.pyd_burst_lengths(self._c, ffi.from_buffer("uint32_t *", lengths), self.size)
        return lengths[: self._done(n, "rte_pktmbuf_pkt_len")]

    def __getitem__(self, i: int) -> Bytes:
        return self.view(self._index(i))

    def view(self, i: int) -> Bytes:
        """Return the data of packet i's first segment, `uint8[data_len]`, no copy.

        Valid until the packet is sent, enqueued or freed: copy what you keep. Read-only if other
        mbufs share the memory.
        """
        segment = ffi.new("struct pyd_segment *")
        n = lib.pyd_mbuf_segments(self._c, self._index(i), segment, 1)
        self._done(n, "rte_pktmbuf_mtod")
        return self.view_of(segment)

    def view_of(self, segment: Any) -> Bytes:
        """Return the data of a segment that C has described; read-only where shared."""
        pool, pin = pool_of(Mempool.at(segment.pool), segment.addr, segment.len)
        if CHECK or pin is None:
            pin = pool.pin_packet(segment.addr, segment.len)
            self._views.append(pin)
            self._careful = True
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

    def check_views(self) -> None:
        """Raise `InUseError` if views of the packets are alive (check mode)."""
        self._views = [pin for pin in self._views if pin.views]
        self._careful = bool(self._views)
        if self._careful:
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

    def _done(self, result: int, what: str, user: object = None, why: str = "") -> int:
        if result < 0:
            refuse(result, what, user if user is not None else self, self, why)
        return result

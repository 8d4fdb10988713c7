"""The base of rings: the C struct, its memory, its two sides."""

from __future__ import annotations

import errno
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt

from pydpdk._core.fastcall import Handle
from pydpdk._core.lifetime import Pin, address_of
from pydpdk._dpdk import ffi, lib
from pydpdk.eal.portable import Portable
from pydpdk.errors import BusyError
from pydpdk.memory.mbuf_owner import MbufOwner, refuse
from pydpdk.ring.element import POINTER, SYNCS, Kind, Sync, say

Values = npt.NDArray[Any]
VALUES, MBUFS = "ring of values", "ring of mbufs"  # kinds of handles


class RingBase(Portable, Handle):
    """A ring that is open; `Moves` and `Ring` have the verbs."""

    def __init__(self, name: str, c: Any, kind: Kind, *, owned: bool) -> None:
        self._c, ring = c, c.ring
        esize = POINTER if kind is None else kind.itemsize
        self._dtype = kind
        self._none: Values = np.empty(0, kind)
        self._pin = Pin(lib.pyd_ring_memory(ring), ring.size * esize)
        self._sides = (
            SYNCS[lib.rte_ring_get_prod_sync_type(ring)],
            SYNCS[lib.rte_ring_get_cons_sync_type(ring)],
        )
        self._size, self._capacity = int(ring.size), int(ring.capacity)
        self._keep(self._c)
        if kind is None:
            self._bind(address_of(self._c), MBUFS)
        else:
            self._bind(address_of(self._c), VALUES, kind)
        super().__init__(
            name, ring, ffi.addressof(c, "gate"), address=address_of(ring), owned=owned
        )

    @property
    def dtype(self) -> Kind:
        """The dtype of the values; None for a ring of mbufs."""
        return self._dtype

    def _how(self) -> dict[str, Any]:
        return {"element": "mbuf" if self._dtype is None else self._dtype}

    @property
    def element(self) -> str:
        """The element: `"mbuf"` or the dtype's name."""
        return say(self._dtype)

    @property
    def producer(self) -> Sync:
        """How threads that enqueue are synchronised."""
        return self._sides[0]

    @property
    def consumer(self) -> Sync:
        """How threads that dequeue are synchronised."""
        return self._sides[1]

    def _views(self, slots: Any, n: int, writable: bool) -> tuple[Values, Values]:
        """Return n slots from slots.first on as one array or, where the ring wraps, two."""
        n1 = min(n, slots.n1)
        second = self._view(0, n - n1, writable) if n > n1 else self._none
        return self._view(slots.first, n1, writable) if n else self._none, second

    def _view(self, first: int, n: int, writable: bool) -> Values:
        dtype = self._require_values()
        self._stay()
        view = self._pin.view(first * dtype.itemsize, n * dtype.itemsize).view(dtype)
        if not writable:
            view.flags.writeable = False
        return view

    def _require_values(self) -> np.dtype[Any]:
        if self._dtype is None:
            raise TypeError(f"{self!r} carries mbufs: use tx and rx with a burst")
        return self._dtype

    def _fail(self, result: int, call: str, burst: MbufOwner | None = None) -> NoReturn:
        if result == -errno.EALREADY:
            raise BusyError(errno.EBUSY, f"{call}: {self!r}: {self._occupied(call)}")
        if burst is None:
            raise self._closed_error()
        refuse(result, call, self, burst)

    def _occupied(self, call: str) -> str:
        """Return why a side could not take one more thread."""
        for side in self._reserved():
            if ("enqueue" in side) == ("enqueue" in call):
                return side
        return "another thread is on this side, which takes one at a time"

    def _reserved(self) -> list[str]:
        sides = {"enqueue_zc": self._c.producer.zc, "dequeue_zc": self._c.consumer.zc}
        return [f"a block of {call} is not left" for call, zc in sides.items() if zc]

    def _view_count(self) -> int:
        return self._pin.views

"""Values in and out of a ring: copied, or made and read in its slots."""

from __future__ import annotations

import errno
from functools import partial
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt

from pydpdk._dpdk import ffi, lib
from pydpdk._lifetime import Owner, Pin, address_of
from pydpdk.errors import BusyError, ClosedError, check_range
from pydpdk.memory.holder import Holder, refuse
from pydpdk.ring.element import POINTER, SYNCS, Kind, Sync, say
from pydpdk.ring.zero_copy import ZeroCopy

Values = npt.NDArray[Any]

_enqueue, _dequeue = lib.pyd_ring_enqueue, lib.pyd_ring_dequeue
_CALL = ("rte_ring_enqueue", "rte_ring_dequeue")
_buffer, _bytes, _array = ffi.from_buffer, ffi.typeof("char[]"), np.ndarray


class Moves(Owner):
    """What a ring does with values; `Ring` has the rest."""

    def __init__(self, name: str, ring: Any, kind: Kind, *, owned: bool) -> None:
        esize = POINTER if kind is None else kind.itemsize
        self._dtype = kind
        self._none: Values = np.empty(0, kind)
        self._pin = Pin(lib.pyd_ring_memory(ring), ring.size * esize)
        self._sides = (
            SYNCS[lib.rte_ring_get_prod_sync_type(ring)],
            SYNCS[lib.rte_ring_get_cons_sync_type(ring)],
        )
        self._c = ffi.new("struct pyd_ring *")
        lib.pyd_ring_open(self._c, ring, esize)
        super().__init__(name, ring, address=address_of(ring), owned=owned)

    @property
    def dtype(self) -> Kind:
        """Of the values; None for a ring of mbufs."""
        return self._dtype

    @property
    def element(self) -> str:
        """What it carries: `"mbuf"` or the dtype's name."""
        return say(self._dtype)

    @property
    def producer(self) -> Sync:
        """How threads that enqueue are kept apart."""
        return self._sides[0]

    @property
    def consumer(self) -> Sync:
        """How threads that dequeue are kept apart."""
        return self._sides[1]

    def enqueue_burst(self, values: Values) -> int:
        """Enqueue as many values as fit; return how many.

        Parameters
        ----------
        values
            dtype[n], contiguous.

        Notes
        -----
        Wraps  rte_ring_enqueue_burst_elem (rte_ring_elem.h)
        """
        return self._move(_enqueue, values, 0, False)

    def enqueue_bulk(self, values: Values) -> int:
        """Enqueue all values or none; return n or 0.

        Parameters
        ----------
        values
            dtype[n], contiguous.

        Notes
        -----
        Wraps  rte_ring_enqueue_bulk_elem (rte_ring_elem.h)
        """
        return self._move(_enqueue, values, 1, False)

    def dequeue_burst(self, out: Values) -> int:
        """Dequeue as many values as there are, at most all of `out`; return how many.

        Parameters
        ----------
        out
            dtype[n], contiguous and writable.

        Notes
        -----
        Wraps  rte_ring_dequeue_burst_elem (rte_ring_elem.h)
        """
        return self._move(_dequeue, out, 0, True)

    def dequeue_bulk(self, out: Values) -> int:
        """Fill `out`, or take nothing; return n or 0.

        Parameters
        ----------
        out
            dtype[n], contiguous and writable.

        Notes
        -----
        Wraps  rte_ring_dequeue_bulk_elem (rte_ring_elem.h)
        """
        return self._move(_dequeue, out, 1, True)

    def enqueue_zc(self, n: int, *, bulk: bool = False) -> ZeroCopy:
        """Reserve free slots, to be filled where they are, for a `with` block.

        Parameters
        ----------
        n
            [elements] at most, or, with `bulk`, exactly that many or none.
        bulk
            All or none.

        Returns
        -------
        ZeroCopy
            Enqueues the slots when the block is left without an exception.

        Raises
        ------
        ValueError
            The producer side is neither `single` nor `hts`: DPDK has no zero-copy for it.
        BusyError
            On entering the block: another one of this side is open, or another thread is busy.

        Notes
        -----
        Wraps  rte_ring_enqueue_zc_burst_elem_start, rte_ring_enqueue_zc_bulk_elem_start,
               rte_ring_enqueue_zc_elem_finish (rte_ring_peek_zc.h)
        """
        wanted = self._check_zc("producer", self.producer, n)
        start = partial(self._start, lib.pyd_ring_enqueue_zc_start, wanted, bool(bulk))
        return ZeroCopy(self, start, lib.pyd_ring_enqueue_zc_finish, writable=True)

    def dequeue_zc(self, n: int, *, bulk: bool = False) -> ZeroCopy:
        """Look at elements where they lie, for a `with` block.

        Parameters
        ----------
        n
            [elements] at most, or, with `bulk`, exactly that many or none.
        bulk
            All or none.

        Returns
        -------
        ZeroCopy
            Takes the elements out when the block is left without an exception.

        Raises
        ------
        ValueError
            The consumer side is neither `single` nor `hts`: DPDK has no zero-copy for it.
        BusyError
            On entering the block: another one of this side is open, or another thread is busy.

        Notes
        -----
        Wraps  rte_ring_dequeue_zc_burst_elem_start, rte_ring_dequeue_zc_bulk_elem_start,
               rte_ring_dequeue_zc_elem_finish (rte_ring_peek_zc.h)
        """
        wanted = self._check_zc("consumer", self.consumer, n)
        start = partial(self._start, lib.pyd_ring_dequeue_zc_start, wanted, bool(bulk))
        return ZeroCopy(self, start, lib.pyd_ring_dequeue_zc_finish, writable=False)

    def _move(self, function: Any, values: Values, bulk: int, writes: bool) -> int:
        try:
            if type(values) is _array and values.dtype is self._dtype and values.ndim == 1:
                n = int(function(self._c, _buffer(_bytes, values, writes), len(values), bulk))
                return n if n >= 0 else self._refuse(n, _CALL[writes])
        except (TypeError, ValueError, BufferError, OverflowError):
            pass  # said below
        plain = self._check_values(values, writes)
        n = int(function(self._c, _buffer(_bytes, plain, writes), len(values), bulk))
        return n if n >= 0 else self._refuse(n, _CALL[writes])

    def _check_values(self, values: Values, writes: bool) -> Values:
        """Return the array as one whose bytes can be passed on, or say what is wrong with it."""
        self._require_values()
        # a subclass may lie about its length
        if type(values) is not _array or values.dtype != self._dtype or values.ndim != 1:
            found = getattr(values, "dtype", type(values).__name__)
            raise TypeError(f"{found}: a numpy array {self.element}[n] is allowed")
        if not values.flags.c_contiguous:
            raise ValueError("values: a contiguous array is allowed")
        if writes and not values.flags.writeable:
            raise ValueError("out: a writable array is allowed")
        check_range("len(values)", len(values), 0, (1 << 31) - 1, " elements")
        return values.view(np.uint8)  # dates export no buffer

    def _check_zc(self, side: str, sync: Sync, n: int) -> int:
        self._require_values()
        if sync not in ("single", "hts"):
            raise ValueError(f"{side}={sync!r}: zero-copy is for sides made 'single' or 'hts'")
        return check_range("n", n, 0, self.handle.capacity, " elements")

    def _start(self, function: Any, n: int, bulk: bool, slots: Any) -> int:
        got = int(function(self._c, n, bulk, slots))
        return got if got >= 0 else self._refuse(got, function.__name__.removeprefix("pyd_"))

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

    def _refuse(self, result: int, call: str, burst: Holder | None = None) -> NoReturn:
        if result == -errno.EALREADY:
            raise BusyError(errno.EBUSY, f"{call}: {self!r}: {self._occupied(call)}")
        if burst is None:
            raise ClosedError(f"{call}: {self!r}")
        refuse(result, call, self, burst)

    def _occupied(self, call: str) -> str:
        """Say why a side had no room for one more."""
        for side in self._reserved():
            if ("enqueue" in side) == ("enqueue" in call):
                return side
        return "another thread is on this side, which takes one at a time"

    def _reserved(self) -> list[str]:
        sides = {"enqueue_zc": self._c.producer.zc, "dequeue_zc": self._c.consumer.zc}
        return [f"a block of {call} is not left" for call, zc in sides.items() if zc]

    def _view_count(self) -> int:
        return self._pin.views

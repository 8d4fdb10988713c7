"""Values in and out of a ring: copied, or written and read in its slots."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from pydpdk._core.fastcall import short
from pydpdk._dpdk import ffi, lib
from pydpdk.errors import check_range
from pydpdk.ring.base import VALUES, RingBase, Values
from pydpdk.ring.element import Sync
from pydpdk.ring.zero_copy import ZeroCopy


class Moves(RingBase):
    """The part of `Ring` that moves values."""

    @short("pyd_ring_enqueue_burst", "send", VALUES)
    def enqueue_burst(self, values: Values) -> int:
        """Enqueue as many values as fit; return their number.

        Parameters
        ----------
        values
            dtype[n], contiguous.

        Notes
        -----
        Wraps  rte_ring_enqueue_burst_elem (rte_ring_elem.h)
        Cost   90 ns for up to 32, 310 ns for 1,024 [elements of 8 bytes]
        """
        return self._send(lib.pyd_ring_enqueue_burst, values)

    @short("pyd_ring_enqueue_bulk", "send", VALUES)
    def enqueue_bulk(self, values: Values) -> int:
        """Enqueue all values or none; return n or 0.

        Parameters
        ----------
        values
            dtype[n], contiguous.

        Notes
        -----
        Wraps  rte_ring_enqueue_bulk_elem (rte_ring_elem.h)
        Cost   90 ns for up to 32, 310 ns for 1,024 [elements of 8 bytes]
        """
        return self._send(lib.pyd_ring_enqueue_bulk, values)

    @short("pyd_ring_dequeue_burst", "fill", VALUES)
    def dequeue_burst(self, out: Values) -> int:
        """Dequeue as many values as there are, up to the length of `out`; return their number.

        Parameters
        ----------
        out
            dtype[n], contiguous and writable.

        Notes
        -----
        Wraps  rte_ring_dequeue_burst_elem (rte_ring_elem.h)
        Cost   90 ns for up to 32, 310 ns for 1,024 [elements of 8 bytes]
        """
        return self._fill(lib.pyd_ring_dequeue_burst, out)

    @short("pyd_ring_dequeue_bulk", "fill", VALUES)
    def dequeue_bulk(self, out: Values) -> int:
        """Fill all of `out` or take nothing; return n or 0.

        Parameters
        ----------
        out
            dtype[n], contiguous and writable.

        Notes
        -----
        Wraps  rte_ring_dequeue_bulk_elem (rte_ring_elem.h)
        Cost   90 ns for up to 32, 310 ns for 1,024 [elements of 8 bytes]
        """
        return self._fill(lib.pyd_ring_dequeue_bulk, out)

    def enqueue_zc(self, n: int, *, bulk: bool = False) -> ZeroCopy:
        """Reserve free slots for a `with` block, which writes values into them.

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
        return ZeroCopy(self, start, writable=True)

    def dequeue_zc(self, n: int, *, bulk: bool = False) -> ZeroCopy:
        """Reserve elements for a `with` block, which reads them in the ring.

        Parameters
        ----------
        n
            [elements] at most, or, with `bulk`, exactly that many or none.
        bulk
            All or none.

        Returns
        -------
        ZeroCopy
            Dequeues the elements when the block is left without an exception.

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
        return ZeroCopy(self, start, writable=False)

    def _send(self, function: Any, values: Values) -> int:
        data = ffi.from_buffer("char[]", self._check_values(values))
        n = int(function(self._c, data, len(values)))
        return n if n >= 0 else self._fail(n, "rte_ring_enqueue")

    def _fill(self, function: Any, out: Values) -> int:
        data = self._check_values(out)
        if not out.flags.writeable:
            raise ValueError("out: a writable array is allowed")
        n = int(function(self._c, ffi.from_buffer("char[]", data, True), len(out)))
        return n if n >= 0 else self._fail(n, "rte_ring_dequeue")

    def _check_values(self, values: Values) -> Values:
        """Return the array as bytes for C, or raise."""
        self._require_values()
        # a subclass may report a wrong length
        if type(values) is not np.ndarray or values.dtype != self._dtype or values.ndim != 1:
            found = getattr(values, "dtype", type(values).__name__)
            raise TypeError(f"{found}: a numpy array {self.element}[n] is allowed")
        if not values.flags.c_contiguous:
            raise ValueError("values: a contiguous array is allowed")
        check_range("len(values)", len(values), 0, (1 << 31) - 1, " elements")
        return values.view(np.uint8)  # dates export no buffer

    def _check_zc(self, side: str, sync: Sync, n: int) -> int:
        self._require_values()
        if sync not in ("single", "hts"):
            raise ValueError(f"{side}={sync!r}: zero-copy is for sides made 'single' or 'hts'")
        return check_range("n", n, 0, self._known(self._capacity), " elements")

    def _start(self, function: Any, n: int, bulk: bool, slots: Any) -> int:
        got = int(function(self._c, n, bulk, slots))
        return got if got >= 0 else self._fail(got, function.__name__.removeprefix("pyd_"))

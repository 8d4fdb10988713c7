"""Rings: lockless FIFOs of values or of mbufs, between threads, lcores and processes.

A ring is of values (`uint64`) or of mbufs, for good: a value taken for an mbuf would be a wild
pointer. The kind is recorded in the ring itself, where every process finds it.
"""

from __future__ import annotations

import errno
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from pydpdk import eal, lcore
from pydpdk._dpdk import ffi, lib
from pydpdk._lifetime import Owner, address_of, find, lock
from pydpdk.errors import (
    ClosedError,
    call_errno,
    call_pointer,
    check_name,
    check_range,
    make_error,
)
from pydpdk.memory.holder import Holder, refuse

NAME_MAX = lib.RTE_RING_NAMESIZE - 1
SIZE_MAX = 1 << 30
BURST_MAX = 65535
Element = Literal["uint64", "mbuf"]
Sync = Literal["multi", "single"]
Values = npt.NDArray[np.uint64]

_ESIZE = 8
_uint64 = np.dtype(np.uint64)
_enqueue, _dequeue = lib.pyd_ring_enqueue, lib.pyd_ring_dequeue
_tx, _rx = lib.pyd_ring_tx, lib.pyd_ring_rx


class Ring(Owner):
    """A ring of uint64 values or of mbufs.

    Notes
    -----
    Owns     the mbufs in it; `create` frees the ring in `close`, `lookup` leaves it alone
    Threads  any number, or one on a side made `single`
    Cost     one crossing for any number of elements
    """

    rank = 2

    def __init__(self, name: str, ring: Any, element: Element, *, owned: bool) -> None:
        self.element: Element = element
        self._mbufs = element == "mbuf"
        self._c = ffi.new("struct pyd_ring *", {"ring": ring, "esize": _ESIZE, "gate": {"open": 1}})
        super().__init__(name, ring, address=address_of(ring), owned=owned)

    @classmethod
    def create(
        cls,
        name: str,
        size: int,
        *,
        element: Element = "uint64",
        producer: Sync = "multi",
        consumer: Sync = "multi",
        exact_size: bool = False,
        socket_id: int | None = None,
    ) -> Ring:
        """Make a ring.

        Parameters
        ----------
        name
            1 to 28 characters.
        size
            [slots], a power of two, one of which stays empty; with `exact_size` the number of
            elements that fit.
        element
            What it carries.
        producer, consumer
            `single` is faster and takes one thread on that side.
        socket_id
            NUMA node; None for any.

        Raises
        ------
        ValueError
            A size that DPDK refuses, or takes and then corrupts memory (0).
        NameTakenError, NoRoomError
            The name is in use; not enough memory.

        Notes
        -----
        Wraps  rte_ring_create_elem (rte_ring_elem.h)
        """
        eal.require_running()
        c_name = check_name("ring", name, NAME_MAX)
        _check_one_of("element", element, ("uint64", "mbuf"))
        _check_one_of("producer", producer, ("multi", "single"))
        _check_one_of("consumer", consumer, ("multi", "single"))
        _check_size(size, exact_size)
        flags = lib.RING_F_EXACT_SZ if exact_size else 0
        flags |= lib.RING_F_SP_ENQ if producer == "single" else 0
        flags |= lib.RING_F_SC_DEQ if consumer == "single" else 0
        with lock():
            ring = call_pointer(
                lib.rte_ring_create_elem, c_name, _ESIZE, size, lcore.check_socket_id(socket_id),
                flags, detail=name,
            )  # fmt: skip
            kind = lib.PYD_RING_MBUFS if element == "mbuf" else 0
            lib.pyd_ring_mark(ring, _ESIZE << lib.PYD_RING_ESIZE_SHIFT | kind)
            return cls(name, ring, element, owned=True)

    @classmethod
    def lookup(cls, name: str, *, element: Element | None = None) -> Ring:
        """Find a ring that this or another process has made.

        Parameters
        ----------
        element
            What it carries, where it was not made by pydpdk and does not say so itself.

        Raises
        ------
        NotFoundError
            There is none of that name.
        ValueError
            The ring carries something else, or does not say what.
        DpdkError
            EPERM: it is the inner ring of a mempool.

        Notes
        -----
        Wraps  rte_ring_lookup (rte_ring.h)
        """
        eal.require_running()
        with lock():
            ring = call_pointer(
                lib.rte_ring_lookup, check_name("ring", name, NAME_MAX), detail=name
            )
            found = _element_of(name, ring, element)
            return find(cls, address_of(ring)) or cls(name, ring, found, owned=False)

    @property
    def capacity(self) -> int:
        """[elements] that fit."""
        return int(self.handle.capacity)

    @property
    def count(self) -> int:
        """[elements] in it."""
        n = int(lib.pyd_ring_count(self._c))
        return n if n >= 0 else self._refuse(n, "rte_ring_count")

    @property
    def free_count(self) -> int:
        """[elements] that still fit."""
        return self.capacity - self.count

    def enqueue_burst(self, values: Values) -> int:
        """Enqueue as many values as fit; return how many.

        Parameters
        ----------
        values
            uint64[n], contiguous.

        Notes
        -----
        Wraps  rte_ring_enqueue_burst_elem (rte_ring_elem.h)
        """
        return self._move(_enqueue, values, 0, writes=False)

    def enqueue_bulk(self, values: Values) -> int:
        """Enqueue all values or none; return n or 0.

        Parameters
        ----------
        values
            uint64[n], contiguous.

        Notes
        -----
        Wraps  rte_ring_enqueue_bulk_elem (rte_ring_elem.h)
        """
        return self._move(_enqueue, values, 1, writes=False)

    def dequeue_burst(self, out: Values) -> int:
        """Dequeue as many values as there are, at most all of `out`; return how many.

        Parameters
        ----------
        out
            uint64[n], contiguous and writable.

        Notes
        -----
        Wraps  rte_ring_dequeue_burst_elem (rte_ring_elem.h)
        """
        return self._move(_dequeue, out, 0, writes=True)

    def dequeue_bulk(self, out: Values) -> int:
        """Fill `out`, or take nothing; return n or 0.

        Parameters
        ----------
        out
            uint64[n], contiguous and writable.

        Notes
        -----
        Wraps  rte_ring_dequeue_bulk_elem (rte_ring_elem.h)
        """
        return self._move(_dequeue, out, 1, writes=True)

    def tx(self, burst: Holder, *, bulk: bool = False) -> int:
        """Enqueue the burst's mbufs; what does not fit stays in the burst.

        Parameters
        ----------
        bulk
            All or none.

        Returns
        -------
        int
            [mbufs] that went in.

        Notes
        -----
        Wraps  rte_ring_enqueue_burst_elem (rte_ring_elem.h)
        Owns   the ring owns what went in
        """
        self._require_mbufs()
        try:
            if burst._views:
                burst.check_views()
            n = _tx(self._c, burst._c, bool(bulk))
        except (AttributeError, TypeError):
            raise TypeError(f"tx({burst!r}): a Burst is allowed") from None
        return n if n >= 0 else self._refuse(n, "rte_ring_enqueue", burst)

    def rx(self, burst: Holder, *, n: int | None = None, bulk: bool = False) -> int:
        """Dequeue mbufs into an empty burst.

        Parameters
        ----------
        n
            [mbufs] to take at most, or, with `bulk`, exactly. Default: the burst's size.
        bulk
            All or none.

        Returns
        -------
        int
            [mbufs] that came out.

        Notes
        -----
        Wraps  rte_ring_dequeue_burst_elem (rte_ring_elem.h)
        Owns   the burst owns what came out
        """
        self._require_mbufs()
        try:
            size = burst._c.size
            wanted = size if n is None else check_range("n", n, 0, size, " mbufs")
            got = _rx(self._c, burst._c, wanted, bool(bulk))
        except AttributeError:
            raise TypeError(f"rx({burst!r}): a Burst is allowed") from None
        return got if got >= 0 else self._refuse(got, "rte_ring_dequeue", burst)

    def _move(self, function: Any, values: Values, bulk: int, *, writes: bool) -> int:
        if self._mbufs:
            raise TypeError(f"{self!r} carries mbufs: use tx and rx with a burst")
        if not isinstance(values, np.ndarray) or values.dtype != _uint64 or values.ndim != 1:
            raise TypeError(f"{type(values).__name__}: a numpy array uint64[n] is allowed")
        if not values.flags.c_contiguous:
            raise ValueError("values: a contiguous array is allowed")
        n = int(function(self._c, ffi.from_buffer("char[]", values, writes), len(values), bulk))
        return n if n >= 0 else self._refuse(n, "rte_ring")

    def _require_mbufs(self) -> None:
        if not self._mbufs:
            raise TypeError(f"{self!r} carries uint64 values: use enqueue and dequeue")

    def _refuse(self, result: int, call: str, burst: Holder | None = None) -> int:
        if burst is None:
            raise ClosedError(f"{call}: {self!r}")
        refuse(result, call, self, burst)

    def _refusals(self) -> list[str]:
        reasons = super()._refusals()
        if self._mbufs and self.count:
            reasons.append(f"{self.count} mbufs are in it")
        return reasons

    def _free(self, force: bool) -> None:
        call_errno(lib.pyd_ring_close, self._c, force, detail=self.name)

    def _abandon(self) -> None:
        super()._abandon()
        self._c.gate.open = 0

    def _state(self) -> str:
        return f"{self.element} count={self.count} capacity={self.capacity}"


def _check_one_of(name: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise ValueError(f"{name}={value!r}: one of {', '.join(allowed)} is allowed")


def _check_size(size: int, exact_size: bool) -> None:
    check_range("size", size, 1, SIZE_MAX - 1 if exact_size else SIZE_MAX, " slots")
    if not exact_size and (size < 2 or size & (size - 1)):
        raise ValueError(f"size={size}: a power of two from 2, or any size with exact_size=True")


def _element_of(name: str, ring: Any, element: Element | None) -> Element:
    """Say what a ring carries: what is recorded in it, or else what the caller knows."""
    if element is not None:
        _check_one_of("element", element, ("uint64", "mbuf"))
    if name.startswith("MP_"):
        raise make_error("rte_ring_lookup", errno.EPERM, f"ring {name!r} is a mempool's own")
    if not ring.flags >> lib.PYD_RING_ESIZE_SHIFT & lib.PYD_RING_ESIZE_MASK:
        return _foreign_element(name, ring, element)
    found: Element = "mbuf" if ring.flags & lib.PYD_RING_MBUFS else "uint64"
    if element not in (None, found):
        raise ValueError(f"element={element!r}: ring {name!r} carries {found}")
    return found


def _foreign_element(name: str, ring: Any, element: Element | None) -> Element:
    if element is None:
        raise ValueError(f"ring {name!r} was not made by pydpdk: say element='mbuf' or 'uint64'")
    if name.startswith("ETH_RXTX") and element != "mbuf":
        raise ValueError(f"element={element!r}: ring {name!r} is a port's and carries mbufs")
    if not lib.pyd_ring_fits(ring, _ESIZE):
        raise ValueError(f"ring {name!r} was not made by pydpdk, its elements are not of 8 bytes")
    return element

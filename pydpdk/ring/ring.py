"""Rings: make, find, count and close them, and pass values or mbufs through them."""

from __future__ import annotations

import errno
from functools import partial
from typing import Any, NoReturn

import numpy as np

from pydpdk import eal, lcore
from pydpdk._core.lifetime import Pin, Rank, Undo, address_of, find
from pydpdk._core.near import found, naming
from pydpdk._core.objects import RingBase, install
from pydpdk._dpdk import ffi, lib
from pydpdk.choices import RingSync
from pydpdk.eal.portable import Portable
from pydpdk.errors import (
    BusyError,
    NotFoundError,
    call_errno,
    call_pointer,
    call_rte_errno,
    check_name,
    check_range,
)
from pydpdk.limits import RING_NAME
from pydpdk.memory._rows import text, walk
from pydpdk.memory.mbuf_owner import MbufOwner, raise_for
from pydpdk.ring.element import (
    CONSUMER_FLAGS,
    DEFAULT_SYNC,
    PRODUCER_FLAGS,
    SYNCS,
    Element,
    Kind,
    check_element,
    check_size,
    check_sync,
    esize_of,
    kind_of,
    say,
)
from pydpdk.ring.zero_copy import Values, ZeroCopy

_tx, _rx = lib.pyd_ring_tx, lib.pyd_ring_rx


@install("ring")
class Ring(Portable, RingBase):
    """A ring of values of one numpy dtype, or of mbufs.

    Notes
    -----
    Wraps    rte_ring_get_prod_sync_type (rte_ring.h) in `producer`,
             rte_ring_get_cons_sync_type (rte_ring.h) in `consumer`
    Owns     the mbufs in it; `create` frees the ring in `close`, `lookup` leaves it alone
    Threads  any number, or one at a time on a side made `single`: a second one gets a `BusyError`
    Cost     one crossing for any number of elements
    """

    _rank = Rank.STRUCTURE

    def __init__(self, name: str, c: Any, kind: Kind, *, owned: bool) -> None:
        self._c, ring = c, c.ring
        self._dtype = kind
        self._none: Values = np.empty(0, kind)
        self._pin = Pin(lib.pyd_ring_memory(ring), ring.size * esize_of(kind))
        self._producer = SYNCS[lib.rte_ring_get_prod_sync_type(ring)]
        self._consumer = SYNCS[lib.rte_ring_get_cons_sync_type(ring)]
        self._capacity = int(ring.capacity)
        self._keep(self._c)
        self._bind(address_of(self._c), *(() if kind is None else (kind,)))
        gate = ffi.addressof(c, "gate")
        super().__init__(name, ring, gate, address=address_of(ring), owned=owned)

    @classmethod
    def create(
        cls,
        name: str,
        size: int,
        *,
        element: Element = "uint64",
        producer: RingSync | str = DEFAULT_SYNC,
        consumer: RingSync | str = DEFAULT_SYNC,
        exact_size: bool = False,
        socket_id: int | None = None,
    ) -> Ring:
        """Create a ring.

        Parameters
        ----------
        name
            1 to 28 characters.
        size
            [slots], a power of two, one of which stays empty; with `exact_size` the number of
            elements that fit.
        element
            `"mbuf"`, or a numpy dtype whose size is a multiple of 4 bytes, a structured one for
            example.
        producer, consumer
            How threads of that side are synchronised. `rts`: any number, and a call does not wait
            for another that the kernel has preempted. `hts`: any number, one after the other, and
            zero-copy. `multi`: any number, each with a CPU of its own: 2 Python threads on one CPU
            make 29,000 calls/s where `rts` makes 1,095,000. `single`: one at a time, and zero-copy.
        socket_id
            NUMA node; None for any.

        Raises
        ------
        ValueError
            A size that DPDK rejects, or (0) accepts and then corrupts memory with.
        NameTakenError, NoRoomError
            The name is in use; not enough memory.

        Notes
        -----
        Wraps  rte_ring_create_elem (rte_ring_elem.h)
        """
        eal.require_running()
        c_name = check_name("ring", name, RING_NAME)
        kind = check_element(element)
        esize = esize_of(kind)
        check_size(size, bool(exact_size), esize)
        flags = check_sync("producer", producer, PRODUCER_FLAGS)
        flags |= check_sync("consumer", consumer, CONSUMER_FLAGS)
        flags |= lib.RING_F_EXACT_SZ if exact_size else 0
        mark = esize << lib.PYD_RING_ESIZE_SHIFT | (lib.PYD_RING_MBUFS if kind is None else 0)
        c = ffi.new("struct pyd_ring *")
        with eal.running(), Undo(lib.pyd_ring_close, c, True):
            call_rte_errno(
                lib.pyd_ring_make, c, c_name, esize, size, lcore.check_socket_id(socket_id),
                flags, mark, detail=name, call="rte_ring_create_elem",
            )  # fmt: skip
            return cls(name, c, kind, owned=True)

    @classmethod
    def lookup(cls, name: str, *, element: Element | None = None) -> Ring:
        """Find a ring that this or another process has made.

        Parameters
        ----------
        element
            As for `create`. A ring records the size of its elements, not their dtype. Required,
            except for mbufs and for elements of 8 bytes, which are uint64 by default.

        Raises
        ------
        NotFoundError
            There is none of that name.
        ValueError
            The ring carries something else, or does not record what.
        DpdkError
            EPERM: it is the inner ring of a mempool.

        Notes
        -----
        Wraps  rte_ring_lookup (rte_ring.h)
        """
        eal.require_running()
        c_name = check_name("ring", name, RING_NAME)
        with eal.running():
            with naming(name, _names):
                ring = call_pointer(lib.rte_ring_lookup, c_name, detail=name)
            known = find(cls, address_of(ring))
            if known is None:
                kind = kind_of(name, ring, element)
                c = ffi.new("struct pyd_ring *")
                lib.pyd_ring_open(c, ring, esize_of(kind))
                return cls(name, c, kind, owned=False)
            if element is not None and check_element(element) != known.dtype:
                raise ValueError(f"element={element!r}: ring {name!r} carries {known.element}")
            return known

    @classmethod
    def all(cls) -> list[Ring]:
        """Return all rings of known elements; those inside mempools and drivers are left out.

        Notes
        -----
        Wraps  rte_memzone_walk (rte_memzone.h), rte_ring_lookup (rte_ring.h)
        """
        return list(found(cls.lookup, _names(), (NotFoundError, ValueError)))

    # -- properties --

    @property
    def dtype(self) -> Kind:
        """The dtype of the values; None for a ring of mbufs."""
        return self._dtype

    @property
    def element(self) -> str:
        """The element: `"mbuf"` or the dtype's name."""
        return say(self._dtype)

    @property
    def producer(self) -> RingSync:
        """How threads that enqueue are synchronised."""
        return self._producer

    @property
    def consumer(self) -> RingSync:
        """How threads that dequeue are synchronised."""
        return self._consumer

    @property
    def capacity(self) -> int:
        """[elements] that fit."""
        return self._known(self._capacity)

    def __len__(self) -> int:
        """[elements] in the ring now.

        Notes
        -----
        Wraps  rte_ring_count (rte_ring.h)
        """
        n = int(lib.pyd_ring_count(self._c))
        return n if n >= 0 else self._fail(n, "rte_ring_count")

    def __bool__(self) -> bool:
        """Always True, also when the ring is empty: `if ring:` asks whether there is a ring."""
        return True

    @property
    def free_count(self) -> int:
        """[elements] that still fit."""
        return self.capacity - len(self)

    @property
    def full(self) -> bool:
        """Whether nothing fits any more."""
        return self.free_count == 0

    @property
    def empty(self) -> bool:
        """Whether nothing is in it."""
        return len(self) == 0

    @property
    def malformed(self) -> int:
        """[mbufs] that `rx` dropped: their segments and lengths contradict each other."""
        return int(self._c.consumer.malformed)

    # -- values --

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
        return self._zero_copy(False, n, bulk)

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
        return self._zero_copy(True, n, bulk)

    # -- mbufs --

    def tx(self, burst: MbufOwner, *, bulk: bool = False) -> int:
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
                burst._check_views()
            n = _tx(self._c, burst._c, bool(bulk))
        except (AttributeError, TypeError):
            raise TypeError(f"tx takes a Burst (got {burst!r})") from None
        return n if n >= 0 else self._fail(n, "rte_ring_enqueue", burst)

    def rx(self, burst: MbufOwner, *, n: int | None = None, bulk: bool = False) -> int:
        """Dequeue mbufs into an empty burst.

        Any program of the prefix may have put them in. Packets whose segments and lengths
        contradict each other are dropped, see `malformed`; so `bulk` may give fewer than `n`.

        Parameters
        ----------
        n
            [mbufs] to take at most, or, with `bulk`, exactly. Default: the burst's capacity.
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
            raise TypeError(f"rx takes a Burst (got {burst!r})") from None
        return got if got >= 0 else self._fail(got, "rte_ring_dequeue", burst)

    # -- closing --

    def close(self, *, force: bool = False) -> None:
        """Free the ring, or end the use of one that was looked up; do nothing if it is closed.

        Parameters
        ----------
        force
            Close it although something uses it. Mbufs in a ring that `create` made are freed; slots
            reserved in one that was looked up are given back, so that its other users go on.

        Raises
        ------
        InUseError
            Mbufs are in it, a zero-copy block is open, or numpy views of its slots are alive.
        BusyError
            A thread is inside a call and does not return.

        Notes
        -----
        Wraps  rte_ring_free (rte_ring.h)
        """
        if force and not self.owned:
            lib.pyd_ring_zc_finish(self._c, False, 0)
            lib.pyd_ring_zc_finish(self._c, True, 0)
        super().close(force=force)

    def _why_open(self) -> list[str]:
        reasons = [*super()._why_open(), *self._reserved()]
        if self.dtype is None and (n := len(self)):
            reasons.append(f"{n} mbufs are in it")
        return reasons

    def _reserved(self) -> list[str]:
        sides = {"enqueue_zc": self._c.producer.zc, "dequeue_zc": self._c.consumer.zc}
        return [f"a block of {call} is not left" for call, zc in sides.items() if zc]

    def _viewed(self) -> list[str]:
        return [*super()._viewed(), *([] if self.owned else self._reserved())]

    def _view_count(self) -> int:
        return self._pin.views

    def _free(self, force: bool) -> None:
        call_errno(lib.pyd_ring_close, self._c, force, detail=self.name)

    def _abandon(self) -> None:
        lib.pyd_ring_shut(self._c)
        super()._abandon()

    # -- checks, slots, errors --

    def _require_values(self) -> np.dtype[Any]:
        if self._dtype is None:
            raise TypeError(f"{self!r} carries mbufs: use tx and rx with a burst")
        return self._dtype

    def _require_mbufs(self) -> None:
        if self.dtype is not None:
            raise TypeError(f"{self!r} carries {say(self.dtype)} values: use enqueue and dequeue")

    def _check_values(self, values: Values) -> Values:
        """Return the array as bytes for C, or raise."""
        self._require_values()
        # a subclass may report a wrong length
        if type(values) is not np.ndarray or values.dtype != self._dtype or values.ndim != 1:
            found = getattr(values, "dtype", type(values).__name__)
            raise TypeError(f"values must be a numpy array {self.element}[n] (got {found})")
        if not values.flags.c_contiguous:
            raise ValueError("values must be a contiguous array")
        check_range("len(values)", len(values), 0, (1 << 31) - 1, " elements")
        return values.view(np.uint8)  # dates export no buffer

    def _send(self, function: Any, values: Values) -> int:
        data = ffi.from_buffer("char[]", self._check_values(values))
        n = int(function(self._c, data, len(values)))
        return n if n >= 0 else self._fail(n, "rte_ring_enqueue")

    def _fill(self, function: Any, out: Values) -> int:
        data = self._check_values(out)
        if not out.flags.writeable:
            raise ValueError("out must be a writable array")
        n = int(function(self._c, ffi.from_buffer("char[]", data, True), len(out)))
        return n if n >= 0 else self._fail(n, "rte_ring_dequeue")

    def _zero_copy(self, consumer: bool, n: int, bulk: bool) -> ZeroCopy:
        self._require_values()
        side, sync = ("consumer", self.consumer) if consumer else ("producer", self.producer)
        if sync not in (RingSync.SINGLE, RingSync.HTS):
            raise ValueError(
                f"{side}={sync.value!r}: zero-copy is for sides made 'single' or 'hts'"
            )
        wanted = check_range("n", n, 0, self.capacity, " elements")
        start = partial(self._start, consumer, wanted, bool(bulk))
        return ZeroCopy(self, start, writable=not consumer)

    def _start(self, consumer: bool, n: int, bulk: bool, slots: Any) -> int:
        got = int(lib.pyd_ring_zc_start(self._c, consumer, n, bulk, slots))
        if got >= 0:
            return got
        return self._fail(got, f"ring_{'dequeue' if consumer else 'enqueue'}_zc_start")

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

    def _fail(self, result: int, call: str, burst: MbufOwner | None = None) -> NoReturn:
        if result == -errno.EALREADY:
            raise BusyError(errno.EBUSY, f"{call}: {self!r}: {self._occupied(call)}")
        if burst is None:
            raise self._closed_error()
        raise_for(result, call, self, burst)

    def _occupied(self, call: str) -> str:
        """Return why a side could not take one more thread."""
        for side in self._reserved():
            if ("enqueue" in side) == ("enqueue" in call):
                return side
        return "another thread is on this side, which takes one at a time"

    def _how(self) -> dict[str, Any]:
        return {"element": "mbuf" if self._dtype is None else self._dtype}

    def _state(self) -> str:
        return f"{self.element}, {len(self)} of {self.capacity}"


def _names() -> list[str]:
    names = walk(lib.pyd_walk_rings, "pyd_ring_state", lambda ring: text(ring.name))
    return [name for name in names if not name.startswith("MP_")]  # those are inside mempools

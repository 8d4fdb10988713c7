"""Rings: make, find, count and close them, and pass mbufs through them."""

from __future__ import annotations

from pydpdk import eal, lcore
from pydpdk._core.fastcall import short
from pydpdk._core.lifetime import Undo, address_of, find
from pydpdk._dpdk import ffi, lib
from pydpdk.errors import call_errno, call_pointer, call_rte_errno, check_name, check_range
from pydpdk.memory.mbuf_owner import BURST, MbufOwner
from pydpdk.ring.base import MBUFS
from pydpdk.ring.element import (
    CONSUMER_FLAGS,
    DEFAULT_SYNC,
    POINTER,
    PRODUCER_FLAGS,
    Element,
    Sync,
    check_element,
    check_size,
    check_sync,
    kind_of,
    say,
)
from pydpdk.ring.moves import Moves

NAME_MAX = lib.RTE_RING_NAMESIZE - 1
_tx, _rx = lib.pyd_ring_tx, lib.pyd_ring_rx


class Ring(Moves):
    """A ring of values of one numpy dtype, or of mbufs.

    Notes
    -----
    Wraps    rte_ring_get_prod_sync_type (rte_ring.h) in `producer`,
             rte_ring_get_cons_sync_type (rte_ring.h) in `consumer`
    Owns     the mbufs in it; `create` frees the ring in `close`, `lookup` leaves it alone
    Threads  any number, or one at a time on a side made `single`: a second one gets a `BusyError`
    Cost     one crossing for any number of elements
    """

    rank = 2

    @classmethod
    def create(
        cls,
        name: str,
        size: int,
        *,
        element: Element = "uint64",
        producer: Sync = DEFAULT_SYNC,
        consumer: Sync = DEFAULT_SYNC,
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
        c_name = check_name("ring", name, NAME_MAX)
        kind = check_element(element)
        esize = POINTER if kind is None else kind.itemsize
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
        c_name = check_name("ring", name, NAME_MAX)
        with eal.running():
            ring = call_pointer(lib.rte_ring_lookup, c_name, detail=name)
            known = find(cls, address_of(ring))
            if known is None:
                kind = kind_of(name, ring, element)
                c = ffi.new("struct pyd_ring *")
                lib.pyd_ring_open(c, ring, POINTER if kind is None else kind.itemsize)
                return cls(name, c, kind, owned=False)
            if element is not None and check_element(element) != known.dtype:
                raise ValueError(f"element={element!r}: ring {name!r} carries {known.element}")
            return known

    @property
    def size(self) -> int:
        """[slots], a power of two."""
        return self._known(self._size)

    @property
    def capacity(self) -> int:
        """[elements] that fit."""
        return self._known(self._capacity)

    @property
    def count(self) -> int:
        """[elements] in the ring.

        Notes
        -----
        Wraps  rte_ring_count (rte_ring.h)
        """
        n = int(lib.pyd_ring_count(self._c))
        return n if n >= 0 else self._fail(n, "rte_ring_count")

    @property
    def free_count(self) -> int:
        """[elements] that still fit."""
        return self.capacity - self.count

    @property
    def malformed(self) -> int:
        """[mbufs] that `rx` dropped: their segments and lengths contradict each other."""
        return int(self._c.consumer.malformed)

    @property
    def full(self) -> bool:
        """Whether nothing fits any more."""
        return self.free_count == 0

    @property
    def empty(self) -> bool:
        """Whether nothing is in it."""
        return self.count == 0

    @short("pyd_ring_tx_burst", "move", MBUFS, BURST)
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
                burst.check_views()
            n = _tx(self._c, burst._c, bool(bulk))
        except (AttributeError, TypeError):
            raise TypeError(f"tx({burst!r}): a Burst is allowed") from None
        return n if n >= 0 else self._fail(n, "rte_ring_enqueue", burst)

    @short("pyd_ring_rx_burst", "move", MBUFS, BURST)
    def rx(self, burst: MbufOwner, *, n: int | None = None, bulk: bool = False) -> int:
        """Dequeue mbufs into an empty burst.

        Any program of the prefix may have put them in. Packets whose segments and lengths
        contradict each other are dropped, see `malformed`; so `bulk` may give fewer than `n`.

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
        return got if got >= 0 else self._fail(got, "rte_ring_dequeue", burst)

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
            lib.pyd_ring_enqueue_zc_finish(self._c, 0)
            lib.pyd_ring_dequeue_zc_finish(self._c, 0)
        super().close(force=force)

    def _require_mbufs(self) -> None:
        if self.dtype is not None:
            raise TypeError(f"{self!r} carries {say(self.dtype)} values: use enqueue and dequeue")

    def _refusals(self) -> list[str]:
        reasons = [*super()._refusals(), *self._reserved()]
        if self.dtype is None and self.count:
            reasons.append(f"{self.count} mbufs are in it")
        return reasons

    def _viewed(self) -> list[str]:
        return [*super()._viewed(), *([] if self.owned else self._reserved())]

    def _free(self, force: bool) -> None:
        call_errno(lib.pyd_ring_close, self._c, force, detail=self.name)

    def _abandon(self) -> None:
        lib.pyd_ring_shut(self._c)
        super()._abandon()

    def _state(self) -> str:
        return f"{self.element} count={self.count} capacity={self.capacity}"

"""Slots of a ring as numpy arrays: values are written and read in place."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Self

import numpy.typing as npt

from pydpdk._core.fixed import Fixed
from pydpdk._core.lifetime import Undo
from pydpdk._dpdk import ffi, lib
from pydpdk.errors import check_range

if TYPE_CHECKING:
    from pydpdk.ring.ring import Ring

Values = npt.NDArray[Any]


class ZeroCopy(Fixed):
    """Reserved slots of one side of a ring, for a `with` block.

    Leaving the block commits all slots, or as many as `commit` says; an exception commits none. A
    view that outlives the block reads and writes what the slot holds by then; the ring does not
    close while there are any.

    Notes
    -----
    Owns     the slots, until the block is left
    Threads  one; others that use this side meanwhile get a `BusyError`. In another process they
             spin until the block is left, if the ring is `hts`: keep the block short
    Cost     3.6 us a block, whatever the number of elements: it pays for large ones
    """

    __slots__ = (
        "_begun", "_committed", "_dropped", "_first", "_n", "_ring", "_second", "_slots", "_start",
        "_writable",
    )  # fmt: skip

    def __init__(self, ring: Ring, start: Callable[[Any], int], *, writable: bool) -> None:
        self._ring = ring
        self._start: Callable[[Any], int] | None = start
        self._writable = writable
        self._slots = ffi.new("struct pyd_ring_slots *")
        # a block that is dropped without having been left commits nothing
        self._dropped = Undo(lib.pyd_ring_zc_drop, self._slots, ring._c)
        self._dropped.__enter__()
        self._committed: int | None = None
        self._n = 0
        self._first = self._second = ring._none

    def __len__(self) -> int:
        """[elements] reserved; after the block, those committed."""
        return self._n

    @property
    def first(self) -> Values:
        """The slots, in order. Those of `dequeue_zc` are read-only."""
        return self._first

    @property
    def second(self) -> Values:
        """The rest of the slots if the reservation wraps around the ring's end, else empty."""
        return self._second

    @property
    def pieces(self) -> tuple[Values, ...]:
        """The arrays that have slots: none, one, or two."""
        return tuple(piece for piece in (self.first, self.second) if len(piece))

    def commit(self, n: int) -> None:
        """Set how many of the slots, from the first on, are committed when the block is left.

        Parameters
        ----------
        n
            [elements]; the others stay free, or in the ring.
        """
        self._committed = check_range("n", n, 0, self._n, " elements")

    def __enter__(self) -> Self:
        if self._start is None:
            raise RuntimeError("a zero-copy block is entered once: ask the ring for another")
        with Undo(lib.pyd_ring_zc_end, self._slots, 0):
            start, self._start = self._start, None
            self._n = start(self._slots)
            self._first, self._second = self._ring._views(self._slots, self._n, self._writable)
            return self

    def __exit__(self, kind: object, error: object, tb: object) -> None:
        if not self._slots.open:
            return
        n = self._n if self._committed is None else self._committed
        self._first = self._second = self._ring._none
        result = lib.pyd_ring_zc_end(self._slots, 0 if error is not None else n)
        if result < 0 and error is None:
            self._ring._fail(result, "rte_ring_zc_elem_finish")
        self._n = max(result, 0)

    def __repr__(self) -> str:
        return f"<ZeroCopy of {self._ring!r}, {self._n} elements>"

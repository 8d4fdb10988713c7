"""Slots of a ring as numpy arrays: values are made, or read, where they lie."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import numpy.typing as npt

from pydpdk._dpdk import ffi
from pydpdk.errors import check_range

if TYPE_CHECKING:
    from pydpdk.ring.base import RingBase

Values = npt.NDArray[Any]


class ZeroCopy:
    """Reserved slots of one side of a ring, for the length of a `with` block.

    Leaving the block commits all slots, or as many as `commit` said; an exception commits none.
    A view that outlives the block does no harm but that it shows, or overwrites, what the slot
    holds by then; the ring does not close while there are any.

    Attributes
    ----------
    n : int
        [elements] reserved.
    first, second : numpy.ndarray
        The slots, in order; the second is empty unless the reservation wraps round the ring's
        end. Those of `dequeue_zc` are read-only.

    Notes
    -----
    Owns     the slots, until the block is left
    Threads  one; others that use this side meanwhile get a `BusyError`. In another process they
             spin until the block is left, if the ring is `hts`: be short
    Cost     3.6 us a block, whatever the number of elements: it pays for large ones
    """

    __slots__ = (
        "_committed", "_finish", "_open", "_ring", "_start", "_writable", "first", "n", "second",
    )  # fmt: skip

    def __init__(
        self,
        ring: RingBase,
        start: Callable[[Any], int],
        finish: Callable[..., int],
        *,
        writable: bool,
    ) -> None:
        self._ring = ring
        self._start: Callable[[Any], int] | None = start
        self._finish = finish
        self._writable = writable
        self._open = False
        self._committed: int | None = None
        self.n = 0
        self.first = self.second = ring._none

    @property
    def pieces(self) -> tuple[Values, ...]:
        """The arrays that have slots: none, one, or two."""
        return tuple(piece for piece in (self.first, self.second) if len(piece))

    def commit(self, n: int) -> None:
        """Say how many of the slots, from the first on, count when the block is left.

        Parameters
        ----------
        n
            [elements] The others stay free, or in the ring.
        """
        self._committed = check_range("n", n, 0, self.n, " elements")

    def __enter__(self) -> Self:
        if self._start is None:
            raise RuntimeError("a zero-copy block is entered once: ask the ring for another")
        slots = ffi.new("struct pyd_ring_slots *")
        start, self._start = self._start, None
        self.n = start(slots)
        self._open = True
        try:
            self.first, self.second = self._ring._views(slots, self.n, self._writable)
        except BaseException as error:
            self.__exit__(type(error), error, None)
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        if not self._open:
            return
        self._open = False
        n = self.n if self._committed is None else self._committed
        self.first = self.second = self._ring._none
        result = self._finish(self._ring._c, 0 if error is not None else n)
        if result < 0 and error is None:
            self._ring._refuse(result, "rte_ring_zc_elem_finish")
        self.n = max(result, 0)

    def __repr__(self) -> str:
        return f"<ZeroCopy of {self._ring!r} n={self.n}>"

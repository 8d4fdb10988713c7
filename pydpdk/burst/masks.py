"""Selecting packets of a burst: kept, dropped, moved or split by an array."""

from __future__ import annotations

import errno
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from pydpdk._core.fastcall import rows, short
from pydpdk._dpdk import ffi, lib
from pydpdk.burst.fields import Fields
from pydpdk.burst.packets import CHECK
from pydpdk.memory.mbuf_owner import BURST

if TYPE_CHECKING:
    from pydpdk.burst.burst import Burst

Mask = npt.NDArray[np.bool_]
MASK = np.dtype(bool)
_CLASSES_MAX = 1024
_BYTES = ffi.typeof("uint8_t *")


class Masks(Fields):
    """The part of `Burst` that selects packets, whose order stays.

    Notes
    -----
    Owns     nothing of its own: `Burst` does
    Threads  those of the burst
    """

    @short("pyd_burst_keep", "send", BURST, unless=CHECK)
    def keep(self, mask: Mask) -> int:
        """Free the packets whose mask is False; return how many are left.

        Parameters
        ----------
        mask
            `bool[n]`, one for each packet.

        Notes
        -----
        Wraps  rte_pktmbuf_free_bulk (rte_mbuf.h)
        """
        return self._part(lib.pyd_burst_keep, mask)

    @short("pyd_burst_drop", "send", BURST, unless=CHECK)
    def drop(self, mask: Mask) -> int:
        """Free the packets whose mask is True; return how many are left.

        Parameters
        ----------
        mask
            `bool[n]`, one for each packet.

        Notes
        -----
        Wraps  rte_pktmbuf_free_bulk (rte_mbuf.h)
        """
        return self._part(lib.pyd_burst_drop, mask)

    @rows("pyd_rows_take", BURST, "?h", "c", other=BURST)
    def take(self, mask: Mask, into: Burst) -> int:
        """Move the packets whose mask is True to the end of another burst; return how many.

        Parameters
        ----------
        mask
            `bool[n]`, one for each packet.
        into
            It owns them afterwards.

        Raises
        ------
        NoRoomError
            They do not all fit in the other burst; nothing was moved.
        """
        self._check_other(into)
        if self._views:
            self.check_views()
        n, data = _mask(mask, len(self))
        result = lib.pyd_burst_take(self._c, data, n, into._c)
        return self._parted(result, into)

    @rows("pyd_rows_split", BURST, "xs", "s", other=BURST)
    def split(
        self, classes: npt.NDArray[Any], into: Sequence[Burst] | None = None
    ) -> tuple[Burst, ...]:
        """Move packet i into the burst number `classes[i]`; this burst is empty afterwards.

        Parameters
        ----------
        classes
            `bool[n]` or integers `[n]` from 0, below 1,024; `rest, dns = burst.split(mask)`.
        into
            The bursts, which get the packets at their end. Default: new ones, as many as there are
            classes (two for a mask), which the caller closes.

        Raises
        ------
        NoRoomError
            The packets of a class do not fit in its burst; nothing was moved.
        """
        numbers = _classes(classes, len(self))
        if self._views:
            self.check_views()
        if into is not None:
            return self._split(numbers, tuple(into))
        at_least = 2 if np.asarray(classes).dtype == np.bool_ else 1
        made = self._made_for(numbers, at_least)
        try:
            return self._split(numbers, made)
        except BaseException:
            for burst in made:
                burst.close()
            raise

    def _split(self, numbers: npt.NDArray[np.uint32], into: tuple[Burst, ...]) -> tuple[Burst, ...]:
        for i, burst in enumerate(into):
            self._check_other(burst)
            if burst in into[:i]:
                raise ValueError(f"into: {burst!r} is there twice")
        if not 1 <= len(into) <= _CLASSES_MAX:
            raise ValueError(f"into: {len(into)} bursts; 1 to {_CLASSES_MAX} are allowed")
        pointers = ffi.new("struct pyd_burst *[]", [burst._c for burst in into])
        data = ffi.from_buffer("uint32_t *", numbers)
        result = lib.pyd_burst_split(self._c, data, len(numbers), pointers, len(into))
        if result == -errno.ERANGE:
            raise ValueError(f"classes: 0 to {len(into) - 1} is allowed, one for each burst")
        self._parted(result, *into)
        return into

    def _made_for(self, numbers: npt.NDArray[np.uint32], at_least: int) -> tuple[Burst, ...]:
        counts = np.bincount(numbers, minlength=at_least)
        kind: Any = type(self)
        made: list[Burst] = []
        try:
            made.extend(kind(max(int(count), 1)) for count in counts)
        except BaseException:
            for burst in made:
                burst.close()
            raise
        return tuple(made)

    def _part(self, call: Callable[..., int], mask: Mask) -> int:
        if self._views:
            self.check_views()
        n, data = _mask(mask, len(self))
        return self._parted(call(self._c, data, n))

    def _parted(self, result: int, *others: Masks) -> int:
        if result == -errno.EMSGSIZE:
            raise ValueError(f"{self!r} has another number of packets by now")
        if result == -errno.EBADF:
            for burst in others:
                burst.handle  # noqa: B018  # raises when closed
        other = others[0] if others else self
        return self._done(result, "move" if others else "rte_pktmbuf_free_bulk", other)

    def _check_other(self, burst: object) -> None:
        if not isinstance(burst, Masks):
            raise TypeError(f"into={burst!r}: a Burst is allowed")
        if burst is self:
            raise ValueError("into: this very burst; another one is allowed")


def _mask(mask: Mask, n: int) -> tuple[int, Any]:
    """Return the length and memory of a mask; a numpy bool is a byte that is 0 or 1."""
    values = mask if type(mask) is np.ndarray else np.asarray(mask)
    if values.dtype != MASK:
        raise TypeError(f"mask of {values.dtype}: bool is allowed")
    if values.shape != (n,):
        raise ValueError(f"mask of shape {values.shape}: ({n},) is allowed, one for each packet")
    if not values.flags.c_contiguous:
        values = np.ascontiguousarray(values)
    return n, ffi.from_buffer(_BYTES, values)


def _classes(classes: npt.NDArray[Any], n: int) -> npt.NDArray[np.uint32]:
    values = np.asarray(classes)
    if values.dtype.kind not in "biu":
        raise TypeError(f"classes of {values.dtype}: bool or integers are allowed")
    if values.shape != (n,):
        raise ValueError(f"classes of shape {values.shape}: ({n},) is allowed, one for each packet")
    if n and not 0 <= int(values.min()) <= int(values.max()) < _CLASSES_MAX:
        raise ValueError(f"classes: 0 to {_CLASSES_MAX - 1} is allowed")
    return np.ascontiguousarray(values, dtype=np.uint32)

"""Selecting packets of a burst by an array: `Burst.keep`, `drop`, `take` and `split`."""

from __future__ import annotations

import errno
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt

from pydpdk._dpdk import ffi, lib
from pydpdk.burst._fit import check_number
from pydpdk.errors import check_range

if TYPE_CHECKING:
    from pydpdk.burst.burst import Burst

Mask: TypeAlias = npt.NDArray[np.bool_]
MASK = np.dtype(bool)
_CLASSES_MAX = 1024
_BYTES = ffi.typeof("uint8_t *")


def part(burst: Burst, call: Callable[..., int], mask: Mask) -> int:
    """Free the packets that a mask selects; return how many are left."""
    if burst._views:
        burst._check_views()
    n, data = _mask(mask, len(burst))
    return _parted(burst, call(burst._c, n, data))


def take(burst: Burst, mask: Mask, into: Burst) -> int:
    """Move the packets whose mask is True to the end of another burst; return how many."""
    burst._check_other("into", into)
    if burst._views:
        burst._check_views()
    n, data = _mask(mask, len(burst))
    return _parted(burst, lib.pyd_burst_take(burst._c, n, data, into._c), into)


def split(
    burst: Burst, classes: npt.NDArray[Any], into: Sequence[Burst] | None
) -> tuple[Burst, ...]:
    """Move packet i to the end of the burst number `classes[i]`; of new ones without `into`."""
    numbers = _classes(classes, len(burst))
    if burst._views:
        burst._check_views()
    if into is not None:
        return _split(burst, numbers, tuple(into))
    at_least = 2 if np.asarray(classes).dtype == np.bool_ else 1
    kind: Any = type(burst)
    counts = np.bincount(numbers, minlength=at_least)
    made: list[Burst] = []
    try:
        made.extend(kind(max(int(count), 1)) for count in counts)
        return _split(burst, numbers, tuple(made))
    except BaseException:
        for one in made:
            one.close()
        raise


def _split(
    burst: Burst, numbers: npt.NDArray[np.uint32], into: tuple[Burst, ...]
) -> tuple[Burst, ...]:
    for i, other in enumerate(into):
        burst._check_other("into", other)
        if other in into[:i]:
            raise ValueError(f"into: {other!r} is there twice")
    check_range("len(into)", len(into), 1, _CLASSES_MAX, " bursts")
    pointers = ffi.new("struct pyd_burst *[]", [other._c for other in into])
    data = ffi.from_buffer("uint32_t *", numbers)
    result = lib.pyd_burst_split(burst._c, len(numbers), data, pointers, len(into))
    if result == -errno.ERANGE:
        raise ValueError(f"classes must be 0..{len(into) - 1}, one for each burst")
    _parted(burst, result, *into)
    return into


def _parted(burst: Burst, result: int, *others: Burst) -> int:
    check_number(burst, result)
    if result == -errno.EBADF:
        for other in others:
            other.handle  # noqa: B018  # raises when closed
    user = others[0] if others else burst
    return burst._done(result, "move" if others else "rte_pktmbuf_free_bulk", user)


def _mask(mask: Mask, n: int) -> tuple[int, Any]:
    """Return the length and memory of a mask; a numpy bool is a byte that is 0 or 1."""
    values = mask if type(mask) is np.ndarray else np.asarray(mask)
    if values.dtype != MASK:
        raise TypeError(f"mask must be of bool (got {values.dtype})")
    if values.shape != (n,):
        raise ValueError(f"mask must have the shape ({n},), as the burst (got {values.shape})")
    if not values.flags.c_contiguous:
        values = np.ascontiguousarray(values)
    return n, ffi.from_buffer(_BYTES, values)


def _classes(classes: npt.NDArray[Any], n: int) -> npt.NDArray[np.uint32]:
    values = np.asarray(classes)
    if values.dtype.kind not in "biu":
        raise TypeError(f"classes must be of bool or integers (got {values.dtype})")
    if values.shape != (n,):
        raise ValueError(f"classes must have the shape ({n},), as the burst (got {values.shape})")
    if n and not 0 <= int(values.min()) <= int(values.max()) < _CLASSES_MAX:
        raise ValueError(f"classes must be 0..{_CLASSES_MAX - 1}")
    return np.ascontiguousarray(values, dtype=np.uint32)

"""What the overloads of verbs on packets share: checks, and how an argument becomes what C gets."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numba.core import types
from numba.core.errors import TypingError
from numba.np.numpy_support import from_dtype

from pydpdk.jit.types import COUNT, address_of, is_array, is_whole, loader

_load8, _load32 = loader(1), loader(4)
_VLAN, _QINQ, _U16 = 0x8100, 0x88A8, 0xFFFF


@njit
def done(result: int) -> None:
    """Raise for the result of a verb that failed and changed nothing."""
    if result != 0:
        raise ValueError(
            "a packet is too short, shared, has TX offloads, or has no headroom or checksum"
        )


@njit
def check(number: int, highest: int) -> int:
    """Return a number if it is in range; else raise."""
    if number < 0 or number > highest:
        raise ValueError("the number does not fit where it is to be written")
    return number


@njit
def check_tpid(tpid: int) -> int:
    """Return a type of VLAN tags; else raise."""
    if tpid not in (_VLAN, _QINQ):
        raise ValueError("tpid must be 0x8100 or 0x88a8")
    return tpid


@njit(inline="always")
def _each(n: int, values: Any) -> Any:
    """Return an array that has a row for each packet; else raise."""
    if len(values) < n:
        raise ValueError("the array must have a row for each packet of the burst")
    return values


@njit
def count(burst: Any) -> int:
    """Return the number of packets of a burst."""
    return _load32(address_of(burst) + COUNT)


@njit
def is_set(found: int) -> bool:
    """Return whether C has set the byte at an address."""
    return _load8(found) != 0


def rows(verb: str, value: Any, dtype: np.dtype[Any]) -> Any:
    """Return the function that makes a row for each of n packets of a value of this type."""
    kind, highest = dtype.base.type, int(np.iinfo(dtype.base).max)
    if is_whole(value) and not dtype.shape:
        return njit(lambda n, value: np.full(n, check(value, highest), kind))
    if not is_array(value, from_dtype(dtype.base), ndim=1 + len(dtype.shape)):
        raise TypingError(f"{verb} takes a number, or a contiguous array of {dtype}")
    return _each


def octets(verb: str, value: Any) -> Any:
    """Return the function that gives the bytes for each packet, their width and stride."""
    if is_array(value, types.uint8):
        return njit(lambda n, data: (data, check(len(data), _U16), 0))
    if not is_array(value, types.uint8, ndim=2):
        raise TypingError(f"{verb} takes a contiguous uint8[width] or uint8[n, width]")

    def each(n: int, data: Any) -> Any:
        width = check(data.shape[1], _U16)
        return _each(n, data), width, width

    return njit(each)


def check_octets(verb: str, value: Any) -> None:
    """Raise if this is no type of the bytes of one packet."""
    if not is_array(value, types.uint8):
        raise TypingError(f"{verb} takes a contiguous uint8[width]")

"""Checks of values that are written into packets, and of C's result."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Any, TypeAlias, cast

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from pydpdk.burst.burst import Burst

Array: TypeAlias = npt.NDArray[Any]


def fit(name: str, value: Any, dtype: np.dtype[Any], shape: tuple[int, ...]) -> Array:
    """Return a value as a contiguous array of that dtype and shape.

    Raises
    ------
    ValueError, TypeError
        It does not fit: a number is too large, the shape differs, or it has no numbers.
    """
    if isinstance(value, (bytes, bytearray, memoryview)) and dtype == np.uint8:
        value = np.frombuffer(value, np.uint8)
    values = np.asarray(value)
    if values.size == 0:
        values = values.astype(dtype)  # numpy makes floats of an empty list
    elif values.dtype != dtype:
        values = _convert(name, values, dtype)
    try:
        whole = np.broadcast_to(values, shape)
    except ValueError:
        raise ValueError(f"{name} must have the shape {shape} (got {values.shape})") from None
    return np.ascontiguousarray(whole)


def _convert(name: str, values: Array, dtype: np.dtype[Any]) -> Array:
    if dtype.kind == "b" or values.dtype.kind == "b":
        raise TypeError(f"{name} must be {dtype} (got {values.dtype})")
    if dtype.kind not in "iu":
        return values.astype(dtype, casting="same_kind")
    if values.dtype.kind not in "iu":
        raise TypeError(f"{name} must be integers (got {values.dtype})")
    limits = np.iinfo(cast("Any", dtype))
    if values.size and (int(values.min()) < limits.min or int(values.max()) > limits.max):
        lowest, highest = int(values.min()), int(values.max())
        raise ValueError(f"{name} must be {limits.min}..{limits.max} (got {lowest}..{highest})")
    return values.astype(dtype)


def check_number(burst: Burst, result: int) -> None:
    """Raise if C found another number of packets than the array has."""
    if result == -errno.EMSGSIZE:
        raise ValueError(f"{burst!r} has another number of packets by now")


def check_written(burst: Burst, result: int) -> None:
    """Raise for a failed call that writes into packets."""
    check_number(burst, result)
    if result > 0:
        raise ValueError(f"packet {result - 1}: other mbufs see its memory; copy it first")
    burst._done(result, "columns")

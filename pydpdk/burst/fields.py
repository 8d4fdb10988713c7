"""Bytes of all packets of a burst: `Burst.peek`, `poke` and `copy_out`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from pydpdk._core.lifetime import Bytes
from pydpdk._core.objects import known_headers
from pydpdk._dpdk import ffi, lib
from pydpdk.burst._catalog import header_of
from pydpdk.burst._fit import check_written, fit
from pydpdk.errors import check_range

if TYPE_CHECKING:
    from pydpdk.burst.burst import Burst

_CHAR, _U64 = ffi.typeof("char *"), ffi.typeof("uint64_t *")
_WIDTH_MAX = 65535
_WHOLE = -1


def peek(
    burst: Burst, offset: int, width: int, header: str | None, valid: npt.NDArray[np.bool_] | None
) -> Bytes:
    """Return bytes of each packet, a copy."""
    where, start, wide = _place(header, offset, width)
    n = len(burst)
    mask = np.empty(n, np.bool_) if valid is None else _check_valid(valid, n)
    data = np.empty((n, wide), np.uint8)
    addresses = ffi.from_buffer("uint8_t *", mask), ffi.from_buffer("char *", data)
    result = lib.pyd_burst_peek(burst._c, n, start, wide, where, *addresses)
    return data[: burst._done(result, "rte_pktmbuf_read")]


def poke(burst: Burst, offset: int, data: Any, header: str | None) -> None:
    """Write bytes into each packet that has as many at the offset."""
    n = len(burst)
    width = len(data) if isinstance(data, (bytes, bytearray)) else _width_of(data)
    where, start, wide = _place(header, offset, width)
    values = fit("data", data, np.dtype(np.uint8), (n, wide))
    address = ffi.from_buffer("char *", values)
    check_written(burst, lib.pyd_burst_poke(burst._c, n, start, address, wide, wide, where))


def copy_out(burst: Burst) -> tuple[Bytes, npt.NDArray[np.uint64]]:
    """Return copies of all packets in one array, and their offsets."""
    n = len(burst)
    offsets = np.empty(n + 1, np.uint64)
    starts = ffi.from_buffer(_U64, offsets)
    total = lib.pyd_burst_copy_out(burst._c, ffi.NULL, 0, starts, n)  # only counts
    check_written(burst, min(total, 0))
    data = np.empty(total, np.uint8)
    result = lib.pyd_burst_copy_out(burst._c, ffi.from_buffer(_CHAR, data), total, starts, n)
    check_written(burst, min(result, 0))
    if result > total:
        raise ValueError(f"{burst!r} has other packets by now")
    return data, offsets


def _place(header: str | None, offset: int, width: int) -> tuple[int, int, int]:
    where = _WHOLE if header is None else header_of(header)
    if header is not None:
        known_headers[header] = where
    start = check_range("offset", offset, 0, (1 << 32) - 1, " bytes")
    return where, start, check_range("width", width, 1, _WIDTH_MAX, " bytes")


def _width_of(data: Any) -> int:
    shape = np.shape(data)
    if not shape:
        raise TypeError("data must be bytes or an array uint8[n, width]")
    return int(shape[-1])


def _check_valid(valid: npt.NDArray[np.bool_], n: int) -> npt.NDArray[np.bool_]:
    if not isinstance(valid, np.ndarray) or valid.dtype != np.bool_:
        raise TypeError("valid must be an array of bool")
    if valid.shape != (n,) or not valid.flags.c_contiguous or not valid.flags.writeable:
        raise ValueError(f"valid must be a contiguous, writable array of {n}")
    return valid

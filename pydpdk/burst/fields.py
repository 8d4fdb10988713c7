"""Fields of all packets at once: columns by name, or bytes by their offset."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from pydpdk._core.fastcall import rows
from pydpdk._core.lifetime import Bytes
from pydpdk._dpdk import ffi, lib
from pydpdk.burst._catalog import header_of
from pydpdk.burst._fit import check_written, fit
from pydpdk.burst.columns import Columns
from pydpdk.burst.packets import Packets
from pydpdk.errors import check_range
from pydpdk.memory.mbuf_owner import BURST

_WIDTH_MAX = 65535
_WHOLE = -1
_headers: dict[str, int] = {}  # used before, for the fast path


class Fields(Packets):
    """The part of `Burst` that reads and writes the same field of every packet.

    Notes
    -----
    Owns     nothing of its own: `Burst` does
    Threads  those of the burst
    """

    @property
    def columns(self) -> Columns:
        """Metadata and headers by name: `burst.columns["ipv4.src_addr", "udp?"]`."""
        return Columns(self)

    @rows("pyd_rows_peek", BURST, "iWH", "W", known=_headers)
    def peek(
        self,
        offset: int,
        width: int,
        *,
        header: str | None = None,
        valid: npt.NDArray[np.bool_] | None = None,
    ) -> Bytes:
        """Return some bytes of each packet, `uint8[n, width]`, a copy, over all segments.

        Parameters
        ----------
        offset
            [bytes] from the start of the packet, or of `header`.
        width
            [bytes], 1 to 65,535.
        header
            As in `columns`: `udp`, `inner_ipv4`. A packet without it has none of the bytes.
        valid
            `bool[n]`, set to True for packets that have all of the bytes; the others give zeros.

        Notes
        -----
        Wraps  rte_pktmbuf_read (rte_mbuf.h)
        """
        where, start, wide = _place(header, offset, width)
        n = len(self)
        mask = _mask_of(n) if valid is None else _check_valid(valid, n)
        data = np.empty((n, wide), np.uint8)
        addresses = ffi.from_buffer("char *", data), ffi.from_buffer("uint8_t *", mask)
        result = lib.pyd_burst_peek(self._c, where, start, wide, *addresses, n)
        return data[: self._done(result, "rte_pktmbuf_read")]

    @rows("pyd_rows_poke", BURST, "iwH", known=_headers)
    def poke(self, offset: int, data: Any, *, header: str | None = None) -> None:
        """Write bytes into each packet that has as many at the offset.

        Parameters
        ----------
        offset
            [bytes] from the start of the packet, or of `header`.
        data
            `uint8[n, width]`, or bytes that all packets get.
        header
            As in `peek`.

        Raises
        ------
        ValueError
            The shape is wrong, or a packet shares memory with other mbufs. Nothing was written.
        """
        n = len(self)
        width = len(data) if isinstance(data, (bytes, bytearray)) else _width_of(data)
        where, start, wide = _place(header, offset, width)
        values = fit("data", data, np.dtype(np.uint8), (n, wide))
        address = ffi.from_buffer("char *", values)
        check_written(self, lib.pyd_burst_poke(self._c, where, start, wide, address, n))


def _place(header: str | None, offset: int, width: int) -> tuple[int, int, int]:
    where = _WHOLE if header is None else header_of(header)
    if header is not None:
        _headers[header] = where
    start = check_range("offset", offset, 0, (1 << 32) - 1, " bytes")
    return where, start, check_range("width", width, 1, _WIDTH_MAX, " bytes")


def _width_of(data: Any) -> int:
    shape = np.shape(data)
    if not shape:
        raise TypeError("data: bytes or an array uint8[n, width] is allowed")
    return int(shape[-1])


def _mask_of(n: int) -> npt.NDArray[np.bool_]:
    return np.empty(n, np.bool_)


def _check_valid(valid: npt.NDArray[np.bool_], n: int) -> npt.NDArray[np.bool_]:
    if not isinstance(valid, np.ndarray) or valid.dtype != np.bool_:
        raise TypeError("valid: an array of bool is allowed")
    if valid.shape != (n,) or not valid.flags.c_contiguous or not valid.flags.writeable:
        raise ValueError(f"valid: a contiguous, writable array of {n} is allowed")
    return valid

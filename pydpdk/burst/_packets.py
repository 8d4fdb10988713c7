"""Packets as users have them, as bytes-like objects."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, Protocol, TypeAlias, runtime_checkable

import numpy as np
import numpy.typing as npt

from pydpdk.errors import check_range


@runtime_checkable
class HasBytes(Protocol):
    """Anything that `bytes` turns into a packet: Scapy's packets, an `Mbuf`."""

    def __bytes__(self) -> bytes: ...


AnyPacket: TypeAlias = bytes | bytearray | memoryview | HasBytes
AnyPackets: TypeAlias = AnyPacket | Iterable[AnyPacket] | npt.NDArray[np.uint8]


def each(packets: AnyPackets, lengths: npt.ArrayLike | None = None) -> Iterator[bytes]:
    """Yield the bytes of each packet.

    Parameters
    ----------
    packets
        One packet, or several: bytes-like, or with `__bytes__`; or rows, `uint8[n, width]`.
    lengths
        [bytes] of each row, `[n]`. Default: the width.

    Raises
    ------
    TypeError, ValueError
        Something among them is no packet, or a length is not that of a part of its row.
    """
    if isinstance(packets, np.ndarray) and packets.ndim > 1:
        yield from _rows(packets, lengths)
        return
    if lengths is not None:
        raise TypeError("lengths are of the rows of an array uint8[n, width]")
    if isinstance(packets, str) or not isinstance(packets, Iterable) or _is_one(packets):
        yield as_bytes(packets)
    else:
        yield from map(as_bytes, packets)


def chunks(packets: Iterator[bytes], size: int) -> Iterator[list[bytes]]:
    """Yield lists of up to `size` packets, each when it is asked for."""
    while some := list(islice(packets, size)):
        yield some


def as_bytes(packet: Any) -> bytes:
    """Return the bytes of one packet.

    Raises
    ------
    TypeError
        It has none.
    """
    if isinstance(packet, bytes):
        return packet
    if not isinstance(packet, np.generic):  # a number has a buffer, too
        try:
            return bytes(memoryview(packet))
        except (TypeError, BufferError):
            if isinstance(packet, HasBytes):
                return bytes(packet)
    raise TypeError(f"a packet must be bytes-like or have __bytes__ (got {packet!r})")


def _is_one(packets: Any) -> bool:
    """Whether it is one packet, although it can be iterated: bytes, or Scapy's, for example."""
    return isinstance(packets, (bytes, bytearray, memoryview, np.ndarray, HasBytes))


def _rows(rows: npt.NDArray[Any], lengths: npt.ArrayLike | None) -> Iterator[bytes]:
    if rows.ndim != 2 or rows.dtype != np.uint8:
        raise ValueError(f"packets must be uint8[n, width] (got {rows.dtype}{list(rows.shape)})")
    if lengths is None:
        yield from (row.tobytes() for row in rows)
        return
    each_length = np.asarray(lengths)
    if each_length.shape != rows.shape[:1]:
        raise ValueError(f"lengths must be [{len(rows)}] (got {list(each_length.shape)})")
    for row, length in zip(rows, each_length.tolist(), strict=True):
        yield row[: check_range("length", length, 0, rows.shape[1], " bytes")].tobytes()

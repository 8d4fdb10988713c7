"""A packet of a burst in compiled code: its bytes, with bounds checks."""

from __future__ import annotations

import operator
from typing import Any

from numba import njit
from numba.core import types
from numba.extending import overload_attribute

from pydpdk.jit.types import (
    BURST,
    COUNT,
    FIELDS,
    MBUFS,
    PACKET,
    STORAGE,
    PacketType,
    address_of,
    always,
    function,
    loader,
    make_packet,
    method,
    storer,
)

_BUF_ADDR, _DATA_OFF, _DATA_LEN, _PKT_LEN, _PORT = (
    FIELDS[f"mbuf.{name}"][0] for name in ("buf_addr", "data_off", "data_len", "pkt_len", "port")
)
_load8, _load16, _load32, _load64 = (loader(size) for size in (1, 2, 4, 8))
_store8 = storer(1)


def _place(size: int, message: str) -> Any:
    """Return the function that finds `size` bytes of a packet, or raises an `IndexError`."""

    @njit
    def place(packet: Any, offset: Any) -> int:
        at = types.int64(offset)
        if at < 0 or at > packet._length - size:
            raise IndexError(message)
        return packet._data + at

    return place


_byte = _place(1, "packet[i]: i must be 0..len(packet) - 1")


@function(operator.getitem)
def _overload_getitem(burst: Any, i: Any) -> Any:
    if burst != BURST or not isinstance(i, types.Integer):
        return None

    def packet(burst: Any, i: Any) -> Any:
        address, index = address_of(burst), types.int64(i)
        if index < 0 or index >= _load32(address + COUNT):
            raise IndexError("burst[i]: i must be 0..len(burst) - 1")
        mbuf = _load64(_load64(address + STORAGE) + MBUFS + 8 * index)
        data = _load64(mbuf + _BUF_ADDR) + _load16(mbuf + _DATA_OFF)
        return make_packet(mbuf, data, _load16(mbuf + _DATA_LEN))

    return packet


@function(operator.getitem)
def _overload_get_byte(packet: Any, i: Any) -> Any:
    here = packet == PACKET and isinstance(i, types.Integer)
    return (lambda packet, i: _load8(_byte(packet, i))) if here else None


@function(operator.setitem)
def _overload_set_byte(packet: Any, i: Any, value: Any) -> Any:
    here = packet == PACKET and isinstance(i, types.Integer)
    return (lambda packet, i, value: _store8(_byte(packet, i), value)) if here else None


@function(len)
def _overload_len(packet: Any) -> Any:
    return (lambda packet: packet._length) if packet == PACKET else None


overload_attribute(PacketType, "pkt_len")(always(lambda packet: _load32(packet._mbuf + _PKT_LEN)))
overload_attribute(PacketType, "port")(always(lambda packet: _load16(packet._mbuf + _PORT)))


def _number(size: int) -> None:
    """Make `get_be16(offset)` and `set_be16(offset, value)`, for big-endian numbers."""
    load, store = loader(size, big_endian=True), storer(size, big_endian=True)
    place = _place(size, f"be{8 * size}: the packet ends before")

    @method(PacketType, f"get_be{8 * size}")
    def _overload_get(packet: Any, offset: Any) -> Any:
        whole = isinstance(offset, types.Integer)
        return (lambda packet, offset: load(place(packet, offset))) if whole else None

    @method(PacketType, f"set_be{8 * size}")
    def _overload_set(packet: Any, offset: Any, value: Any) -> Any:
        if isinstance(offset, types.Integer):
            return lambda packet, offset, value: store(place(packet, offset), value)
        return None


_number(2)
_number(4)

"""A packet of a burst in compiled code: its bytes, with bounds checks."""

from __future__ import annotations

import operator
from typing import Any

from numba.core import types
from numba.extending import overload, overload_attribute, overload_method

from pydpdk._dpdk import ffi
from pydpdk.jit.types import (
    BURST,
    COUNT,
    FIELDS,
    PACKET,
    PacketType,
    address_of,
    bare,
    loader,
    make_packet,
    storer,
)

_STORAGE = ffi.offsetof("struct pyd_burst", "storage")
_MBUFS = ffi.offsetof("struct pyd_storage", "mbufs")
_BUF_ADDR, _DATA_OFF, _DATA_LEN, _PKT_LEN, _PORT = (
    FIELDS[f"mbuf.{name}"][0] for name in ("buf_addr", "data_off", "data_len", "pkt_len", "port")
)
_load8, _load16, _load32, _load64 = (loader(size) for size in (1, 2, 4, 8))
_store8 = storer(1)
_NUMBERS = {size: (loader(size, big_endian=True), storer(size, big_endian=True)) for size in (2, 4)}


@overload(operator.getitem)
@bare
def _overload_getitem(burst: Any, i: Any) -> Any:
    if burst != BURST or not isinstance(i, types.Integer):
        return None

    def packet(burst: Any, i: Any) -> Any:
        address, index = address_of(burst), types.int64(i)
        if index < 0 or index >= _load32(address + COUNT):
            raise IndexError("burst[i]: i must be 0..len(burst) - 1")
        mbuf = _load64(_load64(address + _STORAGE) + _MBUFS + 8 * index)
        data = _load64(mbuf + _BUF_ADDR) + _load16(mbuf + _DATA_OFF)
        return make_packet(mbuf, data, _load16(mbuf + _DATA_LEN))

    return packet


@overload(operator.getitem)
@bare
def _overload_get_byte(packet: Any, i: Any) -> Any:
    if packet != PACKET or not isinstance(i, types.Integer):
        return None

    def get_byte(packet: Any, i: Any) -> int:
        index = types.int64(i)
        if index < 0 or index >= packet._length:
            raise IndexError("packet[i]: i must be 0..len(packet) - 1")
        return _load8(packet._data + index)

    return get_byte


@overload(operator.setitem)
@bare
def _overload_set_byte(packet: Any, i: Any, value: Any) -> Any:
    if packet != PACKET or not isinstance(i, types.Integer):
        return None

    def set_byte(packet: Any, i: Any, value: Any) -> None:
        index = types.int64(i)
        if index < 0 or index >= packet._length:
            raise IndexError("packet[i]: i must be 0..len(packet) - 1")
        _store8(packet._data + index, value)

    return set_byte


@overload(len)
@bare
def _overload_len(packet: Any) -> Any:
    return (lambda packet: packet._length) if packet == PACKET else None


@overload_attribute(PacketType, "pkt_len")
@bare
def _overload_pkt_len(packet: Any) -> Any:
    return lambda packet: _load32(packet._mbuf + _PKT_LEN)


@overload_attribute(PacketType, "port")
@bare
def _overload_port(packet: Any) -> Any:
    return lambda packet: _load16(packet._mbuf + _PORT)


def _number(size: int) -> None:
    """Make `get_be16(offset)` and `set_be16(offset, value)`, for big-endian numbers."""
    load, store = _NUMBERS[size]
    message = f"be{8 * size}: the packet ends before"

    @overload_method(PacketType, f"get_be{8 * size}")
    @bare
    def _overload_get(packet: Any, offset: Any) -> Any:
        def get(packet: Any, offset: Any) -> int:
            at = types.int64(offset)
            if at < 0 or at > packet._length - size:
                raise IndexError(message)
            return load(packet._data + at)

        return get if isinstance(offset, types.Integer) else None

    @overload_method(PacketType, f"set_be{8 * size}")
    @bare
    def _overload_set(packet: Any, offset: Any, value: Any) -> Any:
        def put(packet: Any, offset: Any, value: Any) -> None:
            at = types.int64(offset)
            if at < 0 or at > packet._length - size:
                raise IndexError(message)
            store(packet._data + at, value)

        return put if isinstance(offset, types.Integer) else None


_number(2)
_number(4)

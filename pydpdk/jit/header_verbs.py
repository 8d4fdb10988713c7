"""The verbs on headers in compiled code: of a burst, for all of its packets, and of one packet.

Those of bursts have the names, arguments and results of `Burst`. Those of packets return one value
instead of an array.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numba.core import types
from numba.core.errors import TypingError
from numba.core.types.containers import BaseTuple
from numba.extending import overload_method

from pydpdk._core.lifetime import address_of as c_address_of
from pydpdk._dpdk import ffi, lib
from pydpdk.burst._catalog import Spec, find
from pydpdk.burst.headers import REWRITABLE
from pydpdk.jit.types import (
    COUNT,
    BurstType,
    PacketType,
    address_of,
    bare,
    cell,
    external,
    is_array,
    is_whole,
    loader,
    mbufs_of,
)

_int, _word, _n = types.int32, types.int64, types.uint32
_decrement_ttl = external("pyd_mbufs_decrement_ttl", _int, _word, _n, _word)
_verify = external("pyd_mbufs_verify_sums", _int, _word, _n, _word)
_compute = external("pyd_mbufs_compute_sums", _int, _word, _n, _n, _word)
_vlan_push = external("pyd_mbufs_vlan_push", _int, _word, _n, _word, types.uint16)
_vlan_pop = external("pyd_mbufs_vlan_pop", _int, _word, _n, _word)
_prepend = external("pyd_mbufs_prepend", _int, _word, _n, _word, _n, _n)
_adj = external("pyd_mbufs_adj", _int, _word, _n, _word)
_rewrite = external("pyd_mbufs_rewrite", _int, _word, _n, _word, _word)
_rewrite_one = external("pyd_worker_rewrite", _int, _word, _word, _word)
_load8, _load32 = loader(1), loader(4)
_IP_BAD, _L4_BAD = lib.PYD_SUM_IP_BAD, lib.PYD_SUM_L4_BAD
_VLAN, _QINQ, _U16, _U32 = 0x8100, 0x88A8, 0xFFFF, 0xFFFFFFFF


@njit
def _done(result: int) -> None:
    """Raise for the result of a verb that failed and changed nothing."""
    if result != 0:
        raise ValueError(
            "a packet is too short, shared, has TX offloads, or has no headroom or checksum"
        )


@njit
def _check(number: int, highest: int) -> int:
    """Return a number if it is in range; else raise."""
    if number < 0 or number > highest:
        raise ValueError("the number does not fit where it is to be written")
    return number


@njit
def _check_tpid(tpid: int) -> int:
    if tpid not in (_VLAN, _QINQ):
        raise ValueError("tpid must be 0x8100 or 0x88a8")
    return tpid


@njit
def _check_room(n: int, values: Any) -> None:
    if len(values) < n:
        raise ValueError("the array must have a row for each packet of the burst")


@njit
def _count(burst: Any) -> int:
    return _load32(address_of(burst) + COUNT)


def _masks(verb: str, call: Any) -> None:
    """Make a verb without arguments that returns a bool for each packet."""

    @overload_method(BurstType, verb)
    @bare
    def _of_burst(burst: Any) -> Any:
        def of_burst(burst: Any) -> Any:
            mask = np.empty(_count(burst), np.bool_)
            _done(call(mbufs_of(burst), len(mask), mask.ctypes.data))
            return mask

        return of_burst

    @overload_method(PacketType, verb)
    @bare
    def _of_packet(packet: Any) -> Any:
        def of_packet(packet: Any) -> bool:
            answer = cell(0)
            _done(call(mbufs_of(packet), 1, answer))
            return _load8(answer) != 0

        return of_packet


@njit
def _compute_here(mbufs: int, n: int, done: int) -> int:
    return _compute(mbufs, n, 0, done)


_masks("decrement_ttl", _decrement_ttl)
_masks("vlan_pop", _vlan_pop)
_masks("compute_checksums", _compute_here)


@overload_method(BurstType, "verify_checksums")
@bare
def _overload_verify_all(burst: Any) -> Any:
    def verify_all(burst: Any) -> Any:
        found = np.empty(_count(burst), np.uint8)
        _verify(mbufs_of(burst), len(found), found.ctypes.data)
        return found & _IP_BAD != 0, found & _L4_BAD != 0

    return verify_all


@overload_method(PacketType, "verify_checksums")
@bare
def _overload_verify(packet: Any) -> Any:
    def verify(packet: Any) -> Any:
        found = cell(0)
        _verify(mbufs_of(packet), 1, found)
        return _load8(found) & _IP_BAD != 0, _load8(found) & _L4_BAD != 0

    return verify


@overload_method(BurstType, "vlan_push")
@bare
def _overload_push_all(burst: Any, vlan_tci: Any, tpid: Any = _VLAN) -> Any:
    if is_whole(vlan_tci):

        def push_same(burst: Any, vlan_tci: Any, tpid: Any = _VLAN) -> None:
            tags = np.full(_count(burst), _check(vlan_tci, _U16), np.uint16)
            _done(_vlan_push(mbufs_of(burst), len(tags), tags.ctypes.data, _check_tpid(tpid)))

        return push_same
    if not is_array(vlan_tci, types.uint16):
        raise TypingError("vlan_push takes a number, or a contiguous array of uint16")

    def push_each(burst: Any, vlan_tci: Any, tpid: Any = _VLAN) -> None:
        n = _count(burst)
        _check_room(n, vlan_tci)
        _done(_vlan_push(mbufs_of(burst), n, vlan_tci.ctypes.data, _check_tpid(tpid)))

    return push_each


@overload_method(PacketType, "vlan_push")
@bare
def _overload_push(packet: Any, vlan_tci: Any, tpid: Any = _VLAN) -> Any:
    def push(packet: Any, vlan_tci: Any, tpid: Any = _VLAN) -> None:
        tag = cell(_check(vlan_tci, _U16))
        _done(_vlan_push(mbufs_of(packet), 1, tag, _check_tpid(tpid)))

    return push if is_whole(vlan_tci) else None


@overload_method(BurstType, "prepend")
@bare
def _overload_prepend_all(burst: Any, data: Any) -> Any:
    if is_array(data, types.uint8):

        def prepend_same(burst: Any, data: Any) -> None:
            width = _check(len(data), _U16)
            _done(_prepend(mbufs_of(burst), _count(burst), data.ctypes.data, width, 0))

        return prepend_same
    if not is_array(data, types.uint8, ndim=2):
        raise TypingError("prepend takes a contiguous uint8[width] or uint8[n, width]")

    def prepend_each(burst: Any, data: Any) -> None:
        n, width = _count(burst), _check(data.shape[1], _U16)
        _check_room(n, data)
        _done(_prepend(mbufs_of(burst), n, data.ctypes.data, width, width))

    return prepend_each


@overload_method(PacketType, "prepend")
@bare
def _overload_prepend(packet: Any, data: Any) -> Any:
    if not is_array(data, types.uint8):
        raise TypingError("prepend takes a contiguous uint8[width]")

    def prepend(packet: Any, data: Any) -> None:
        _done(_prepend(mbufs_of(packet), 1, data.ctypes.data, _check(len(data), _U16), 0))

    return prepend


@overload_method(BurstType, "adj")
@bare
def _overload_adj_all(burst: Any, length: Any) -> Any:
    if is_whole(length):

        def adj_same(burst: Any, length: Any) -> None:
            lengths = np.full(_count(burst), _check(length, _U32), np.uint32)
            _done(_adj(mbufs_of(burst), len(lengths), lengths.ctypes.data))

        return adj_same
    if not is_array(length, types.uint32):
        raise TypingError("adj takes a number, or a contiguous array of uint32")

    def adj_each(burst: Any, length: Any) -> None:
        n = _count(burst)
        _check_room(n, length)
        _done(_adj(mbufs_of(burst), n, length.ctypes.data))

    return adj_each


@overload_method(PacketType, "adj")
@bare
def _overload_adj(packet: Any, length: Any) -> Any:
    def adj(packet: Any, length: Any) -> None:
        _done(_adj(mbufs_of(packet), 1, cell(_check(length, _U32))))

    return adj if is_whole(length) else None


_kept: list[Any] = []  # keeps structs alive whose addresses are in compiled code


def _column(name: Any) -> tuple[Spec, int]:
    """Return the column of a name in the code, and the address of C's description."""
    column = getattr(name, "literal_value", None)
    if column not in REWRITABLE:
        raise TypingError(f"rewrite takes one of {', '.join(REWRITABLE)}, as a literal")
    spec = find(column)
    _kept.append(ffi.new("struct pyd_column *", spec.c))
    return spec, c_address_of(_kept[-1])


@overload_method(BurstType, "rewrite", prefer_literal=True)
@bare
def _overload_rewrite_all(burst: Any, name: Any, value: Any) -> Any:
    spec, column = _column(name)
    kind, wide = spec.base.type, bool(spec.shape)
    highest = np.iinfo(kind).max
    if is_whole(value) and not wide:

        def rewrite_same(burst: Any, name: Any, value: Any) -> None:
            values = np.full(_count(burst), _check(value, highest), kind)
            _done(_rewrite(mbufs_of(burst), len(values), column, values.ctypes.data))

        return rewrite_same
    if not is_array(value, getattr(types, spec.base.name), ndim=1 + wide):
        raise TypingError(f"rewrite takes a number, or a contiguous array of {spec.dtype}")
    width = spec.c["width"]

    def rewrite_each(burst: Any, name: Any, value: Any) -> None:
        n = _count(burst)
        _check_room(n, value)
        if value.itemsize * value.size != width * len(value):
            raise ValueError("rewrite takes a row of 16 bytes for each packet")
        _done(_rewrite(mbufs_of(burst), n, column, value.ctypes.data))

    return rewrite_each


@overload_method(PacketType, "rewrite", prefer_literal=True)
@bare
def _overload_rewrite(packet: Any, name: Any, value: Any) -> Any:
    spec, column = _column(name)
    if spec.shape:
        return _rewriter_of_pairs(column) if _is_pair(value) else None
    highest = np.iinfo(spec.base).max

    def rewrite(packet: Any, name: Any, value: Any) -> None:
        _done(_rewrite_one(mbufs_of(packet), column, cell(_check(value, highest))))

    return rewrite if is_whole(value) else None


def _is_pair(value: Any) -> bool:
    return isinstance(value, BaseTuple) and len(value) == 2 and all(map(is_whole, value))


def _rewriter_of_pairs(column: int) -> Any:
    def rewrite(packet: Any, name: Any, value: Any) -> None:
        words = np.empty(2, np.uint64)
        words[0], words[1] = value
        _done(_rewrite_one(mbufs_of(packet), column, words.ctypes.data))

    return rewrite

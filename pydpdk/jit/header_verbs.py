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
from numba.np.numpy_support import from_dtype

from pydpdk._core.lifetime import address_of as c_address_of
from pydpdk._dpdk import ffi, lib
from pydpdk.burst._catalog import Spec, find
from pydpdk.burst.headers import REWRITABLE
from pydpdk.jit.types import (
    COUNT,
    BurstType,
    PacketType,
    address_of,
    cell,
    external,
    is_array,
    is_whole,
    loader,
    mbufs_of,
    method,
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


@njit(inline="always")
def _each(n: int, values: Any) -> Any:
    """Return an array that has a row for each packet; else raise."""
    if len(values) < n:
        raise ValueError("the array must have a row for each packet of the burst")
    return values


@njit
def _count(burst: Any) -> int:
    return _load32(address_of(burst) + COUNT)


@njit(inline="always")  # not a call, which would count one more reference
def _itself(found: Any) -> Any:
    return found


@njit
def _is_set(found: int) -> bool:
    return found != 0


def _rows(verb: str, value: Any, dtype: np.dtype[Any]) -> Any:
    """Return the function that makes a row for each of n packets of a value of this type."""
    kind, highest = dtype.base.type, int(np.iinfo(dtype.base).max)
    if is_whole(value) and not dtype.shape:
        return njit(lambda n, value: np.full(n, _check(value, highest), kind))
    if not is_array(value, from_dtype(dtype.base), ndim=1 + len(dtype.shape)):
        raise TypingError(f"{verb} takes a number, or a contiguous array of {dtype}")
    return _each


def _looks(
    verb: str, call: Any, dtype: Any = np.bool_, of_array: Any = _itself, of_byte: Any = _is_set
) -> None:
    """Make a verb without arguments that returns a bool, or more, for each packet."""

    @method(BurstType, verb)
    def _of_burst(burst: Any) -> Any:
        def of_burst(burst: Any) -> Any:
            found = np.empty(_count(burst), dtype)
            _done(call(mbufs_of(burst), len(found), found.ctypes.data))
            return of_array(found)

        return of_burst

    @method(PacketType, verb)
    def _of_packet(packet: Any) -> Any:
        def of_packet(packet: Any) -> Any:
            found = cell(0)
            _done(call(mbufs_of(packet), 1, found))
            return of_byte(_load8(found))

        return of_packet


@njit(inline="always")
def _bad(found: Any) -> Any:
    """Return where the checksum of IP is wrong, and where that of L4 is."""
    return found & _IP_BAD != 0, found & _L4_BAD != 0


@njit
def _compute_here(mbufs: int, n: int, done: int) -> int:
    return _compute(mbufs, n, 0, done)


@njit
def _verify_here(mbufs: int, n: int, found: int) -> int:
    _verify(mbufs, n, found)  # which always can
    return 0


_looks("decrement_ttl", _decrement_ttl)
_looks("vlan_pop", _vlan_pop)
_looks("compute_checksums", _compute_here)
_looks("verify_checksums", _verify_here, np.uint8, _bad, _bad)


@method(BurstType, "vlan_push")
def _overload_push_all(burst: Any, vlan_tci: Any, tpid: Any = _VLAN) -> Any:
    rows = _rows("vlan_push", vlan_tci, np.dtype(np.uint16))

    def push(burst: Any, vlan_tci: Any, tpid: Any = _VLAN) -> None:
        n = _count(burst)
        tags = rows(n, vlan_tci)
        _done(_vlan_push(mbufs_of(burst), n, tags.ctypes.data, _check_tpid(tpid)))

    return push


@method(PacketType, "vlan_push")
def _overload_push(packet: Any, vlan_tci: Any, tpid: Any = _VLAN) -> Any:
    def push(packet: Any, vlan_tci: Any, tpid: Any = _VLAN) -> None:
        tag = cell(_check(vlan_tci, _U16))
        _done(_vlan_push(mbufs_of(packet), 1, tag, _check_tpid(tpid)))

    return push if is_whole(vlan_tci) else None


@method(BurstType, "prepend")
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
        _done(_prepend(mbufs_of(burst), n, _each(n, data).ctypes.data, width, width))

    return prepend_each


@method(PacketType, "prepend")
def _overload_prepend(packet: Any, data: Any) -> Any:
    if not is_array(data, types.uint8):
        raise TypingError("prepend takes a contiguous uint8[width]")
    return lambda packet, data: _done(
        _prepend(mbufs_of(packet), 1, data.ctypes.data, _check(len(data), _U16), 0)
    )


@method(BurstType, "adj")
def _overload_adj_all(burst: Any, length: Any) -> Any:
    rows = _rows("adj", length, np.dtype(np.uint32))

    def adj(burst: Any, length: Any) -> None:
        n = _count(burst)
        lengths = rows(n, length)
        _done(_adj(mbufs_of(burst), n, lengths.ctypes.data))

    return adj


@method(PacketType, "adj")
def _overload_adj(packet: Any, length: Any) -> Any:
    if is_whole(length):
        return lambda packet, length: _done(_adj(mbufs_of(packet), 1, cell(_check(length, _U32))))
    return None


_kept: list[Any] = []  # keeps structs alive whose addresses are in compiled code


def _column(name: Any) -> tuple[Spec, int]:
    """Return the column of a name in the code, and the address of C's description."""
    column = getattr(name, "literal_value", None)
    if column not in REWRITABLE:
        raise TypingError(f"rewrite takes one of {', '.join(REWRITABLE)}, as a literal")
    spec = find(column)
    _kept.append(ffi.new("struct pyd_column *", spec.c))
    return spec, c_address_of(_kept[-1])


@method(BurstType, "rewrite", prefer_literal=True)
def _overload_rewrite_all(burst: Any, name: Any, value: Any) -> Any:
    spec, column = _column(name)
    rows, width = _rows("rewrite", value, spec.dtype), spec.c["width"]

    def rewrite(burst: Any, name: Any, value: Any) -> None:
        n = _count(burst)
        values = rows(n, value)
        if values.itemsize * values.size != width * len(values):
            raise ValueError("rewrite takes a row of 16 bytes for each packet")
        _done(_rewrite(mbufs_of(burst), n, column, values.ctypes.data))

    return rewrite


@method(PacketType, "rewrite", prefer_literal=True)
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

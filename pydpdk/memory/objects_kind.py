"""Dtypes, ops and flags of an `ObjectPool`."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Sequence
from enum import IntFlag, StrEnum
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from pydpdk._core.choice import one_of
from pydpdk._dpdk import lib
from pydpdk.errors import check_range
from pydpdk.memory.pool_base import LOSSY, check_ops_name

Ids: TypeAlias = npt.NDArray[np.intp]
_intp = np.dtype(np.intp)
_ID_MAX = (1 << 31) - 1
ITEMSIZE_MAX = 1 << 30
_DTYPE_TEXT_MAX = 1 << 16


class PoolOps(StrEnum):
    """How free objects are kept: DPDK's mempool drivers that need no hardware and lose no objects.

    `RING_*`: a ring for many (`M`) or one (`S`) thread at a time that puts (`P`) and gets (`C`).
    """

    RING_MP_MC = "ring_mp_mc"
    RING_SP_SC = "ring_sp_sc"
    RING_MP_SC = "ring_mp_sc"
    RING_SP_MC = "ring_sp_mc"
    RING_MT_HTS = "ring_mt_hts"
    STACK = "stack"
    LF_STACK = "lf_stack"


SINGLE_GET = {PoolOps.RING_SP_SC, PoolOps.RING_MP_SC}
SINGLE_PUT = {PoolOps.RING_SP_SC, PoolOps.RING_SP_MC}


class MempoolFlag(IntFlag):
    """The layout of a mempool's objects (RTE_MEMPOOL_F_*).

    `NO_IOVA_CONTIG`: devices do not use them, so an object may cross pages. `NON_IO`: DPDK sets it
    for such a pool. `NO_CACHE_ALIGN`: packed, 8-byte aligned. `NO_SPREAD`: the distance is not
    chosen to spread objects over memory channels.
    """

    NO_SPREAD = lib.RTE_MEMPOOL_F_NO_SPREAD
    NO_CACHE_ALIGN = lib.RTE_MEMPOOL_F_NO_CACHE_ALIGN
    NO_IOVA_CONTIG = lib.RTE_MEMPOOL_F_NO_IOVA_CONTIG
    NON_IO = lib.RTE_MEMPOOL_F_NON_IO


_ASKED = MempoolFlag.NO_SPREAD | MempoolFlag.NO_CACHE_ALIGN | MempoolFlag.NO_IOVA_CONTIG


def check_flags(flags: int) -> int:
    """Return the flags if `create` accepts them."""
    asked = check_range("flags", flags, 0, int(_ASKED))
    if asked & ~_ASKED:
        raise ValueError(f"flags must be {_ASKED!r} (got {asked:#x})")
    return asked


def check_ops(name: PoolOps | str) -> bytes:
    """Return the name of ops if this DPDK has them."""
    if name == LOSSY:
        return check_ops_name(name)
    ops = one_of(PoolOps, "ops_name", name).encode()
    if not lib.pyd_ops_known(ops):
        raise ValueError(f"ops_name={name!r}: this DPDK has no such driver")
    return ops


def dtype_text(dtype: npt.DTypeLike) -> tuple[np.dtype[Any], bytes]:
    """Return a dtype, and the text from which another process restores it."""
    kind = np.dtype(dtype)
    if kind.hasobject or kind.subdtype is not None or not 0 < kind.itemsize <= ITEMSIZE_MAX:
        raise TypeError(
            f"dtype must be 1..{ITEMSIZE_MAX} bytes without Python objects (got {kind});"
            " an array goes into a field, as [('data', 'u1', 16)]"
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            text = repr(np.lib.format.dtype_to_descr(kind)).encode()
        same = len(text) <= _DTYPE_TEXT_MAX and dtype_of(text) == kind
    except (ValueError, SyntaxError):
        same = False
    if not same:
        raise TypeError(f"dtype must have its fields in order, none over another (got {kind})")
    return kind, text


def dtype_of(text: bytes) -> np.dtype[Any]:
    """Return the dtype that `dtype_text` described."""
    try:
        kind: np.dtype[Any] = np.lib.format.descr_to_dtype(ast.literal_eval(text.decode()))
    except SyntaxError as error:
        raise ValueError(f"{text!r} does not describe a dtype") from error
    return kind


def as_ids(ids: npt.ArrayLike) -> Ids:
    """Return ids as C reads them; the same array where it is of that kind."""
    if type(ids) is np.ndarray and ids.dtype is _intp and ids.ndim == 1 and ids.flags.c_contiguous:
        return ids
    given = _integers("ids", ids)
    if given.size and given.max() > _ID_MAX:
        raise ValueError(f"id must be 0..{_ID_MAX} (got {given.max()})")
    return np.ascontiguousarray(given, _intp)


def as_addresses(addresses: npt.ArrayLike) -> npt.NDArray[np.uint64]:
    """Return addresses as C reads them."""
    return np.ascontiguousarray(_integers("addresses", addresses), np.uint64)


def _integers(what: str, values: npt.ArrayLike) -> npt.NDArray[Any]:
    given = np.asarray(values)
    if given.dtype.kind == "f" and isinstance(values, (list, tuple)):
        # numpy makes floats of a list of int and uint64, and loses their last bits
        given = _whole(what, values) if all(map(_is_whole, values)) else given
    if given.ndim != 1 or (given.dtype.kind not in "iu" and given.size):
        raise TypeError(
            f"{what} must be integers of the shape (n,) (got {given.dtype}, {given.shape})"
        )
    return given


def _is_whole(value: object) -> bool:
    return hasattr(type(value), "__index__") and not isinstance(value, bool)


def _whole(what: str, values: Sequence[Any]) -> npt.NDArray[np.uint64]:
    try:
        return np.array([value.__index__() for value in values], np.uint64)
    except OverflowError as error:
        raise ValueError(f"{what}: {error}") from None


def room_for(out: Ids, n: int) -> Ids:
    """Return the first n elements of the user's array for ids."""
    if type(out) is not np.ndarray or out.dtype != _intp or out.ndim != 1:
        raise TypeError(f"out must be an array of one dimension of intp (got {type(out).__name__})")
    if len(out) < n or not out.flags.c_contiguous or not out.flags.writeable:
        raise ValueError(f"out must have {n} contiguous, writable elements")
    return out if len(out) == n else out[:n]

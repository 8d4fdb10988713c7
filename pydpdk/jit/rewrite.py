"""`rewrite` in compiled code, whose column is a literal: of a burst, and of one packet."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba.core import types
from numba.core.errors import TypingError
from numba.core.types.containers import BaseTuple

from pydpdk._core.lifetime import address_of as c_address_of
from pydpdk._dpdk import ffi
from pydpdk.burst._catalog import Spec, find
from pydpdk.burst._checked import REWRITABLE
from pydpdk.jit._overloads import check, count, done, rows
from pydpdk.jit.types import BurstType, PacketType, cell, external, is_whole, mbufs_of, method

_int, _word, _n = types.int32, types.int64, types.uint32
_rewrite = external("pyd_mbufs_rewrite", _int, _word, _n, _word, _word)
_rewrite_one = external("pyd_worker_rewrite", _int, _word, _word, _word)

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
    each, width = rows("rewrite", value, spec.dtype), spec.c["width"]

    def rewrite(burst: Any, name: Any, value: Any) -> None:
        n = count(burst)
        values = each(n, value)
        if values.itemsize * values.size != width * len(values):
            raise ValueError("rewrite takes a row of 16 bytes for each packet")
        done(_rewrite(mbufs_of(burst), n, column, values))

    return rewrite


@method(PacketType, "rewrite", prefer_literal=True)
def _overload_rewrite(packet: Any, name: Any, value: Any) -> Any:
    spec, column = _column(name)
    if spec.shape:
        return _rewriter_of_pairs(column) if _is_pair(value) else None
    highest = np.iinfo(spec.base).max

    def rewrite(packet: Any, name: Any, value: Any) -> None:
        done(_rewrite_one(mbufs_of(packet), column, cell(check(value, highest))))

    return rewrite if is_whole(value) else None


def _is_pair(value: Any) -> bool:
    return isinstance(value, BaseTuple) and len(value) == 2 and all(map(is_whole, value))


def _rewriter_of_pairs(column: int) -> Any:
    def rewrite(packet: Any, name: Any, value: Any) -> None:
        words = np.empty(2, np.uint64)
        words[0], words[1] = value
        done(_rewrite_one(mbufs_of(packet), column, words))

    return rewrite

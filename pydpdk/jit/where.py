"""`where` in compiled code, whose condition is a literal: of a burst, and of one packet."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba.core import types
from numba.core.errors import TypingError

from pydpdk._core.lifetime import address_of as c_address_of
from pydpdk.burst.where import Where, compiled
from pydpdk.jit._overloads import count
from pydpdk.jit.types import BurstType, PacketType, external, mbufs_of, method

_int, _word, _n = types.int32, types.int64, types.uint32
_where = external("pyd_worker_where", _int, _word, _word, _n, _word)
_holds = external("pyd_worker_holds", _int, _word, _word)

_kept: list[Where] = []  # keeps conditions alive whose addresses are in compiled code


def _condition(condition: Any) -> int:
    """Return the address of C's tests for a condition in the code."""
    text = getattr(condition, "literal_value", None)
    if not isinstance(text, str):
        raise TypingError("where takes a condition as a literal")
    try:
        _kept.append(compiled(text))
    except ValueError as error:
        raise TypingError(str(error)) from None
    return c_address_of(_kept[-1]._c)


@method(BurstType, "where", prefer_literal=True)
def _overload_where(burst: Any, condition: Any) -> Any:
    tests = _condition(condition)

    def where(burst: Any, condition: Any) -> Any:
        n = count(burst)
        mask = np.empty(n, np.bool_)
        _where(tests, mbufs_of(burst), n, mask)
        return mask

    return where


@method(PacketType, "where", prefer_literal=True)
def _overload_holds(packet: Any, condition: Any) -> Any:
    tests = _condition(condition)
    return lambda packet, condition: _holds(tests, mbufs_of(packet)) != 0

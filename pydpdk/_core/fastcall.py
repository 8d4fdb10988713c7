"""The short way into C: methods that hand over an array or an object without a step in Python.

A method is written in Python, with all its checks. Under `@short` a call whose arguments are
exactly right goes from the interpreter into C at once; any other, and any that C refuses, runs the
method as it is written. So the short way has no error to say, and both ways do the same.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import update_wrapper
from typing import Any, Literal, TypeVar, cast

from pydpdk import _crossing
from pydpdk._core.fixed import Fixed
from pydpdk._crossing import Face
from pydpdk._dpdk import ffi, lib

__all__ = ["Face", "Handle", "rows", "short"]

F = TypeVar("F", bound=Callable[..., Any])
How = Literal["send", "fill", "give", "take", "count", "act", "move", "draw"]


class Handle(Fixed, _crossing.Handle):
    """A C object whose methods cross the short way."""

    __slots__ = ("_begun",)


def short(
    name: str, how: How, kind: str, other: str = "", *, unless: bool = False
) -> Callable[[F], F]:
    """Let a method of a `Handle` reach a function of `lib` the short way.

    Parameters
    ----------
    name
        `int name(object, data, n)` for the first four, `int name(object)` for `count` and `act`,
        `int name(object, other)` for `move`, `int name(object, other, n, length)` for `draw`.
    how
        `send`: the argument is an array to read, the result C's count; `fill`: one to write, the
        same; `give`: one to read, the result None; `take`: a number, or one and `out`, the result
        is the array of as many. `count`, `act`: no argument, the result C's count, or None;
        `move`: another handle, the result C's count; `draw`: the same with `n` and `length=`,
        where `n` is UINT32_MAX when left out.
    kind
        What the handle was bound as.
    other
        What the handle that is the argument was bound as.
    unless
        Leave the method as it is.
    """
    address = int(ffi.cast("uintptr_t", ffi.addressof(lib, name)))
    kinds = (kind, other) if other else (kind,)

    def decorate(careful: F) -> F:
        if unless:
            return careful
        crossing = _crossing.Crossing(careful, address, getattr(_crossing, how.upper()), *kinds)
        return cast("F", update_wrapper(cast("Any", crossing), careful))

    return decorate


def rows(
    name: str,
    kind: str,
    takes: str = "",
    gives: str = "",
    *,
    other: str = "",
    known: dict[Any, Any] | None = None,
) -> Callable[[F], F]:
    """Let a verb over the packets of a burst, or the values of an array, go the short way.

    Parameters
    ----------
    name
        `int name(object, data, numbers, n)`.
    kind
        What the handle was bound as.
    takes, gives
        A letter for each argument, and for each array of the result: `_native/python/rows.h`.
    other
        What a handle that is an argument, or that a key stands for, was bound as.
    known
        What keys stand for: handles of that kind, or integers. The method adds to it.
    """
    address = int(ffi.cast("uintptr_t", ffi.addressof(lib, name)))
    letters = other, takes, gives, {} if known is None else known

    def decorate(careful: F) -> F:
        crossing = _crossing.Crossing(careful, address, _crossing.ROWS, kind, *letters)
        return cast("F", update_wrapper(cast("Any", crossing), careful))

    return decorate

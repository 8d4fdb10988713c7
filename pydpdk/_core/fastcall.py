"""The fast path into C: methods that pass an array or an object without running Python code.

A method is written in Python, with all its checks. Under `@short` a call with matching arguments
goes from the interpreter straight into C. Any other call, and any that C rejects, runs the Python
method, the fallback. So the fast path raises no errors of its own, and both do the same.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import update_wrapper
from typing import Any, Literal, TypeVar, cast

from pydpdk import _crossing
from pydpdk._core.fixed import Fixed
from pydpdk._crossing import Accessor as Accessor
from pydpdk._dpdk import ffi, lib

F = TypeVar("F", bound=Callable[..., Any])
How = Literal["send", "fill", "give", "take", "count", "act", "move", "draw"]


class Handle(Fixed, _crossing.Handle):
    """A C object whose methods have a fast path."""

    __slots__ = ("_begun",)


def short(
    name: str, how: How, kind: str, other: str = "", *, unless: bool = False
) -> Callable[[F], F]:
    """Give a method of a `Handle` a fast path to a function of `lib`.

    Parameters
    ----------
    name
        `int name(object, data, n)` for the first four, `int name(object)` for `count` and `act`,
        `int name(object, other)` for `move`, `int name(object, other, n, length)` for `draw`.
    how
        The call shape. `send`: the argument is an array to read, the result C's count; `fill`: one
        to write, the same; `give`: one to read, the result None; `take`: a number, or one and
        `out`, the result is the array of as many. `count`, `act`: no argument, the result C's
        count, or None; `move`: another handle, the result C's count; `draw`: the same with `n` and
        `length=`, where `n` is UINT32_MAX when left out.
    kind
        The kind that the handle was bound as.
    other
        The kind that the argument, a handle, was bound as.
    unless
        Leave the method as it is.
    """
    if unless:
        return lambda method: method
    kinds = (kind, other) if other else (kind,)
    return _crossing_to(name, getattr(_crossing, how.upper()), *kinds)


def rows(
    name: str,
    kind: str,
    takes: str = "",
    gives: str = "",
    *,
    other: str = "",
    known: dict[Any, Any] | None = None,
) -> Callable[[F], F]:
    """Give a verb over the packets of a burst, or the values of an array, a fast path.

    Parameters
    ----------
    name
        `int name(object, data, numbers, n)`.
    kind
        The kind that the handle was bound as.
    takes, gives
        A character for each argument and for each array of the result: `_native/python/rows.h`.
    other
        The kind of a handle that is an argument, or that `known` maps a key to.
    known
        A dict from keys to handles of that kind, or to integers. The method adds to it.
    """
    keys = {} if known is None else known
    return _crossing_to(name, _crossing.ROWS, kind, other, takes, gives, keys)


def _crossing_to(name: str, shape: int, *kinds: Any) -> Callable[[F], F]:
    address = int(ffi.cast("uintptr_t", ffi.addressof(lib, name)))

    def decorate(fallback: F) -> F:
        crossing = _crossing.Crossing(fallback, address, shape, *kinds)
        return cast("F", update_wrapper(cast("Any", crossing), fallback))

    return decorate

"""The short way into C: methods that hand over an array without a step in Python.

A method is written in Python, with all its checks. Under `@short` a call whose arguments are
exactly right goes from the interpreter into C at once; any other, and any that C refuses, runs the
method as it is written. So the short way has no error to say, and both ways do the same.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import update_wrapper
from typing import Any, Literal, TypeVar, cast

from pydpdk import _crossing
from pydpdk._crossing import Handle
from pydpdk._dpdk import ffi, lib

__all__ = ["Handle", "short"]

F = TypeVar("F", bound=Callable[..., Any])
_HOW = {
    "send": _crossing.SEND,
    "fill": _crossing.FILL,
    "give": _crossing.GIVE,
    "take": _crossing.TAKE,
}


def short(name: str, how: Literal["send", "fill", "give", "take"]) -> Callable[[F], F]:
    """Let a method of a `Handle` reach `int name(object, data, n)` of `lib` the short way.

    Parameters
    ----------
    how
        `send`: the argument is an array to read, the result C's count; `fill`: one to write, the
        same; `give`: one to read, the result None; `take`: a number, or one and `out`, the result
        is the array of as many.
    """
    address = int(ffi.cast("uintptr_t", ffi.addressof(lib, name)))

    def decorate(careful: F) -> F:
        crossing = _crossing.Crossing(careful, address, _HOW[how])
        return cast("F", update_wrapper(cast("Any", crossing), careful))

    return decorate

"""Numba, told what it needs to know; the one way from a function to native code."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba

from pydpdk.jit import header_verbs, headers, packet, verbs  # noqa: F401  # Numba learns of them here
from pydpdk.jit.errors import at_line, check_kind


def dispatcher(function: Callable[..., Any]) -> Any:
    """Return the function as Numba compiles it: no GIL, indices of arrays checked."""
    return numba.njit(nogil=True, boundscheck=True)(function)


def compile_for(compiled: Any, args: tuple[Any, ...]) -> None:
    """Compile for arguments of these types.

    Raises
    ------
    CompileError
        With the line of the function that cannot be compiled.
    """
    function = compiled.py_func
    check_kind(function)
    try:
        # compile() itself knows neither defaults nor *args
        compiled.get_call_template(tuple(numba.typeof(arg) for arg in args), {})
    except Exception as error:  # Numba's own, and what an argument raises when it is looked at
        raise at_line(error, function) from error

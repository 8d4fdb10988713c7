"""Compilation of workers with Numba."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba

from pydpdk.jit import (  # noqa: F401  # registers with Numba
    _verbs,
    headers,
    packet,
    rewrite,
    verbs,
    where,
)
from pydpdk.jit.errors import at_line, check_kind


def dispatcher(function: Callable[..., Any]) -> Any:
    """Return a Numba dispatcher of the function: without the GIL, with array bounds checks."""
    return numba.njit(nogil=True, boundscheck=True)(function)


def compile_for(compiled: Any, args: tuple[Any, ...]) -> None:
    """Compile for arguments of these types.

    Raises
    ------
    CompileError
        The message has the line that cannot be compiled.
    """
    function = compiled.py_func
    check_kind(function)
    try:
        # compile() itself supports neither defaults nor *args
        compiled.get_call_template(tuple(numba.typeof(arg) for arg in args), {})
    except Exception as error:  # Numba's own, and those of an argument's typing
        raise at_line(error, function) from error

"""Rows that the walks in C copy out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from pydpdk._dpdk import ffi

T = TypeVar("T")


def walk(
    function: Callable[..., int], row: str, make: Callable[[Any], T], *arguments: Any
) -> list[T]:
    """Call a `pyd_walk_*` function with room enough for all its rows; make an object of each.

    Notes
    -----
    Between the count and the copy another process may add rows, hence the loop. A row is a
    reference into the array, so `make` runs while the array lives.
    """
    room = 0
    while True:
        rows = ffi.new(f"struct {row}[]", max(room, 1))
        n = function(*arguments, rows, room)
        if n <= room:
            return [make(rows[i]) for i in range(n)]
        room = n


def text(cdata: Any) -> str:
    """Return a `char[]` field as a string."""
    raw = ffi.string(cdata)
    return raw.decode(errors="replace") if isinstance(raw, bytes) else str(raw)

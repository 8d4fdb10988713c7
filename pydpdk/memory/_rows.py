"""Rows that the walks in C copy out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pydpdk._dpdk import ffi


def walk(function: Callable[..., int], row: str, *arguments: Any) -> list[Any]:
    """Call a `pyd_walk_*` function with room enough for all its rows; return them.

    Notes
    -----
    Between the count and the copy another process may add rows, hence the loop.
    """
    room = 0
    while True:
        rows = ffi.new(f"struct {row}[]", max(room, 1))
        n = function(*arguments, rows, room)
        if n <= room:
            return [rows[i] for i in range(n)]
        room = n


def text(cdata: Any) -> str:
    """Return a `char[]` field as a string."""
    raw = ffi.string(cdata)
    return raw.decode(errors="replace") if isinstance(raw, bytes) else str(raw)

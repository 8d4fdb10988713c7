"""Arrays of structs that the walks in C fill."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from pydpdk._dpdk import ffi

T = TypeVar("T")


def walk(
    function: Callable[..., int], struct: str, make: Callable[[Any], T], *arguments: Any
) -> list[T]:
    """Call a `pyd_walk_*` function with a large enough array; make an object of each entry.

    Notes
    -----
    Between the count and the copy another process may add entries, hence the loop. An entry is a
    reference into the array, so `make` runs while the array lives.
    """
    room = 0
    while True:
        entries = ffi.new(f"struct {struct}[]", max(room, 1))
        n = function(*arguments, entries, room)
        if n <= room:
            return [make(entries[i]) for i in range(n)]
        room = n


def text(cdata: Any) -> str:
    """Return a `char[]` field as a string."""
    raw = ffi.string(cdata)
    return raw.decode(errors="replace") if isinstance(raw, bytes) else str(raw)

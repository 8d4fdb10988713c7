"""Values of Python from structs of C, and arrays of structs that the walks in C fill."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, TypeVar, get_type_hints

from pydpdk._dpdk import ffi

T = TypeVar("T")


def walk(
    function: Callable[..., int], struct: str, make: Callable[[Any], T], *arguments: Any
) -> list[T]:
    """Call a `pyd_walk_*` function with a large enough array; make an object of each entry.

    An entry is a reference into the array, so `make` runs while the array lives.
    """
    entries, n = enough(struct, lambda entries, room: function(*arguments, entries, room))
    return [make(entries[i]) for i in range(n)]


def enough(struct: str, fill: Callable[[Any, int], int], room: int = 0) -> tuple[Any, int]:
    """Return an array with all entries, and how many there are.

    Parameters
    ----------
    fill
        Writes as many entries as an array has room for; returns how many there are. Between the
        count and the copy another process may add some, hence the loop.
    room
        [entries] of the first array.
    """
    while True:
        entries = ffi.new(f"struct {struct}[]", max(room, 1))
        n = fill(entries, room)
        if n <= room:
            return entries, n
        room = n


def read(kind: Callable[..., T], c: Any, **others: Any) -> T:
    """Return a value of a frozen class with the fields of a C struct, by their names.

    `others` are the fields that the struct lacks or has in another form.
    """
    readers = _readers(kind).items()
    return kind(**{name: get(getattr(c, name)) for name, get in readers if name not in others},
                **others)  # fmt: skip


@cache
def _readers(kind: Any) -> dict[str, Callable[[Any], Any]]:
    return {name: text if hint is str else hint for name, hint in get_type_hints(kind).items()}


def text(cdata: Any) -> str:
    """Return a `char[]` field as a string."""
    raw = ffi.string(cdata)
    return raw.decode(errors="replace") if isinstance(raw, bytes) else str(raw)

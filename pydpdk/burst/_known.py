"""Handles of columns that were used before, which the fast path finds by name."""

from __future__ import annotations

from typing import Any

from pydpdk._core.fastcall import Handle
from pydpdk._core.lifetime import address_of
from pydpdk._dpdk import ffi
from pydpdk.burst._catalog import Spec

COLUMN = "column"  # the kind of their handles


class Known(Handle):
    """A handle of a column's C struct.

    Notes
    -----
    Owns     the struct, and the memory that it points to
    Threads  any number
    """

    __slots__ = ()

    def __init__(self, c: Any, spec: Spec, *kept: Any) -> None:
        self._keep((c, kept))
        cells = spec.shape[0] if spec.shape else 0
        self._bind(address_of(c), COLUMN, spec.base, 0, cells)


def known_column(spec: Spec) -> Known:
    """Return the handle of a column, for verbs that write it."""
    return Known(ffi.new("struct pyd_column *", spec.c), spec)


def known_columns(specs: tuple[Spec, ...], *, several: bool) -> Known:
    """Return the handle of columns that one call reads: as a tuple if the key is one."""
    columns = ffi.new("struct pyd_column[]", [spec.c for spec in specs])
    depth = max(spec.depth for spec in specs)
    plan = {"columns": columns, "n": len(specs), "room": 0, "depth": depth}
    made = Known(ffi.new("struct pyd_columns *", plan), specs[0], columns)
    if several:
        made._made_of(tuple(known_column(spec) for spec in specs))
    return made

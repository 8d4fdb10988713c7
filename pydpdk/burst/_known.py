"""Columns that were used before: C finds them by name, and parses without Python."""

from __future__ import annotations

from typing import Any

from pydpdk._core.fixed import Fixed
from pydpdk._core.lifetime import address_of
from pydpdk._core.objects import ColumnBase, known_columns
from pydpdk._dpdk import ffi
from pydpdk.burst._catalog import Key, Spec, find


class KnownColumn(Fixed, ColumnBase):
    """A column for C: where it lies in a packet, and the dtype of its values.

    Notes
    -----
    Owns     its C struct
    Threads  any number
    """

    __slots__ = ("_begun",)

    def __init__(self, spec: Spec) -> None:
        c: Any = ffi.new("struct pyd_column *", spec.c)
        self._keep(c)
        cells = spec.shape[0] if spec.shape else 0
        self._bind(address_of(c), spec.base, cells)
        self._set_depth(spec.depth)


def know(key: Key) -> None:
    """Let C find a column by its name from now on: plain names only, as their hash runs no code."""
    if type(key) is str and key not in known_columns:
        known_columns[key] = KnownColumn(find(key))

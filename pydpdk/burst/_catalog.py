"""The catalog of columns: names from DPDK's structs, and how C finds each in a packet."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from pydpdk._dpdk import ffi, lib
from pydpdk.memory.dynfield import DynField, DynFlag, rx_timestamp

Key: TypeAlias = str | DynField | DynFlag
"""The key of a column."""

FLOW = np.dtype(
    [
        ("src_addr", "u1", 16), ("dst_addr", "u1", 16), ("src_port", "u2"), ("dst_port", "u2"),
        ("proto", "u1"), ("version", "u1"), ("reserved", "V2"),
    ]
)  # fmt: skip
"""`flow.tuple`: addresses in network order, IPv4's in the last 4 bytes; version 4, 6 or 0."""

TIMESTAMP = "mbuf.timestamp"
_BOOL = np.dtype(bool)


class Spec(NamedTuple):
    """One column: the dtype of a packet's value, C's description, and how deep C parses."""

    name: str
    dtype: np.dtype[Any]
    c: dict[str, int]
    depth: int

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one packet's value."""
        return self.dtype.shape

    @property
    def base(self) -> np.dtype[Any]:
        """The dtype of one element of it."""
        return self.dtype.base

    @property
    def writable(self) -> bool:
        """Whether it can be written into packets."""
        return self.c["write"] != lib.PYD_WRITE_NEVER


def find(key: Key) -> Spec:
    """Return the column of a name, a dynamic field or a dynamic flag.

    Raises
    ------
    ValueError, TypeError
        There is none; the message has similar names.
    """
    if isinstance(key, DynField):
        return _of_field(key)
    if isinstance(key, DynFlag):
        return _of_flag(key.name, key.mask, writable=key.writable)
    if not isinstance(key, str):
        raise TypeError(f"column must be a name, a DynField or a DynFlag (got {key!r})")
    spec = catalog().get(key.removesuffix("?"))
    if key.removesuffix("?") == TIMESTAMP:
        field, flag = rx_timestamp()
        spec = _of_field(field, flag.mask)
    if spec is None or (key.endswith("?") and spec.c["how"] in _ALWAYS):
        near = difflib.get_close_matches(key, names(), 3, 0.5)
        raise ValueError(f"column {key!r}: there is none; near it: {', '.join(near) or 'nothing'}")
    return _section(key, spec) if key.endswith("?") else spec


def names() -> list[str]:
    """Return the names of all columns; those of headers end in `?`."""
    found = [n if s.c["how"] != lib.PYD_COLUMN_HAS else f"{n}?" for n, s in catalog().items()]
    return [*found, TIMESTAMP]


def header_of(name: str) -> int:
    """Return C's number of a header, such as `udp` or `inner_ipv4`.

    Raises
    ------
    ValueError, TypeError
        There is no such header.
    """
    if not isinstance(name, str):
        raise TypeError(f"header must be a name, as 'udp' (got {name!r})")
    spec = catalog().get(name)
    if spec is None or spec.c["how"] != lib.PYD_COLUMN_HAS or name == "mbuf":
        allowed = [n for n, s in catalog().items() if s.c["how"] == lib.PYD_COLUMN_HAS]
        raise ValueError(f"header must be one of {', '.join(allowed[1:])} (got {name!r})")
    return spec.c["header"]


@cache
def catalog() -> dict[str, Spec]:
    """Return the columns that C defines, by name."""
    found = {}
    for name, c in _entries():
        found[name] = _spec(name, c)
    for name, c in _entries():
        if "." in name or c["how"] == lib.PYD_COLUMN_HAS:
            inside = _inside(c)
            if inside is not None:
                found[f"inner_{name}"] = _spec(f"inner_{name}", inside)
    return found


_PACKET = (lib.PYD_COLUMN_FIELD, lib.PYD_COLUMN_HAS)
_FLOW = (lib.PYD_COLUMN_TUPLE, lib.PYD_COLUMN_HASH, lib.PYD_COLUMN_PROTO)
_ALWAYS = (*_FLOW, lib.PYD_COLUMN_PTYPE)
_FIELDS = ("how", "header", "offset", "width", "swap", "write", "flags")


def _entries() -> Iterator[tuple[str, dict[str, int]]]:
    header, i = "", 0
    while (entry := lib.pyd_field_at(i)) != ffi.NULL:
        header = ffi.string(entry.header).decode() if entry.header != ffi.NULL else header
        name = f".{ffi.string(entry.name).decode()}" if entry.name != ffi.NULL else ""
        yield header + name, {field: int(getattr(entry.column, field)) for field in _FIELDS}
        i += 1


def _inside(c: dict[str, int]) -> dict[str, int] | None:
    if c["how"] not in (*_PACKET, *_FLOW):
        return None
    header = lib.pyd_header_inside(c["header"])
    return None if header < 0 else {**c, "header": header}


def _spec(name: str, c: dict[str, int]) -> Spec:
    how, width = c["how"], c["width"]
    kind: np.dtype[Any]
    if how == lib.PYD_COLUMN_TUPLE:
        kind = FLOW
    elif how == lib.PYD_COLUMN_HAS:
        kind = _BOOL
    elif how == lib.PYD_COLUMN_FIELD and not c["swap"]:
        kind = np.dtype(("u1", (width,)))
    else:
        kind = np.dtype(f"u{width}")
    looks = how in (*_PACKET, *_FLOW)
    return Spec(name, kind, c, lib.pyd_header_depth(c["header"]) if looks else 0)


def _section(name: str, spec: Spec) -> Spec:
    if spec.c["how"] == lib.PYD_COLUMN_MBUF:
        if spec.c["flags"]:
            return _of_flag(name, spec.c["flags"], writable=False)
        return _section(name, catalog()["mbuf"])
    c = {**spec.c, "how": lib.PYD_COLUMN_HAS, "width": 1, "write": lib.PYD_WRITE_NEVER}
    return Spec(name, _BOOL, c, spec.depth)


def _of_field(field: DynField, flags: int = 0) -> Spec:
    c = dict.fromkeys(_FIELDS, 0) | {
        "how": lib.PYD_COLUMN_MBUF, "offset": field.offset, "width": field.dtype.itemsize,
        "flags": flags, "write": int(field.writable),
    }  # fmt: skip
    return Spec(field.name, field.dtype, c, 0)


def _of_flag(name: str, mask: int, *, writable: bool) -> Spec:
    c = dict.fromkeys(_FIELDS, 0) | {
        "how": lib.PYD_COLUMN_FLAG, "width": 1, "flags": mask, "write": int(writable),
    }  # fmt: skip
    return Spec(name, _BOOL, c, 0)

"""Columns: metadata and header fields of all packets of a burst as numpy arrays, and back.

One call into C parses the packets and fills all columns of the key.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeAlias, cast, overload

import numpy as np
import numpy.typing as npt

from pydpdk._core.fixed import Fixed
from pydpdk._core.lifetime import address_of
from pydpdk._core.objects import BoundBase, ColumnsBase, install
from pydpdk._dpdk import ffi, lib
from pydpdk.burst._addresses import as_values, kind_of, texts_of
from pydpdk.burst._catalog import Key, Spec, find, names
from pydpdk.burst._fit import check_written, fit
from pydpdk.burst._known import know
from pydpdk.memory.mbuf_owner import MbufOwner

if TYPE_CHECKING:
    from pydpdk.burst.burst import Burst

__all__ = ["Bound", "Columns", "names"]

Array: TypeAlias = npt.NDArray[Any]
_read = lib.pyd_columns_read
_CACHE_LINE = 64
_SHORTER_MAX = 512


class _Plan:
    """The C description of some columns, and their places in one block of memory."""

    __slots__ = ("_columns", "_parts", "bytes", "c")

    def __init__(self, specs: tuple[Spec, ...], size: int) -> None:
        self._parts = []
        columns, start = [], 0
        for spec in specs:
            columns.append({**spec.c, "start": start})
            self._parts.append((start, spec.base, spec.shape))
            end = start + size * spec.dtype.itemsize
            start = -(-end // _CACHE_LINE) * _CACHE_LINE
        self.bytes = start
        self._columns: Any = ffi.new("struct pyd_column[]", columns)
        depth = max((spec.depth for spec in specs), default=0)
        self.c: Any = ffi.new(
            "struct pyd_columns *",
            {"columns": self._columns, "n": len(columns), "room": size, "depth": depth},
        )

    def arrays(self, block: Array, n: int) -> tuple[Array, ...]:
        """Return the columns of `n` packets as views of the block."""
        return tuple(
            [np.ndarray((n, *shape), dtype, block, at) for at, dtype, shape in self._parts]
        )


@lru_cache(256)
def _plan(keys: tuple[Key, ...], size: int) -> _Plan:
    return _Plan(tuple(find(key) for key in keys), size)


def _plan_of(keys: tuple[Key, ...], size: int) -> _Plan:
    try:
        return _plan(keys, size)
    except TypeError:
        for key in keys:
            find(key)  # raises for a key without a hash
        raise


@install("columns")
class Columns(ColumnsBase):
    """The packets of a burst as columns, by name: `burst.columns["ipv4.src_addr"]`.

    A name is DPDK's struct without `rte_` and `_hdr`, and its field. Numbers are in the host's
    byte order, MAC and IPv6 addresses `uint8[n, 6]` and `uint8[n, 16]`. A field that a packet does
    not have is 0; the name of a field or a header with `?` behind it is `bool[n]`, True for the
    packets that have it. Several names give several arrays, filled in one call. The prefix
    `inner_` selects a header of the packet inside VXLAN, GRE or IP in IP.

    Notes
    -----
    Wraps    rte_net_get_ptype (rte_net.h) as `net.packet_type`,
             rte_softrss (rte_thash.h) as `flow.hash`
    Owns     nothing: arrays are copies
    Threads  those of the burst
    """

    __slots__ = ()
    _shown: Burst

    @overload
    def __getitem__(self, key: Key) -> Array: ...
    @overload
    def __getitem__(self, key: tuple[Key, ...]) -> tuple[Array, ...]: ...
    def __getitem__(self, key: Key | tuple[Key, ...]) -> Array | tuple[Array, ...]:
        """Return one column, or several that one call fills."""
        several = isinstance(key, tuple)
        keys = cast("tuple[Key, ...]", key if several else (key,))
        found = self._read(keys)
        for k in keys:
            know(k)
        return found if several else found[0]

    def __setitem__(self, key: Key, value: Any) -> None:
        """Write a column into the packets that have it: an array, or one value for all.

        Addresses may be text: `02:00:00:00:00:01`, or a list of such.

        Raises
        ------
        ValueError
            It does not fit, is not writable, or mbufs share the memory. Nothing was written.
        """
        spec = find(key)
        if not spec.writable:
            raise ValueError(f"column {spec.name!r} may only be read")
        n = len(self._shown)
        values = fit(
            spec.name, as_values(spec.name, kind_of(spec), value), spec.base, (n, *spec.shape)
        )
        column = ffi.new("struct pyd_column *", spec.c)
        data = ffi.from_buffer("char *", values.view(np.uint8))
        result = lib.pyd_column_write(self._shown._c, column, data, n)
        check_written(self._shown, result)
        know(key)

    def text(self, key: Key) -> list[str]:
        """Return a column as text, addresses as people write them; "" where a packet has none."""
        spec = find(key)
        if spec.base.kind == "V" or (spec.shape and kind_of(spec) is None):
            raise ValueError(f"column {spec.name!r} has neither numbers nor addresses")
        if isinstance(key, str) and spec.c["how"] == lib.PYD_COLUMN_FIELD:
            return texts_of(spec, *self[key, f"{key}?"])
        values = self[key]
        return texts_of(spec, values, np.ones(len(values), bool))

    @staticmethod
    def names() -> list[str]:
        """Return the names of all columns; those of headers end in `?`."""
        return names()

    def __contains__(self, key: object) -> bool:
        """Whether there is a column of that name, whatever the packets have."""
        try:
            find(key)  # type: ignore[arg-type]  # raises for what is no key
        except (ValueError, TypeError):
            return False
        return True

    __iter__ = None  # `names` lists them

    def _ipython_key_completions_(self) -> list[str]:
        return names()

    def bind(self, *keys: Key) -> Bound:
        """Prepare columns for a loop that calls the result after each receive."""
        return Bound(self._shown, *keys)

    def _read(self, keys: tuple[Key, ...]) -> tuple[Array, ...]:
        burst = self._shown
        plan = _plan_of(keys, burst.capacity)
        block = np.empty(plan.bytes, np.uint8)
        n = _read(burst._c, plan.c, ffi.from_buffer("char *", block))
        return plan.arrays(block, burst._done(n, "columns"))

    def __repr__(self) -> str:
        return f"<Columns of {self._shown!r}>"


@install("bound")
class Bound(Fixed, BoundBase):
    """Columns of one burst, bound once and filled again by each call.

    Parameters
    ----------
    burst
        The burst with the packets.
    *keys
        Names, dynamic fields and flags.

    Notes
    -----
    Owns     the arrays: the next call overwrites them, so copy what you keep
    Threads  one at a time
    Cost     one call into C for any number of columns
    """

    __slots__ = ("_arrays", "_begun", "_block", "_burst", "_c", "_n", "_plan", "_shorter")

    def __init__(self, burst: Burst, *keys: Key) -> None:
        if not isinstance(burst, MbufOwner):
            raise TypeError(f"burst must be a Burst (got {burst!r})")
        self._plan = _plan_of(keys, burst.capacity)
        self._burst, self._n = burst, burst.capacity
        # not an array that owns its memory: it could be resized while C writes to it
        base = ffi.new("char[]", self._plan.bytes)
        self._block = np.frombuffer(ffi.buffer(base), np.uint8)
        fields = {"burst": burst._c, "plan": self._plan.c, "base": base}
        self._c: Any = ffi.new("struct pyd_bound *", fields)
        self._arrays = self._plan.arrays(self._block, burst.capacity)
        self._shorter: dict[int, tuple[Array, ...]] = {}
        self._keep((self._c, self._plan, self._block))
        self._bind(address_of(self._c))
        self._set(self._arrays, self._shorter, burst.capacity)

    def __call__(self) -> tuple[Array, ...]:
        """Fill the columns and return them, each with an element for every packet."""
        n = self._burst._done(lib.pyd_bound_read(self._c), "columns")
        return self._arrays if n == self._n else self._shorter.get(n) or self._cut(n)

    def _cut(self, n: int) -> tuple[Array, ...]:
        """Return the first n elements of each column; the views are cached."""
        arrays = tuple([values[:n] for values in self._arrays])
        if len(self._shorter) < _SHORTER_MAX:
            self._shorter[n] = arrays
        return arrays

    def __repr__(self) -> str:
        return f"<Bound {len(self._arrays)} columns of {self._burst!r}>"

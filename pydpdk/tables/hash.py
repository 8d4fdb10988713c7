"""Tables of keys: a lookup of a column gives positions, to index arrays by."""

from __future__ import annotations

import errno
from typing import Any

import numpy as np
import numpy.typing as npt

from pydpdk import eal, lcore
from pydpdk._core.lifetime import Owner, Rank, Undo, address_of, lock
from pydpdk._core.objects import HashBase, install
from pydpdk._dpdk import ffi, lib
from pydpdk.burst._fit import fit
from pydpdk.errors import (
    call_errno,
    call_rte_errno,
    check_name,
    check_range,
    make_error,
)
from pydpdk.memory.critical import inside

NAME_MAX = 20
ENTRIES_MIN, ENTRIES_MAX = 8, 1 << 26
KEY_BYTES_MAX = 256
Positions = npt.NDArray[np.int32]


@install("hash")
class Hash(Owner, HashBase):
    """A table of keys of one dtype (cuckoo hashing), each with a position from 0.

    Keep the state of flows in numpy arrays of `table.capacity` elements, indexed by position:
    `seen[table.find(sources)] += 1`.

    Parameters
    ----------
    name
        1 to 20 characters.
    key
        The dtype of a key, 1 to 256 bytes without gaps: `"u4"` for `ipv4.src_addr`,
        `("u1", 16)` for `ipv6.src_addr`, or that of `burst.columns["flow.tuple"]`.
    entries
        8 to 67,108,864 keys, all of which fit.
    socket_id
        NUMA node; None for any.

    Attributes
    ----------
    capacity : int
        [keys] at most; `len(table)` are stored now.
    dtype : numpy.dtype
        Of a key.

    Raises
    ------
    NameTakenError, NoRoomError
        The name is in use; not enough memory.
    NotSupportedError
        In a secondary: its primary has not loaded librte_hash.

    Notes
    -----
    Wraps    rte_hash_create, rte_hash_free (rte_hash.h)
    Owns     the keys, in DPDK memory; only this process may use the table
    Threads  any number may look up while one changes keys
    """

    _rank = Rank.STRUCTURE

    def __init__(
        self,
        name: str,
        key: npt.DTypeLike,
        *,
        entries: int = 1024,
        socket_id: int | None = None,
    ) -> None:
        eal.require_running()
        c_name = check_name("hash", name, NAME_MAX)
        self.dtype = dtype = _check_key(key)
        self.capacity = check_range("entries", entries, ENTRIES_MIN, ENTRIES_MAX, " keys")
        socket = lcore.check_socket_id(socket_id)
        self._c = c = ffi.new("struct pyd_hash *")
        with eal.running(), inside(), Undo(lib.pyd_hash_close, c):
            call_errno(lib.pyd_hash_load, detail="librte_hash, here or in the primary")
            call_rte_errno(
                lib.pyd_hash_open, c, c_name, socket, self.capacity, dtype.itemsize, detail=name
            )
            self._keep(c)
            self._bind(address_of(c), dtype.base, dtype.shape[0] if dtype.shape else 0)
            super().__init__(name, c, ffi.addressof(c, "gate"), address=address_of(c.hash))

    def find(self, keys: Any) -> Positions:
        """Return the position of each key, `int32[n]`; -1 for keys that are not in the table.

        Each call of DPDK has at most 63 keys, as it misses some of exactly 64 (docs/upstream).

        Parameters
        ----------
        keys
            `[n]` of the table's dtype, such as a column.

        Notes
        -----
        Wraps  rte_hash_lookup_bulk (rte_hash.h)
        """
        return self._positions(lib.pyd_hash_lookup, self._keys(keys))

    def add(self, keys: Any) -> Positions:
        """Add keys; return the position of each, also of those that were in the table before.

        Raises
        ------
        NoRoomError
            Too few entries are left. None was added.

        Notes
        -----
        Wraps  rte_hash_lookup, rte_hash_add_key (rte_hash.h)
        """
        values = self._keys(keys)
        news = np.empty(len(values), np.bool_)
        with lock():
            return self._positions(lib.pyd_hash_add, values, ffi.from_buffer("uint8_t *", news))

    def delete(self, keys: Any) -> Positions:
        """Delete keys; return the former position of each, -1 for keys that were not there.

        New keys reuse the positions.

        Notes
        -----
        Wraps  rte_hash_del_key (rte_hash.h)
        """
        values = self._keys(keys)
        with lock():
            return self._positions(lib.pyd_hash_delete, values)

    def items(self) -> tuple[npt.NDArray[Any], Positions]:
        """Return all keys, in any order, and the position of each.

        Notes
        -----
        Wraps  rte_hash_iterate (rte_hash.h)
        """
        with lock():
            n, dtype = len(self), self._key_dtype()
            keys = np.empty((n, *dtype.shape), dtype.base)
            positions = np.empty(n, np.int32)
            addresses = ffi.from_buffer("char *", keys.view(np.uint8) if n else keys)
            places = ffi.from_buffer("int32_t *", positions)
            found = self._check(lib.pyd_hash_list(self._c, addresses, places, n))
        return keys[:found], positions[:found]

    def reset(self) -> None:
        """Delete all keys.

        Notes
        -----
        Wraps  rte_hash_reset (rte_hash.h)
        """
        with lock():
            self._check(lib.pyd_hash_reset(self._c))

    def __len__(self) -> int:
        """Return the number of keys.

        Notes
        -----
        Wraps  rte_hash_count (rte_hash.h)
        """
        return self._check(lib.pyd_hash_count(self._c))

    def __bool__(self) -> bool:
        return True

    def __contains__(self, key: object) -> bool:
        """Whether one key is in the table; `find` is for columns.

        A key is a number, bytes, an element of a column, or a tuple of a record's fields. As in a
        dict, what cannot be a key of this dtype is not in the table, and raises TypeError if it has
        no hash, as an array of several keys.

        Notes
        -----
        Wraps  rte_hash_lookup_bulk (rte_hash.h)
        """
        self.handle  # noqa: B018  # raises when closed
        try:
            keys = self._keys(_as_key(key, self.dtype)[np.newaxis])
        except (TypeError, ValueError, OverflowError):
            hash(key)
            return False
        return bool(self._positions(lib.pyd_hash_lookup, keys)[0] >= 0)

    def _positions(self, call: Any, keys: npt.NDArray[Any], *more: Any) -> Positions:
        found = np.empty(len(keys), np.int32)
        data = ffi.from_buffer("char *", keys.view(np.uint8) if keys.size else found)
        positions = ffi.from_buffer("int32_t *", found)
        self._check(call(self._c, data, positions, *more, len(keys)))
        return found

    def _check(self, result: int) -> int:
        if result == -errno.EBADF:
            raise self._closed_error()
        if result < 0:
            raise make_error("rte_hash_add_key", -result, f"{self!r} holds {self.capacity} keys")
        return result

    def _keys(self, keys: Any) -> npt.NDArray[Any]:
        """Return keys with the dtype of the table."""
        base, cells = self._key_dtype().base, self.dtype.shape
        values = np.asarray(keys)
        if values.ndim == 0 or values.shape[1:] != cells:
            shape = ", ".join(("n", *map(str, cells)))
            raise ValueError(f"keys must have the shape ({shape}) of {base} (got {values.shape})")
        if base.kind not in "iu" and values.dtype != base:
            raise TypeError(f"keys must be {base} (got {values.dtype})")
        return fit("keys", values, base, (len(values), *cells))

    def _key_dtype(self) -> np.dtype[Any]:
        """Return the dtype; raise if vars() changed it to one of another size than C's keys."""
        if self.dtype.itemsize != self._c.key_len:
            raise ValueError(f"dtype={self.dtype}: keys have {self._c.key_len} bytes")
        return self.dtype

    def _free(self, force: bool) -> None:
        call_errno(lib.pyd_hash_close, self._c, detail=self.name)


def _as_key(key: object, dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    """Return one key as an array of its shape; raise TypeError or ValueError if it is none."""
    base, cells = dtype.base, dtype.shape
    octets = base.kind in "SV" or (cells and base.itemsize == 1)
    if isinstance(key, bytes) and base.names is None and octets:
        data = key.ljust(dtype.itemsize, b"\0") if base.kind == "S" else key
        return np.frombuffer(data, base).reshape(cells)
    if isinstance(key, tuple) and base.names is not None and not cells:
        return _record(key, base)
    values = np.asarray(key)
    if values.shape != cells:
        raise ValueError(f"key must have the shape {cells} (got {values.shape})")
    return values


def _record(values: tuple[Any, ...], dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    record = np.zeros((), dtype)
    for name, value in zip(dtype.names or (), values, strict=True):
        field = dtype[name]
        record[name] = fit(name, _as_key(value, field), field.base, field.shape)
    return record


def _check_key(key: npt.DTypeLike) -> np.dtype[Any]:
    """Return the dtype; raise if it has gaps, as keys are compared by all of their bytes."""
    try:
        dtype = np.dtype(key)
    except Exception as error:
        raise TypeError(f"key must be a dtype (got {key!r})") from error
    if key is None or dtype.hasobject or dtype.base.kind not in "iuVS" or len(dtype.shape) > 1:
        raise ValueError(f"key must be integers, bytes or a record of them (got {key!r})")
    if _filled(dtype) != dtype.itemsize or not 1 <= dtype.itemsize <= KEY_BYTES_MAX:
        raise ValueError(f"key must be 1..{KEY_BYTES_MAX} bytes without gaps (got {key!r})")
    return dtype


def _filled(dtype: np.dtype[Any]) -> int:
    """Return the [bytes] that belong to some field."""
    inside = dtype.base.fields
    if inside is None:
        return dtype.itemsize
    cells = dtype.itemsize // max(dtype.base.itemsize, 1)
    return cells * sum(_filled(field[0]) for field in inside.values())

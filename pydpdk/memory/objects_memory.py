"""The objects of a pool as numpy arrays, and their ids and addresses."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from pydpdk._core.lifetime import address_of, lock
from pydpdk._dpdk import ffi, lib
from pydpdk.errors import ClosedError, make_error
from pydpdk.memory._rows import text
from pydpdk.memory.objects_kind import (
    SINGLE_GET,
    SINGLE_PUT,
    Ids,
    MempoolFlag,
    as_addresses,
    as_ids,
    dtype_of,
)
from pydpdk.memory.objects_map import Chunk, Map
from pydpdk.memory.pool_base import OBJECTS, PoolBase, ops_of

_intp = np.dtype(np.intp)
_from_buffer = ffi.from_buffer


class ObjectMemory(PoolBase):
    """The part of `ObjectPool` that reads and writes objects.

    Attributes
    ----------
    dtype : numpy.dtype
        Of one object.
    """

    def __init__(self, name: str, c: Any, *, owned: bool) -> None:
        mp = c.mp
        head = lib.pyd_objects_head(mp)
        ops = ops_of(mp)
        if text(head.ops) != ops:
            raise TypeError(
                f"mempool {name!r} uses ops {text(head.ops)}, here their number is {ops}"
            )
        after = ffi.cast("char *", head)
        self.dtype = dtype_of(bytes(ffi.buffer(after + ffi.sizeof(head[0]), head.dtype_len)))
        self._flags = MempoolFlag(mp.flags & sum(MempoolFlag))
        self._map = Map(mp, self.dtype)
        self._c = c
        c.addresses, c.stride = self._map.c_addresses, self._map.stride
        c.inverse, c.n, c.itemsize = self._map.inverse, mp.size, self.dtype.itemsize
        c.out = ffi.cast("uint8_t *", after + head.owners) if head.owners else ffi.NULL
        c.single_get, c.single_put = ops in SINGLE_GET, ops in SINGLE_PUT
        c.getter.open = c.putter.open = c.gate.open = 1
        self._keep((c, self._map))
        self._bind(address_of(c), OBJECTS, _intp)
        super().__init__(name, mp, ffi.addressof(c, "gate"), owned=owned)

    @property
    def flags(self) -> MempoolFlag:
        """The layout of the objects."""
        return self._known(self._flags)

    def outstanding(self) -> Ids:
        """Return the ids of the outstanding objects; needs `checked`."""
        if self._c.out == ffi.NULL:
            raise ValueError(f"{self!r} was made with checked=False: it has no record of them")
        with lock():
            self.handle  # noqa: B018  # raises when closed
            return np.flatnonzero(np.frombuffer(ffi.buffer(self._c.out, self.n), np.uint8))

    def read(self, ids: npt.ArrayLike) -> npt.NDArray[Any]:
        """Return a copy of these objects, `dtype[len(ids)]`."""
        chosen = self._valid(ids)
        copy = np.empty(len(chosen), self.dtype)
        self._copy(lib.pyd_objects_read, chosen, copy)
        return copy

    def write(self, ids: npt.ArrayLike, values: npt.ArrayLike) -> None:
        """Set these objects to `values`, one for each or one for all."""
        chosen = self._valid(ids)
        try:
            data = np.broadcast_to(np.asarray(values, self.dtype), len(chosen))
        except OverflowError as error:
            raise ValueError(f"values: {error}") from None
        self._copy(lib.pyd_objects_write, chosen, np.ascontiguousarray(data))

    def _copy(self, function: Any, chosen: Ids, data: npt.NDArray[Any]) -> None:
        if len(chosen):
            c_data = _from_buffer("char[]", data.view(np.uint8))
            result = function(self._c, _from_buffer("int64_t[]", chosen), len(chosen), c_data)
            if result < 0:
                raise self._error(function.__name__, result, chosen)

    @property
    def array(self) -> npt.NDArray[Any]:
        """All objects as one strided array `dtype[n]`, indexed by id, that shares their memory.

        `pool.array["field"][ids] = ...` writes the objects themselves.

        Raises
        ------
        ValueError
            They lie in several runs: use `arrays`, or `read` and `write`.
        """
        views = self.arrays
        if len(views) != 1:
            raise ValueError(f"the objects of {self!r} lie in {len(views)} runs: use arrays")
        return views[0]

    @property
    def arrays(self) -> tuple[npt.NDArray[Any], ...]:
        """All objects in the order of ids, as one strided array for each evenly spaced run."""
        with lock():  # no thread closes it between the check and the views
            self.handle  # noqa: B018  # raises when closed
            return self._map.arrays()

    @property
    def chunks(self) -> list[Chunk]:
        """The pieces of memory in which the objects lie.

        Notes
        -----
        Wraps  rte_mempool_mem_iter (rte_mempool.h)
        """
        self.handle  # noqa: B018  # raises when closed
        return list(self._map.chunks)

    def __len__(self) -> int:
        return self.n

    def __getitem__(self, i: int) -> npt.NDArray[Any]:
        """Return one object as an array of no dimensions that shares its memory."""
        if not isinstance(i, (int, np.integer)) or isinstance(i, bool):
            raise TypeError(f"id {i!r}: an integer is allowed; for many, use array or read")
        if not 0 <= i < self.n:
            raise IndexError(f"id {i}: 0 to {self.n - 1} is allowed")
        with lock():
            self.handle  # noqa: B018  # raises when closed
            return self._map.object(int(i))

    def __iter__(self) -> Iterator[npt.NDArray[Any]]:
        return (self[i] for i in range(self.n))

    def addresses(self, ids: npt.ArrayLike) -> npt.NDArray[np.uint64]:
        """Return the addresses of these objects, `uint64[len(ids)]`, for C code."""
        self.handle  # noqa: B018  # raises when closed
        return self._map.addresses[self._valid(ids)]

    def ids(self, addresses: npt.ArrayLike) -> Ids:
        """Return the ids of the objects at these addresses, e.g. of pointers from C code.

        Raises
        ------
        ValueError
            No object of this pool begins at one of them.
        """
        given = as_addresses(addresses)
        found = np.empty(len(given), np.intp)
        c_given, c_found = _from_buffer("uint64_t[]", given), _from_buffer("int64_t[]", found)
        result = lib.pyd_objects_ids(self._c, c_given, len(given), c_found)
        if result < 0:
            raise self._error("pyd_objects_ids", result)
        if (found < 0).any():
            foreign = int(given[found < 0][0])
            raise ValueError(f"address {foreign:#x}: no object of {self!r} begins there")
        return found

    def _valid(self, ids: npt.ArrayLike) -> Ids:
        chosen = as_ids(ids)
        wrong = (chosen < 0) | (chosen >= self.n)
        if wrong.any():
            raise ValueError(f"id {chosen[wrong][0]}: 0 to {self.n - 1} is allowed")
        return chosen

    def _error(self, call: str, result: int, ids: Ids | None = None) -> Exception:
        if result == -errno.EBADF:
            return self._closed_error()
        if result == -errno.EINVAL and ids is not None:
            wrong = ids[(ids < 0) | (ids >= self.n)].tolist()
            return ValueError(f"id {wrong[:1]}: 0 to {self.n - 1} is allowed")
        if result == -errno.EALREADY and ids is not None:
            return ClosedError(f"{call}: {self._given_back(ids)} in {self!r} already")
        detail = f"{self!r}"
        if result == -errno.EBUSY:
            detail += f": {self.ops_name} takes one thread at a time, another is inside"
        elif result == -errno.ENOBUFS:
            detail += self.shortage()
        return make_error(call, -result, detail)

    def _given_back(self, ids: Ids) -> str:
        once, counts = np.unique(ids, return_counts=True)
        twice = once[counts > 1].tolist()
        known = self._c.out != ffi.NULL
        out = set(self.outstanding().tolist()) if known else set()
        wrong = twice or [i for i in once.tolist() if known and i not in out]
        return f"object {wrong[0]} is" if wrong else "some of these objects are"

    def _view_count(self) -> int:
        return self._map.views

"""Mempools of plain objects of a numpy dtype: taken and given back in bulk, without locks.

An object has an id, 0 to n - 1, in the order of addresses: it is the same in every process,
indexes numpy arrays, and unlike a pointer it can be checked.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from pydpdk import eal, lcore
from pydpdk._core.lifetime import Undo, address_of, find, lock
from pydpdk._core.objects import ObjectPoolBase, install
from pydpdk._dpdk import ffi, lib
from pydpdk.errors import ClosedError, call_rte_errno, check_range, make_error
from pydpdk.limits import MAX_OBJECTS
from pydpdk.memory._rows import text
from pydpdk.memory.objects_kind import (
    SINGLE_GET,
    SINGLE_PUT,
    Ids,
    MempoolFlag,
    PoolOps,
    as_addresses,
    as_ids,
    check_flags,
    check_ops,
    dtype_of,
    dtype_text,
    room_for,
)
from pydpdk.memory.objects_map import Chunk, Map
from pydpdk.memory.pool_base import (
    PoolBase,
    check_made,
    find_mempool,
    ops_of,
)

_intp = np.dtype(np.intp)
_from_buffer = ffi.from_buffer


@install("objects")
class ObjectPool(PoolBase, ObjectPoolBase):
    """A mempool of plain objects.

    Attributes
    ----------
    dtype : numpy.dtype
        Of one object.

    Notes
    -----
    Wraps    rte_mempool_free (rte_mempool.h) in `close`
    Owns     `create` frees it in `close`; `lookup` leaves it alone
    Threads  any; one at a time for `get` with ops of `sc`, and for `put` with ops of `sp`
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
        self._bind(address_of(c))
        super().__init__(name, mp, ffi.addressof(c, "gate"), owned=owned)

    @classmethod
    def create(
        cls,
        name: str,
        n: int,
        dtype: npt.DTypeLike,
        *,
        cache_size: int = 0,
        ops_name: PoolOps | str = PoolOps.RING_MP_MC,
        flags: MempoolFlag | int = MempoolFlag.NO_IOVA_CONTIG,
        socket_id: int | None = None,
        checked: bool = True,
    ) -> ObjectPool:
        """Make a pool of objects.

        Parameters
        ----------
        name
            1 to 25 characters.
        n
            [objects]; 2**q - 1 wastes the least memory.
        dtype
            Of one object, without Python objects in it.
        cache_size
            [objects] that each lcore may keep for itself, 0 to 512 and at most n / 1.5.
        ops_name
            How free objects are stored.
        flags
            How objects are laid out; by default devices do not use them.
        socket_id
            NUMA node; None for any.
        checked
            Record which objects are out, one byte each in shared memory: `put` rejects those that
            are not. Pass False if C code takes or gives back objects on its own.

        Raises
        ------
        ValueError
            A number that DPDK rejects, or accepts and gets wrong.
        NameTakenError, NoRoomError
            The name is in use; not enough memory.

        Notes
        -----
        Wraps  rte_mempool_create_empty, rte_mempool_set_ops_byname, rte_mempool_populate_default
               (rte_mempool.h)
        """
        c_name, n, cached = check_made(name, n, cache_size, " objects")
        kind, described = dtype_text(dtype)
        c_ops, c_flags = check_ops(ops_name), check_flags(flags)
        if not isinstance(checked, bool):
            raise TypeError(f"checked must be True or False (got {checked!r})")
        c = ffi.new("struct pyd_objects *")
        with eal.running(), Undo(lib.pyd_objects_free, c):
            call_rte_errno(
                lib.pyd_objects_make, c, c_name, n, kind.itemsize, cached,
                lcore.check_socket_id(socket_id), c_flags, c_ops, described, len(described),
                checked, detail=name, call="rte_mempool_create_empty",
            )  # fmt: skip
            return cls(name, c, owned=True)

    @classmethod
    def lookup(cls, name: str) -> ObjectPool:
        """Find a pool that `create` made in this or another process, and its dtype.

        Raises
        ------
        NotFoundError
            There is none of that name.
        TypeError
            Its objects are mbufs, or `create` did not make it.

        Notes
        -----
        Wraps  rte_mempool_lookup (rte_mempool.h)
        """
        with eal.running():
            mp = find_mempool(name)
            known = find(cls, address_of(mp))
            if known is not None:
                return known
            if lib.pyd_objects_head(mp) == ffi.NULL:
                raise TypeError(f"mempool {name!r} was not made by ObjectPool.create")
            return cls(name, ffi.new("struct pyd_objects *", {"mp": mp}), owned=False)

    # -- properties --

    @property
    def flags(self) -> MempoolFlag:
        """The layout of the objects."""
        return self._known(self._flags)

    @property
    def chunks(self) -> list[Chunk]:
        """The pieces of memory in which the objects lie.

        Notes
        -----
        Wraps  rte_mempool_mem_iter (rte_mempool.h)
        """
        self.handle  # noqa: B018  # raises when closed
        return list(self._map.chunks)

    # -- taking and giving back --

    def get(self, n: int, *, out: Ids | None = None) -> Ids:
        """Take objects, all `n` or none; they keep the content of their last use.

        Parameters
        ----------
        n
            [objects].
        out
            `intp[n]` or longer, to take ids without making an array.

        Returns
        -------
        numpy.ndarray
            `intp[n]`, the ids.

        Raises
        ------
        NoRoomError
            Fewer are left.

        Notes
        -----
        Wraps  rte_mempool_get_bulk (rte_mempool.h)
        Owns   the caller, until `put`
        Cost   80 ns for 1, 1 us for 1,024 [objects]; `checked` 3.9 us; 25 ns without `out`
        """
        n = check_range("n", n, 0, MAX_OBJECTS, " objects")
        if n > self.capacity:
            raise self._error("rte_mempool_get_bulk", -errno.ENOBUFS)
        ids = np.empty(n, _intp) if out is None else room_for(out, n)
        result = lib.pyd_objects_get(self._c, _from_buffer("int64_t[]", ids), n)
        if result < 0:
            raise self._error("rte_mempool_get_bulk", result)
        return ids

    def put(self, ids: npt.ArrayLike) -> None:
        """Give objects back, all or none.

        Raises
        ------
        ValueError
            An id is not of this pool.
        ClosedError
            An object is in the pool already, or twice in `ids`.

        Notes
        -----
        Wraps  rte_mempool_put_bulk (rte_mempool.h)
        Owns   the pool again
        Cost   as `get`
        """
        chosen = as_ids(ids)
        result = lib.pyd_objects_put(self._c, _from_buffer("int64_t[]", chosen), len(chosen))
        if result < 0:
            raise self._error("rte_mempool_put_bulk", result, chosen)

    def outstanding(self) -> Ids:
        """Return the ids of the outstanding objects; needs `checked`."""
        if self._c.out == ffi.NULL:
            raise ValueError(f"{self!r} was made with checked=False: it has no record of them")
        with lock():
            self.handle  # noqa: B018  # raises when closed
            return np.flatnonzero(np.frombuffer(ffi.buffer(self._c.out, self.capacity), np.uint8))

    # -- the objects as arrays --

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

    def __getitem__(self, i: int) -> npt.NDArray[Any]:
        """Return one object as an array of no dimensions that shares its memory."""
        if not isinstance(i, (int, np.integer)) or isinstance(i, bool):
            raise TypeError(f"id must be an integer (got {i!r}); for many, use array or read")
        if not 0 <= i < self.capacity:
            raise IndexError(f"id must be 0..{self.capacity - 1} (got {i})")
        with lock():
            self.handle  # noqa: B018  # raises when closed
            return self._map.object(int(i))

    def __iter__(self) -> Iterator[npt.NDArray[Any]]:
        return (self[i] for i in range(self.capacity))

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

    # -- ids and addresses --

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

    # -- closing --

    def _view_count(self) -> int:
        return self._map.views

    def _why_open(self) -> list[str]:
        reasons = super()._why_open()
        out = self.in_use_count
        if out:
            reasons.append(f"{out} of its {self.capacity} objects are out")
        return reasons

    def _free(self, force: bool) -> None:
        with Undo(lib.pyd_gate_reopen, self._gate):
            self._shut(lib.pyd_objects_shut, force)
            lib.pyd_objects_free(self._c)

    # -- checks and errors --

    def _copy(self, function: Any, chosen: Ids, data: npt.NDArray[Any]) -> None:
        if len(chosen):
            c_data = _from_buffer("char[]", data.view(np.uint8))
            result = function(self._c, _from_buffer("int64_t[]", chosen), len(chosen), c_data)
            if result < 0:
                raise self._error(function.__name__, result, chosen)

    def _valid(self, ids: npt.ArrayLike) -> Ids:
        chosen = as_ids(ids)
        wrong = (chosen < 0) | (chosen >= self.capacity)
        if wrong.any():
            raise ValueError(f"id must be 0..{self.capacity - 1} (got {chosen[wrong][0]})")
        return chosen

    def _error(self, call: str, result: int, ids: Ids | None = None) -> Exception:
        if result == -errno.EBADF:
            return self._closed_error()
        if result == -errno.EINVAL and ids is not None:
            wrong = ids[(ids < 0) | (ids >= self.capacity)].tolist()
            return ValueError(f"id must be 0..{self.capacity - 1} (got {wrong[:1]})")
        if result == -errno.EALREADY and ids is not None:
            return ClosedError(f"{call}: {self._given_back(ids)} in {self!r} already")
        detail = f"{self!r}"
        if result == -errno.EBUSY:
            detail += f": {self.ops_name} takes one thread at a time, another is inside"
        elif result == -errno.ENOBUFS:
            detail += self._shortage()
        return make_error(call, -result, detail)

    def _given_back(self, ids: Ids) -> str:
        once, counts = np.unique(ids, return_counts=True)
        twice = once[counts > 1].tolist()
        known = self._c.out != ffi.NULL
        out = set(self.outstanding().tolist()) if known else set()
        wrong = twice or [i for i in once.tolist() if known and i not in out]
        return f"object {wrong[0]} is" if wrong else "some of these objects are"

"""The layout of a mempool's objects: chunks of memory, and evenly spaced runs in them."""

from __future__ import annotations

from bisect import bisect_right
from typing import Any

import numpy as np
import numpy.typing as npt

from pydpdk._core.fixed import Fixed
from pydpdk._core.frozen import frozen
from pydpdk._core.lifetime import Pin
from pydpdk._dpdk import ffi, lib
from pydpdk.errors import DpdkError
from pydpdk.memory._rows import walk


@frozen
class Chunk:
    """One piece of memory of a mempool.

    Attributes
    ----------
    iova : int or None
        None if devices do not use it.
    len : int
        [bytes].
    """

    addr: int
    iova: int | None
    len: int


class Map(Fixed):
    """The addresses of all objects, and the memory they are in.

    Attributes
    ----------
    addresses : numpy.ndarray
        `uint64[n]`, ascending: an object's index is its id.
    stride : int
        [bytes] from one object to the next; 0 if that is not the same for all.
    inverse : int
        2**64 / stride, rounded up, for C to multiply instead of dividing; 0 if `stride` is.
    """

    def __init__(self, mp: Any, dtype: np.dtype[Any]) -> None:
        self.dtype = dtype
        chunks = walk(lib.pyd_walk_chunks, "pyd_chunk", chunk_of, mp)
        self.chunks = sorted(chunks, key=lambda chunk: chunk.addr)
        self._starts = [chunk.addr for chunk in self.chunks]
        self._pins = [Pin(chunk.addr, chunk.len) for chunk in self.chunks]
        self.addresses = _addresses(mp)
        self.c_addresses = ffi.from_buffer("uint64_t[]", self.addresses)
        self._distance = int(mp.header_size + mp.elt_size + mp.trailer_size)
        self._runs = self._find_runs()
        self.stride = self._distance if len(self._runs) == 1 else 0
        self.inverse = -(-(1 << 64) // self._distance) if self.stride else 0

    def _find_runs(self) -> list[tuple[int, int]]:
        """Return first id and length of each run; a run ends with its chunk."""
        starts = np.array(self._starts, np.uint64)
        chunk = np.searchsorted(starts, self.addresses, side="right")
        ends = np.diff(self.addresses) != self._distance
        firsts = [0, *(np.flatnonzero(ends | (np.diff(chunk) != 0)) + 1).tolist()]
        nexts = [*firsts[1:], len(self.addresses)]
        return [(first, end - first) for first, end in zip(firsts, nexts, strict=True)]

    def arrays(self) -> tuple[npt.NDArray[Any], ...]:
        """Return one strided array for each run."""
        return tuple(self._array(first, n) for first, n in self._runs)

    def _array(self, first: int, n: int) -> npt.NDArray[Any]:
        memory = self._memory(first, (n - 1) * self._distance + self.dtype.itemsize)
        return np.ndarray((n,), self.dtype, memory, strides=(self._distance,))

    def object(self, i: int) -> npt.NDArray[Any]:
        """Return one object as an array of no dimensions."""
        return self._memory(i, self.dtype.itemsize).view(self.dtype).reshape(())

    def _memory(self, i: int, length: int) -> npt.NDArray[np.uint8]:
        address = int(self.addresses[i])
        pin = self._pins[bisect_right(self._starts, address) - 1]
        return pin.view(address - pin.address, length)

    @property
    def views(self) -> int:
        """How many arrays over the memory are alive."""
        return sum(pin.views for pin in self._pins)


def chunk_of(c: Any) -> Chunk:
    """Return a `struct pyd_chunk` or `struct pyd_explored_chunk` as a Chunk."""
    return Chunk(c.addr, None if c.iova == lib.RTE_BAD_IOVA else c.iova, c.len)


def _addresses(mp: Any) -> npt.NDArray[np.uint64]:
    found = np.empty(mp.size, np.uint64)
    n = lib.pyd_pool_objects(mp, ffi.from_buffer("uint64_t[]", found), len(found))
    if n != len(found):
        raise DpdkError(f"rte_mempool_obj_iter: {n} objects are there instead of {len(found)}")
    found.sort()
    return found

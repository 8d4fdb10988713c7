"""Memzones: named pieces of hugepage memory that every process can find."""

from __future__ import annotations

import errno
import math
from enum import IntFlag
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from pydpdk import eal, lcore
from pydpdk._core.frozen import frozen
from pydpdk._core.lifetime import Pin, Rank, Undo, find, lock
from pydpdk._core.near import found, naming
from pydpdk._dpdk import ffi, lib
from pydpdk.eal.portable import Portable
from pydpdk.errors import (
    call_errno,
    call_pointer,
    call_rte_errno,
    check_name,
    check_range,
    make_error,
)
from pydpdk.limits import MEMZONE_NAME
from pydpdk.memory._rows import read, text, walk
from pydpdk.memory.critical import inside

_DPDKS_OWN = ("MP_", "RG_", "rte_", "pydpdk")  # pools, rings, ethdev data, our process table
_MAX_ALIGN = 1 << 30
_MAX_BOUND = 1 << 31


class MemzoneFlag(IntFlag):
    """Where a memzone may lie (RTE_MEMZONE_*).

    A page size is required, or with `SIZE_HINT_ONLY` preferred. `IOVA_CONTIG`: contiguous for
    devices too. Without hugepages DPDK accepts any page size and uses what there is.
    """

    PAGE_256KB = lib.RTE_MEMZONE_256KB
    PAGE_2MB = lib.RTE_MEMZONE_2MB
    PAGE_16MB = lib.RTE_MEMZONE_16MB
    PAGE_256MB = lib.RTE_MEMZONE_256MB
    PAGE_512MB = lib.RTE_MEMZONE_512MB
    PAGE_1GB = lib.RTE_MEMZONE_1GB
    PAGE_4GB = lib.RTE_MEMZONE_4GB
    PAGE_16GB = lib.RTE_MEMZONE_16GB
    SIZE_HINT_ONLY = lib.RTE_MEMZONE_SIZE_HINT_ONLY
    IOVA_CONTIG = lib.RTE_MEMZONE_IOVA_CONTIG


_FLAGS = sum(MemzoneFlag)


@frozen
class MemzoneInfo:
    """A memzone as DPDK lists it.

    Attributes
    ----------
    len : int
        [bytes], rounded up by DPDK to the cache line.
    """

    name: str
    addr: int
    iova: int
    len: int
    hugepage_sz: int
    socket_id: int
    flags: MemzoneFlag


class Memzone(Portable):
    """A named piece of memory, readable and writable as numpy arrays.

    Notes
    -----
    Wraps    rte_memzone_free (rte_memzone.h) in `close`
    Owns     `reserve` frees it in `close`; `lookup` leaves it alone
    Threads  none of its own: arrays are shared memory
    """

    _rank = Rank.MEMORY
    _stays = True

    def __init__(self, name: str, c: Any, *, owned: bool) -> None:
        entry = ffi.new("struct pyd_memzone *")
        lib.pyd_memzone_describe(c.mz, entry)
        self._c = c
        self.info = read(MemzoneInfo, entry)
        self._pin = Pin(entry.addr, entry.len)
        gate = ffi.addressof(c, "gate")
        super().__init__(name, c.mz, gate, address=entry.addr, owned=owned)

    @classmethod
    def reserve(
        cls,
        name: str,
        size: int,
        *,
        align: int | None = None,
        bound: int | None = None,
        flags: MemzoneFlag | int = 0,
        socket_id: int | None = None,
    ) -> Memzone:
        """Reserve memory under a name.

        Parameters
        ----------
        name
            1 to 31 characters.
        size
            [bytes], at least 1.
        align
            [bytes], a power of two. Default: a cache line.
        bound
            [bytes], a power of two: the zone crosses no multiple of it. Default: no such limit.
        flags
            Page sizes, and whether it must be contiguous for devices.
        socket_id
            NUMA node; None for any.

        Raises
        ------
        NameTakenError, NoRoomError
            The name is in use; no free piece is large enough.

        Notes
        -----
        Wraps  rte_memzone_reserve_bounded (rte_memzone.h)
        """
        length = check_range("size", size, 1, (1 << 48) - 1, " bytes")
        return cls._reserve(name, length, align, bound, flags, socket_id)

    @classmethod
    def reserve_rest(
        cls,
        name: str,
        *,
        align: int | None = None,
        flags: MemzoneFlag | int = 0,
        socket_id: int | None = None,
    ) -> Memzone:
        """Reserve the largest free piece of memory, which may leave none for others.

        Parameters
        ----------
        name, align, flags, socket_id
            As for `reserve`.

        Raises
        ------
        NameTakenError, NoRoomError
            The name is in use; nothing is free. Pages that are not mapped yet are not taken.

        Notes
        -----
        Wraps  rte_memzone_reserve_bounded with length 0 (rte_memzone.h)
        """
        return cls._reserve(name, 0, align, None, flags, socket_id)

    @classmethod
    def _reserve(
        cls,
        name: str,
        size: int,
        align: int | None,
        bound: int | None,
        flags: int,
        socket_id: int | None,
    ) -> Memzone:
        eal.require_running()
        c_name = check_name("memzone", name, MEMZONE_NAME)
        line: int = lib.RTE_CACHE_LINE_SIZE
        c_align = line if align is None else _check_power("align", align, 1, _MAX_ALIGN)
        lines = -(-size // line) * line
        c_bound = 0 if bound is None else _check_power("bound", bound, lines, _MAX_BOUND)
        c_flags = check_range("flags", flags, 0, _FLAGS)
        if c_flags & ~_FLAGS:
            raise ValueError(f"flags must be {MemzoneFlag(_FLAGS)!r} (got {c_flags:#x})")
        c = ffi.new("struct pyd_zone *")
        with eal.running(), inside(), Undo(lib.pyd_zone_free, c):
            call_rte_errno(
                lib.pyd_zone_reserve, c, c_name, size, lcore.check_socket_id(socket_id),
                c_flags, c_align, c_bound, detail=name, call="rte_memzone_reserve_bounded",
            )  # fmt: skip
            return cls(name, c, owned=True)

    @classmethod
    def lookup(cls, name: str) -> Memzone:
        """Find a memzone that this or another process has reserved.

        Raises
        ------
        NotFoundError
            There is none of that name.

        Notes
        -----
        Wraps  rte_memzone_lookup (rte_memzone.h)
        """
        eal.require_running()
        c_name = check_name("memzone", name, MEMZONE_NAME)
        with eal.running(), inside():
            with naming(name, _names):
                handle = call_pointer(lib.rte_memzone_lookup, c_name, detail=name)
            entry = ffi.new("struct pyd_memzone *")
            lib.pyd_memzone_describe(handle, entry)
            known = find(cls, entry.addr)
            c = ffi.new("struct pyd_zone *", {"gate": {"open": 1}, "mz": handle})
            return known or cls(name, c, owned=False)

    @classmethod
    def all(cls) -> list[Memzone]:
        """Return all memzones, DPDK's own among them; `memzones` only describes them.

        Notes
        -----
        Wraps  rte_memzone_walk, rte_memzone_lookup (rte_memzone.h)
        """
        return list(found(cls.lookup, _names()))

    def as_array(
        self, dtype: npt.DTypeLike = np.uint8, shape: int | tuple[int, ...] | None = None
    ) -> npt.NDArray[Any]:
        """Return the memory as an array that shares it.

        Parameters
        ----------
        dtype
            Any but Python objects, whose pointers are invalid in another process.
        shape
            Default: as many elements as fit.

        Returns
        -------
        numpy.ndarray
            Writable, at the start of the zone. While it lives, `close` raises.

        Raises
        ------
        DpdkError
            EPERM: DPDK keeps its own structures in the zone.
        """
        self.handle  # noqa: B018  # raises when closed
        if not self.owned and self.name.startswith(_DPDKS_OWN):
            raise make_error("rte_memzone_lookup", errno.EPERM, f"{self!r} is DPDK's own")
        kind = np.dtype(dtype)
        if kind.hasobject or kind.itemsize == 0:
            raise TypeError(f"dtype must have a fixed size and no Python objects (got {kind})")
        room = self._pin.size // kind.itemsize
        wanted = (room,) if shape is None else shape if isinstance(shape, tuple) else (shape,)
        count = math.prod(check_range("shape", length, 0, room) for length in wanted)
        if count > room:
            raise ValueError(f"shape={shape}: {room} elements of {kind} fit in {self!r}")
        with lock():  # no thread closes it between the check and the view
            self.handle  # noqa: B018  # raises when closed
            view = self._pin.view(0, count * kind.itemsize)
        return view.view(kind).reshape(wanted)

    def _view_count(self) -> int:
        return self._pin.views

    def _free(self, force: bool) -> None:
        with inside():
            call_errno(lib.pyd_zone_free, self._c, detail=self.name, call="rte_memzone_free")

    def _state(self) -> str:
        return f"len={self.info.len}"


def _names() -> list[str]:
    return walk(lib.pyd_walk_memzones, "pyd_memzone", lambda zone: text(zone.name))


def memzones() -> list[MemzoneInfo]:
    """Return all memzones, DPDK's own among them.

    Notes
    -----
    Wraps  rte_memzone_walk (rte_memzone.h)
    """
    with eal.running():
        return walk(lib.pyd_walk_memzones, "pyd_memzone", partial(read, MemzoneInfo))


def _check_power(what: str, value: int, low: int, high: int) -> int:
    power = check_range(what, value, low, high, " bytes")
    if power & (power - 1):
        raise ValueError(f"{what} must be a power of two (got {power})")
    return power

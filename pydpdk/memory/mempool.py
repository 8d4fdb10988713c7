"""Mempools of mbufs: fixed-size buffers that are taken and given back without locks.

Each lcore has a cache of its own in front of the shared pool, so most bursts of mbufs need no
shared access at all.
"""

from __future__ import annotations

import warnings
from typing import Any

from pydpdk import eal, lcore
from pydpdk._core.frozen import frozen
from pydpdk._core.lifetime import Pin, Undo, address_of, find, lock, owners
from pydpdk._core.near import found
from pydpdk._core.objects import MempoolBase, install
from pydpdk._dpdk import ffi, lib
from pydpdk.errors import LeakWarning, NotFoundError, call_errno, call_rte_errno, check_range
from pydpdk.limits import DATA_ROOM, MAX_PRIV, MAX_ROOM, PRIV_ALIGN
from pydpdk.memory._rows import read, text, walk
from pydpdk.memory.critical import inside
from pydpdk.memory.extmem import ExternalMemory
from pydpdk.memory.outstanding import Outstanding, call_in, culprits_of, outstanding
from pydpdk.memory.pool_base import (
    PoolBase,
    check_cache_size,
    check_made,
    check_mempool_name,
    check_ops_name,
    find_mempool,
    mempool_names,
)

HEADROOM = lib.RTE_PKTMBUF_HEADROOM
_LINE = lib.RTE_CACHE_LINE_SIZE
_BAD_IOVA = (1 << 64) - 1  # devices cannot reach it: only drivers that copy may use it


@frozen
class MempoolInfo:
    """A mempool as DPDK lists it, of this or another process.

    Attributes
    ----------
    in_use_count : int or None
        [objects] taken and not given back; those in lcore caches are not in use. None in a
        secondary if the pool's ops are not over a ring or stack.
    total_size : int
        [bytes] of one object with its header and trailer.
    """

    name: str
    size: int
    cache_size: int
    elt_size: int
    total_size: int
    in_use_count: int | None
    cached: int
    nb_mem_chunks: int
    socket_id: int


@install("mempool")
class Mempool(PoolBase, MempoolBase):
    """A pool of mbufs.

    Attributes
    ----------
    room : int
        [bytes] of packet that fit into one mbuf, behind the headroom.

    Notes
    -----
    Wraps    rte_mempool_free (rte_mempool.h) in `close`
    Owns     `create` frees it in `close`; `lookup` leaves it alone
    Threads  any; only lcores have a cache
    """

    def __init__(self, name: str, c: Any, *, owned: bool) -> None:
        self._c, mp = c, c.mp
        self._pins = walk(lib.pyd_walk_chunks, "pyd_chunk", lambda c: Pin(c.addr, c.len), mp)
        self._packet_pins: list[Pin] = []
        self._memory: ExternalMemory | None = None
        self._left = ""
        self._data_room_size = int(lib.rte_pktmbuf_data_room_size(mp))
        self._priv_size = int(lib.rte_pktmbuf_priv_size(mp))
        self._external = bool(lib.pyd_pool_is_external(mp))
        self.room = max(self._data_room_size - HEADROOM, 0)
        self._keep(self._c)
        self._bind(address_of(self._c))
        super().__init__(name, mp, ffi.addressof(self._c, "gate"), owned=owned)

    @classmethod
    def create(
        cls,
        name: str,
        n: int,
        *,
        cache_size: int | None = None,
        priv_size: int = 0,
        data_room_size: int = DATA_ROOM,
        socket_id: int | None = None,
        ops_name: str | None = None,
    ) -> Mempool:
        """Make a pool of mbufs.

        Parameters
        ----------
        name
            1 to 25 characters.
        n
            [mbufs]; 2**q - 1 wastes the least memory.
        cache_size
            [mbufs] that each lcore may keep for itself, 0 to 512 and at most n / 1.5.
            Default: 256, or the most that n allows.
        priv_size
            [bytes] of private data in front of each buffer, a multiple of 8.
        data_room_size
            [bytes] of each buffer, the headroom of 128 included.
        socket_id
            NUMA node; None for any.
        ops_name
            How free mbufs are stored: `ring_mp_mc` (default), `stack`, `lf_stack` and so on.

        Raises
        ------
        ValueError
            A number that DPDK rejects, or accepts and gets wrong.
        NameTakenError, NoRoomError
            The name is in use; not enough memory.

        Notes
        -----
        Wraps  rte_pktmbuf_pool_create_by_ops (rte_mbuf.h)
        """
        c_name, n, cached = check_made(name, n, cache_size, " mbufs")
        _check_rooms(data_room_size, MAX_ROOM, priv_size)
        c_ops = ffi.NULL if ops_name is None else check_ops_name(ops_name)
        c = ffi.new("struct pyd_pool *")
        with eal.running(), Undo(lib.pyd_pool_free, c):
            call_rte_errno(
                lib.pyd_pool_make, c, c_name, n, cached, priv_size, data_room_size,
                lcore.check_socket_id(socket_id), c_ops, detail=name,
                call="rte_pktmbuf_pool_create_by_ops",
            )  # fmt: skip
            return cls(name, c, owned=True)

    @classmethod
    def create_extbuf(
        cls,
        name: str,
        memory: Any,
        *,
        n: int | None = None,
        cache_size: int = 0,
        priv_size: int = 0,
        data_room_size: int = DATA_ROOM,
        socket_id: int | None = None,
    ) -> Mempool:
        """Make a pool of mbufs whose packets lie in your own memory.

        Parameters
        ----------
        name, cache_size, priv_size, data_room_size, socket_id
            As for `create`.
        memory
            A writable buffer: a numpy array, or a mapped file. Its whole pages are used.
        n
            [mbufs]. Default: as many as fit.

        Raises
        ------
        ValueError
            No mbuf, or fewer than n, fit.
        NameTakenError
            The name is in use, or DPDK has a part of the memory already: a pool or a zone.

        Notes
        -----
        Wraps  rte_pktmbuf_pool_create_extbuf (rte_mbuf.h), rte_extmem_register (rte_memory.h)
        Owns   an export of the buffer until `close`: it cannot be freed, resized or unmapped
        """
        c_name = check_mempool_name(name)
        _check_rooms(data_room_size, MAX_ROOM // _LINE * _LINE, priv_size)
        socket = lcore.check_socket_id(socket_id)
        elt_size = -(-data_room_size // _LINE) * _LINE
        c = ffi.new("struct pyd_pool *")
        with eal.running(), inside(), Undo(lib.pyd_pool_free, c):
            pages = ExternalMemory(memory, c)
            fit = pages.size // elt_size
            unit = f" mbufs of {elt_size} bytes in {pages.size} bytes of whole pages"
            count = check_range("n", max(fit, 1) if n is None else n, 1, fit, unit)
            check_cache_size(cache_size, count)
            call_rte_errno(
                lib.pyd_extbuf_pool_make, c, c_name, count, cache_size, priv_size, data_room_size,
                socket, _BAD_IOVA, elt_size, detail=name, call="pyd_extbuf_pool_create",
            )  # fmt: skip
            pool = cls(name, c, owned=True)
            pool._memory = pages
            pool._pins.append(Pin(pages.address, pages.size))
            return pool

    @classmethod
    def lookup(cls, name: str) -> Mempool:
        """Find a pool of mbufs that this or another process has made.

        Raises
        ------
        NotFoundError
            There is none of that name.
        TypeError
            Its objects are not mbufs.

        Notes
        -----
        Wraps  rte_mempool_lookup (rte_mempool.h)
        """
        with eal.running():
            return cls._at(find_mempool(name))

    @classmethod
    def _at(cls, mp: Any) -> Mempool:
        """Return the one object for a `struct rte_mempool *`."""
        with lock():
            known = find(cls, address_of(mp))
            if known is not None:
                return known
            name = text(mp.name)
            if not lib.pyd_pool_is_pktmbuf(mp):
                raise TypeError(f"mempool {name!r} is not of mbufs")
            c = ffi.new("struct pyd_pool *", {"mp": mp, "gate": {"open": 1}})
            return cls(name, c, owned=False)

    @classmethod
    def all(cls) -> list[Mempool]:
        """Return all pools of mbufs.

        Notes
        -----
        Wraps  rte_eal_tailq_lookup (rte_tailq.h), rte_mempool_lookup (rte_mempool.h)
        """
        return list(found(cls.lookup, mempool_names(), (NotFoundError, TypeError)))

    # -- properties --

    @property
    def data_room_size(self) -> int:
        """[bytes] of each buffer, the headroom included.

        Notes
        -----
        Wraps  rte_pktmbuf_data_room_size (rte_mbuf.h)
        """
        return self._known(self._data_room_size)

    @property
    def priv_size(self) -> int:
        """[bytes] of private data in front of each buffer.

        Notes
        -----
        Wraps  rte_pktmbuf_priv_size (rte_mbuf.h)
        """
        return self._known(self._priv_size)

    @property
    def external(self) -> bool:
        """Whether packets lie in memory of the user (`create_extbuf`)."""
        return self._known(self._external)

    # -- its mbufs --

    def outstanding(self) -> list[Outstanding]:
        """Return the outstanding mbufs with their owners; with `PYDPDK_TRACE=1` where taken, too.

        Raises
        ------
        NotSupportedError
            The pool's ops are a hardware driver's, whose free list cannot be read.
        """
        with lock():
            return outstanding(self.handle)

    def _pin_of(self, address: int, length: int) -> Pin | None:
        """Return the pin of the chunk that has this piece of memory."""
        for pin in self._pins:
            if pin.address <= address and address + length <= pin.address + pin.size:
                return pin
        return None

    def _pin_packet(self, address: int, length: int) -> Pin:
        """Return a new pin of one packet's memory, which `close` checks as well."""
        self._packet_pins = [pin for pin in self._packet_pins if pin.views]
        pin = Pin(address, length)
        self._packet_pins.append(pin)
        return pin

    # -- closing --

    def close(self, *, force: bool = False) -> None:
        """Free the pool, as `Owner.close`; by force, warn of outstanding mbufs and their owners."""
        super().close(force=force)
        if self._left:
            left, self._left = self._left, ""
            warnings.warn(f"mempool {self.name!r} closed by force{left}", LeakWarning, 2)

    def _view_count(self) -> int:
        return sum(pin.views for pin in (*self._pins, *self._packet_pins))

    def _why_open(self) -> list[str]:
        reasons = super()._why_open()
        out = self.in_use_count
        if out:
            reasons.append(f"{out} of its {self.capacity} mbufs are out{culprits_of(self.handle)}")
        return reasons

    def _free(self, force: bool) -> None:
        for user in [user for user in self._users if user._using]:
            user.close(force=force)
        with Undo(lib.pyd_gate_reopen, self._gate):
            self._shut(lib.pyd_pool_shut, force)
            if lib.rte_mempool_in_use_count(self._handle):
                self._left = culprits_of(self._handle)
                call_in(self._handle)
            call_errno(lib.pyd_pool_free, self._c, detail=self.name)

    def _abandon(self) -> None:
        super()._abandon()
        if self._memory is not None:
            self._memory.unref()


def pool_of(pool: Mempool, address: int, length: int) -> tuple[Mempool, Pin | None]:
    """Return the pool with a packet's memory: for a clone, it may differ from the mbuf's pool."""
    pin = pool._pin_of(address, length)
    if pin is not None:
        return pool, pin
    for other in owners():
        if isinstance(other, Mempool) and other._memory is not None:
            pin = other._pin_of(address, length)
            if pin is not None:
                return other, pin
    return pool, None


def check_source(mempool: Mempool, how: int) -> Any:
    """Return the C pool for copies, or for clones; raise if it cannot be used for these."""
    if not isinstance(mempool, Mempool):
        raise TypeError(f"mempool must be a Mempool (got {mempool!r})")
    if mempool.external and how == lib.PYD_MBUF_CLONE:  # raises when closed
        raise ValueError(f"{mempool!r}: clones need a pool whose mbufs may see other memory")
    return mempool._c


def mempools() -> list[MempoolInfo]:
    """Return all mempools of this memory.

    Notes
    -----
    Wraps  rte_eal_tailq_lookup (rte_tailq.h), under the lock of DPDK's lists
    """
    with eal.running():
        return walk(lib.pyd_walk_mempools, "pyd_mempool", _info, ffi.NULL)


def object_size_bytes(data_room_size: int = DATA_ROOM, priv_size: int = 0) -> int:
    """Return the size of one mbuf of such a pool, with header and trailer [bytes]; needs no EAL.

    Notes
    -----
    Wraps  rte_mempool_calc_obj_size (rte_mempool.h)
    """
    return int(
        lib.rte_mempool_calc_obj_size(
            ffi.sizeof("struct rte_mbuf") + priv_size + data_room_size, 0, ffi.NULL
        )
    )


def _check_rooms(data_room_size: int, most: int, priv_size: int) -> None:
    check_range("data_room_size", data_room_size, HEADROOM, most, " bytes")
    if check_range("priv_size", priv_size, 0, MAX_PRIV, " bytes") % PRIV_ALIGN:
        raise ValueError(f"priv_size must be a multiple of {PRIV_ALIGN} (got {priv_size})")


def _info(entry: Any) -> MempoolInfo:
    out = max(0, entry.populated - entry.common - entry.cached)
    return read(MempoolInfo, entry, in_use_count=out if entry.common >= 0 else None)

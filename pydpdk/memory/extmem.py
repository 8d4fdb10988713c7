"""External memory: the user's own, registered with DPDK, pinned, and used for a pool's mbufs."""

from __future__ import annotations

import errno
import mmap
from typing import TYPE_CHECKING, Any

from pydpdk import eal, lcore
from pydpdk._core.fixed import Fixed
from pydpdk._core.lifetime import Pin, Undo
from pydpdk._dpdk import ffi, lib
from pydpdk.errors import call_rte_errno, check_range, make_error
from pydpdk.limits import MAX_PRIV, MAX_ROOM, PRIV_ALIGN
from pydpdk.memory.critical import inside
from pydpdk.memory.memseg import memseg_lists
from pydpdk.memory.pool_base import check_cache_size

if TYPE_CHECKING:
    from pydpdk.memory.mempool import Mempool

_PAGE = mmap.PAGESIZE
_LINE = lib.RTE_CACHE_LINE_SIZE
_ROOM_MAX = MAX_ROOM // _LINE * _LINE
_BAD_IOVA = (1 << 64) - 1  # devices cannot reach it: only drivers that copy may use it


class ExternalMemory(Fixed):
    """The whole pages inside a writable buffer, registered with DPDK until `unregister`.

    Notes
    -----
    Wraps  rte_extmem_register, rte_extmem_unregister (rte_memory.h)
    Owns   an export of the buffer: it can be neither freed, resized nor unmapped meanwhile
    """

    def __init__(self, memory: Any, c: Any) -> None:
        try:
            self._buffer: Any = ffi.from_buffer("char[]", memory, True)
        except (TypeError, BufferError, ValueError) as error:
            raise TypeError(
                f"memory must be a writable, contiguous buffer, as a numpy array or mmap"
                f" (got {type(memory).__name__}: {error})"
            ) from None
        start = int(ffi.cast("uintptr_t", self._buffer))
        end = start + len(self._buffer)
        self.address = -(-start // _PAGE) * _PAGE
        self.size = end // _PAGE * _PAGE - self.address
        if self.size <= 0:
            raise ValueError(f"memory of {end - start} bytes: it has no whole page of {_PAGE}")
        self._check_apart()
        call_rte_errno(
            lib.pyd_extmem_register, c, self.address, self.size, _PAGE,
            detail=f"{self.size} bytes at {self.address:#x}", call="rte_extmem_register",
        )  # fmt: skip

    def unref(self) -> None:
        """Drop the buffer's export, after DPDK has unregistered the pages."""
        self._buffer = None

    def _check_apart(self) -> None:
        # DPDK rejects only an equal range: with a part of one, two pools would share memory
        end = self.address + self.size
        for known in memseg_lists():
            if self.address < known.base_va + known.len and known.base_va < end:
                detail = f"{self.size} bytes at {self.address:#x} overlap {known.name!r}"
                raise make_error("rte_extmem_register", errno.EEXIST, detail)


def create(
    kind: type[Mempool],
    name: bytes,
    memory: Any,
    n: int | None,
    cache_size: int,
    priv_size: int,
    data_room_size: int,
    socket_id: int | None,
) -> Mempool:
    """Make a pool over the user's memory: see `Mempool.create_extbuf`."""
    check_range("data_room_size", data_room_size, lib.RTE_PKTMBUF_HEADROOM, _ROOM_MAX, " bytes")
    if check_range("priv_size", priv_size, 0, MAX_PRIV, " bytes") % PRIV_ALIGN:
        raise ValueError(f"priv_size must be a multiple of {PRIV_ALIGN} (got {priv_size})")
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
            lib.pyd_extbuf_pool_make, c, name, count, cache_size, priv_size, data_room_size,
            socket, _BAD_IOVA, elt_size, detail=name.decode(), call="pyd_extbuf_pool_create",
        )  # fmt: skip
        pool = kind(name.decode(), c, owned=True)
        pool._memory = pages
        pool._pins.append(Pin(pages.address, pages.size))
        return pool

"""External memory: the user's own, registered with DPDK, pinned, and used for a pool's mbufs."""

from __future__ import annotations

import errno
import mmap
from typing import Any

from pydpdk._core.fixed import Fixed
from pydpdk._dpdk import ffi, lib
from pydpdk.errors import call_rte_errno, make_error
from pydpdk.memory.memseg import memseg_lists

_PAGE = mmap.PAGESIZE


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

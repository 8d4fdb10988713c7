"""Translation of virtual addresses to IOVAs, which devices use, and back; in DPDK's memory only."""

from __future__ import annotations

import errno

from pydpdk import eal
from pydpdk._core.lifetime import address_of
from pydpdk._dpdk import ffi, lib
from pydpdk.errors import call_errno, check_range, make_error
from pydpdk.memory.memseg import Memseg, describe

_ADDRESS_MAX = (1 << 64) - 1


def virt2memseg(addr: int) -> Memseg:
    """Return the page that holds an address.

    Raises
    ------
    NotFoundError
        No page that DPDK has mapped is there.

    Notes
    -----
    Wraps  rte_mem_virt2memseg (rte_memory.h)
    """
    eal.require_running()
    addr = check_range("addr", addr, 0, _ADDRESS_MAX)
    seg = ffi.new("struct pyd_memseg *")
    with eal.running():
        call_errno(lib.pyd_memseg_at, addr, seg, detail=f"{addr:#x} is not in DPDK's memory")
        return describe(seg)


def virt2iova(addr: int) -> int:
    """Return the IOVA of an address in DPDK's memory.

    Raises
    ------
    NotFoundError
        DPDK has nothing there, or devices cannot reach it (no hugepages, IOVA mode `pa`).

    Notes
    -----
    Wraps  rte_mem_virt2iova (rte_memory.h)
    """
    addr = check_range("addr", addr, 0, _ADDRESS_MAX)
    with eal.running():
        virt2memseg(addr)
        iova: int = lib.rte_mem_virt2iova(ffi.cast("void *", addr))
    if iova == lib.RTE_BAD_IOVA:
        raise make_error("rte_mem_virt2iova", errno.ENOENT, f"{addr:#x} has no IOVA")
    return iova


def iova2virt(iova: int) -> int:
    """Return the virtual address of an IOVA in this process.

    Raises
    ------
    NotFoundError
        No page that DPDK has mapped has that IOVA.

    Notes
    -----
    Wraps  rte_mem_iova2virt (rte_memory.h)
    """
    eal.require_running()
    iova = check_range("iova", iova, 0, _ADDRESS_MAX)
    with eal.running():
        virt = lib.rte_mem_iova2virt(iova)
    if virt == ffi.NULL:
        raise make_error("rte_mem_iova2virt", errno.ENOENT, f"{iova:#x} is in no page of DPDK")
    return address_of(virt)

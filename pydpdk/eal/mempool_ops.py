"""Load mempool drivers in the same order as the primary.

A mempool in shared memory names its driver by an index into a table that each process fills in the
order in which it loads its libraries. dpdk-testpmd links a driver that a Python process loads
ninth, so the index of `ring_mp_mc` there would mean `ring_sp_sc` here: this process would use a
pool without synchronization while others use it. So we load the drivers in the primary's order.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Sequence
from typing import Any

from pydpdk._dpdk import ffi, lib
from pydpdk.host import elf, files

_NAME_SIZE = lib.RTE_MEMPOOL_OPS_NAMESIZE
_kept: list[ctypes.CDLL] = []


def mempool_ops() -> list[str]:
    """Return the mempool drivers of this process in table order."""
    return _names(lib.pyd_mempool_ops_table())


def mempool_ops_of(pid: int) -> list[str] | None:
    """Return the mempool drivers of another process; None if its memory may not be read."""
    size = lib.pyd_mempool_ops_table_size()
    table = elf.read_variable(pid, "rte_mempool_ops_table", "librte_mempool.so", size)
    if table is None or len(table) < size:
        return None
    return _names(ffi.from_buffer(table)) or None


def load_in_order(wanted: Sequence[str], paths: Sequence[str]) -> str:
    """Load mempool drivers in the order of `wanted`.

    Parameters
    ----------
    paths
        The shared objects of the mempool drivers that the primary has.

    Returns
    -------
    str
        The first difference that remains; empty if there is none.
    """
    for i, name in enumerate(wanted):
        if len(mempool_ops()) <= i:
            for path in paths:
                field = name.encode().ljust(_NAME_SIZE, b"\0")
                if field in (files.content(path) or b"") and name not in mempool_ops():
                    _kept.append(ctypes.CDLL(path, mode=os.RTLD_NOW))
        here = mempool_ops()[i : i + 1]
        if here != [name]:
            found = repr(here[0]) if here else "none"
            return f"its mempool driver {i} is {name!r}, here it is {found}"
    return ""


def _names(table: Any) -> list[str]:
    names: list[str] = []
    while (name := lib.pyd_mempool_ops_at(table, len(names))) != ffi.NULL:
        names.append(ffi.string(name).decode(errors="replace"))
    return names

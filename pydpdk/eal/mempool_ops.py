"""Mempool drivers in the order of the primary's.

A mempool in shared memory names its driver by an index into a table that each process fills in
the order in which its libraries were loaded. dpdk-testpmd links one that a Python process loads
ninth, and what is `ring_mp_mc` there would be `ring_sp_sc` here: one process would take from a
pool without a lock while others do. So ours are loaded in the order of the primary's.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydpdk._dpdk import ffi, lib
from pydpdk.host import elf

_NAME_SIZE = lib.RTE_MEMPOOL_OPS_NAMESIZE
_kept: list[ctypes.CDLL] = []


def mempool_ops() -> list[str]:
    """Return the mempool drivers of this process in their order."""
    return _names(lib.pyd_mempool_ops_table())


def mempool_ops_of(pid: int) -> list[str] | None:
    """Return those of another process; None where its memory may not be read."""
    size = lib.pyd_mempool_ops_table_size()
    table = elf.read_variable(pid, "rte_mempool_ops_table", "librte_mempool.so", size)
    if table is None or len(table) < size:
        return None
    return _names(ffi.from_buffer(table)) or None


def load_in_order(wanted: Sequence[str], paths: Sequence[str]) -> str:
    """Load mempool drivers so that ours have the order of `wanted`.

    Parameters
    ----------
    paths
        The shared objects of the mempool drivers that the primary has.

    Returns
    -------
    str
        What stands against it; empty where both are the same now.
    """
    for i, name in enumerate(wanted):
        here = mempool_ops()
        if len(here) <= i:
            for path in paths:
                field = name.encode().ljust(_NAME_SIZE, b"\0")
                if field in Path(path).read_bytes() and name not in mempool_ops():
                    _kept.append(ctypes.CDLL(path, mode=os.RTLD_NOW))
            here = mempool_ops()
        if len(here) <= i or here[i] != name:
            found = repr(here[i]) if len(here) > i else "none"
            return f"its mempool driver {i} is {name!r}, here it is {found}"
    return ""


def _names(table: Any) -> list[str]:
    names: list[str] = []
    while (name := lib.pyd_mempool_ops_at(table, len(names))) != ffi.NULL:
        names.append(ffi.string(name).decode(errors="replace"))
    return names

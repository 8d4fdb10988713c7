"""Lcores: which there are, where they run, and the pinning of the main one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pydpdk._dpdk import lib

MAX_LCORE: int = lib.RTE_MAX_LCORE
"""How many lcore ids this DPDK has: 0 to one less."""


@dataclass(frozen=True)
class Lcore:
    """One lcore of this process."""

    lcore_id: int
    socket_id: int
    main: bool


def walk() -> Iterator[Lcore]:
    """Yield the lcores of this process in order.

    Notes
    -----
    Wraps  rte_get_next_lcore, rte_get_main_lcore, rte_lcore_to_socket_id (rte_lcore.h)
    """
    main = lib.rte_get_main_lcore()
    lcore_id = lib.rte_get_next_lcore(lib.LCORE_ID_ANY, 0, 0)
    while lcore_id < lib.RTE_MAX_LCORE:
        yield Lcore(lcore_id, lib.rte_lcore_to_socket_id(lcore_id), lcore_id == main)
        lcore_id = lib.rte_get_next_lcore(lcore_id, 0, 0)


def current() -> int | None:
    """Return the lcore id of the calling thread; None where it is no lcore.

    Notes
    -----
    Wraps  rte_lcore_id (rte_lcore.h)
    """
    lcore_id: int = lib.rte_lcore_id()
    return None if lcore_id == lib.LCORE_ID_ANY else lcore_id


def socket_ids() -> list[int]:
    """Return the NUMA nodes that the EAL found.

    Notes
    -----
    Wraps  rte_socket_count, rte_socket_id_by_idx (rte_lcore.h)
    """
    return [lib.rte_socket_id_by_idx(i) for i in range(lib.rte_socket_count())]


def check_socket_id(socket_id: int | None) -> int:
    """Return a socket id for C, `SOCKET_ID_ANY` for None.

    Raises
    ------
    ValueError
        No such NUMA node: without hugepages DPDK would take any number.
    """
    if socket_id is None:
        return int(lib.SOCKET_ID_ANY)
    known = socket_ids()
    if isinstance(socket_id, bool) or socket_id not in known:
        raise ValueError(f"socket_id={socket_id!r}: one of {known}, or None for any, is allowed")
    return int(socket_id)

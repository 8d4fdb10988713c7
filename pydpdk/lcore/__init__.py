"""Lcores: their list and NUMA nodes, and Python functions on worker lcores."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator
from typing import Any

from pydpdk import eal
from pydpdk._core.frozen import frozen
from pydpdk._core.lifetime import Undo, lock
from pydpdk._dpdk import lib
from pydpdk.errors import BusyError, check_range
from pydpdk.lcore.job import Job, running_on

MAX_LCORE: int = lib.RTE_MAX_LCORE
"""Lcore ids of this DPDK are below it."""


@frozen
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
    """Return the lcore id of the calling thread; None if it is no lcore.

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
        No such NUMA node: without hugepages DPDK would accept any number.
    """
    if socket_id is None:
        return int(lib.SOCKET_ID_ANY)
    known = socket_ids()
    if isinstance(socket_id, bool) or socket_id not in known:
        raise ValueError(f"socket_id must be one of {known}, or None for any (got {socket_id!r})")
    return int(socket_id)


def launch(function: Callable[..., Any], *args: Any, lcore_id: int | None = None) -> Job:
    """Run an ordinary Python function on a worker lcore's thread.

    Parameters
    ----------
    function, args
        Called there, once. A loop should run while `running()` is true.
    lcore_id
        A worker lcore; None for the first that is idle.

    Returns
    -------
    Job
        Its `result` returns what the function returned, or raises what it raised.

    Raises
    ------
    ValueError
        There is no worker lcore of that number.
    BusyError
        A job runs there, or on every worker lcore.

    Notes
    -----
    Wraps    rte_eal_remote_launch (rte_launch.h)
    Threads  the lcore's: pinned, with its caches in all mempools; it shares the GIL with the others
    Cost     25 us for the round trip
    """
    if not callable(function):
        raise TypeError(f"function must be callable (got {function!r})")
    with lock():
        worker = idle(lcore_id)
        name = getattr(function, "__qualname__", type(function).__name__)
        job = Job(name, function, args, worker)
        with Undo(job._drop):
            job._start()
            return job


def running() -> bool:
    """Return whether the calling job is to go on: false once it has been asked to stop.

    Outside of a job it is always true.
    """
    return bool(lib.pyd_job_running())


def idle(lcore_id: int | None = None) -> int:
    """Return a worker lcore on which nothing runs.

    Parameters
    ----------
    lcore_id
        A worker lcore; None for the first that is idle.
    """
    eal.require_running()
    workers = [lcore.lcore_id for lcore in walk() if not lcore.main]
    if not workers:
        raise ValueError("this EAL has no worker lcore: init(lcores=(0, 1)) makes lcore 1 one")
    if lcore_id is not None:
        check_range("lcore_id", lcore_id, 0, MAX_LCORE - 1)
        if lcore_id not in workers:
            listed = ", ".join(map(str, workers))
            raise ValueError(f"lcore_id must be one of the worker lcores {listed} (got {lcore_id})")
        workers = [int(lcore_id)]
    for worker in workers:
        if running_on(worker) is None:
            return worker
    runs = ", ".join(repr(running_on(worker)) for worker in workers)
    raise BusyError(errno.EBUSY, f"rte_eal_remote_launch: no lcore is idle: {runs}")

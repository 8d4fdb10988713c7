"""Look at the memory of another program: as a secondary that takes part in nothing."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from pydpdk import eal, lcore
from pydpdk.eal_checks import MAX_PREFIX_LENGTH
from pydpdk.errors import NotFoundError, NotSupportedError, check_name, make_error
from pydpdk.host import primary as host_primary
from pydpdk.host.primary import Primary
from pydpdk.lcore_map import format_lcores


@contextmanager
def attach(file_prefix: str) -> Iterator[eal.Eal]:
    """Attach to the running primary of a file prefix, to read its memory and no more.

    Raises
    ------
    NotFoundError
        No DPDK program runs with this prefix; the message names those that do.
    NotSupportedError
        It shares its memory with nobody (`--no-huge`, `--in-memory`, `--no-shconf`,
        `--huge-unlink`).
    EalInitError
        The EAL could not attach: another DPDK version, or no permission, for example.

    Notes
    -----
    Wraps    rte_eal_init and rte_eal_cleanup (rte_eal.h), as dpdk-proc-info does
    Owns     nothing of the primary's. Its heap lends what every secondary takes in rte_eal_init
             (a table of services and one of lcores), until this closes
    Threads  the calling one becomes an lcore with a number that no worker of the other processes
             has, on the CPUs that they leave free, where they leave any
    """
    check_name("file prefix", file_prefix, MAX_PREFIX_LENGTH)
    if eal.state() != "new":
        raise make_error(
            "rte_eal_init", errno.EALREADY, f"one EAL per process, this one's is {eal.state()}"
        )
    primary = host_primary.look(file_prefix)
    if primary.problem:
        if primary.running:
            raise NotSupportedError(errno.ENOTSUP, primary.problem)
        raise NotFoundError(errno.ENOENT, primary.problem)
    before = os.sched_getaffinity(0)
    number, cpus = choose_lcore(primary)
    os.sched_setaffinity(0, cpus)
    try:
        with eal.observe(file_prefix, format_lcores({number: cpus})) as observer:
            yield observer
    finally:
        os.sched_setaffinity(0, before)


def choose_lcore(primary: Primary) -> tuple[int, frozenset[int]]:
    """Return an lcore, and CPUs for it, that the processes of this primary do not use.

    Main lcores do not show their number, and it is a low one as a rule: so ours is the highest
    that is free, and one lower for each secondary that may be there for the same reason.
    """
    pids = host_primary.processes(primary)
    taken = [host_primary.workers(pid) for pid in pids]
    free = [n for n in range(lcore.MAX_LCORE) if not any(n in workers for workers in taken)]
    usable = frozenset(os.sched_getaffinity(0))
    unpolled = usable - _pinned(cpus for workers in taken for cpus in workers.values())
    idle = unpolled - _pinned(map(host_primary.main_cpus, pids))
    return free[-min(len(free), max(len(pids), 1))], idle or unpolled or usable


def _pinned(threads: Iterable[frozenset[int]]) -> frozenset[int]:
    """Return the CPUs to which threads are pinned, one each."""
    return frozenset(cpu for cpus in threads if len(cpus) == 1 for cpu in cpus)

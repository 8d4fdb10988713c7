"""Look at the memory of another program: as a secondary that takes part in nothing."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from pydpdk import eal
from pydpdk.eal.checks import MAX_PREFIX_LENGTH
from pydpdk.errors import check_name


@contextmanager
def attach(file_prefix: str) -> Iterator[eal.Eal]:
    """Attach to the running primary of a file prefix, to read its memory and no more.

    Raises
    ------
    NotFoundError
        No DPDK program runs with this prefix; the message names those that do.
    NotSupportedError
        It shares its memory with nobody (`--no-huge`, `--in-memory`, `--no-shconf`,
        `--huge-unlink`), is another DPDK, or would take harm.
    EalInitError
        The EAL could not attach all the same.

    Notes
    -----
    Wraps    rte_eal_init and rte_eal_cleanup (rte_eal.h), as dpdk-proc-info does
    Owns     nothing of the primary's. Its heap gives what every secondary takes in rte_eal_init
             (a table of services and one of lcores), until this closes
    Threads  the calling one becomes an lcore with a number that no worker of the other processes
             has, on the CPUs that they leave free, where they leave any
    """
    check_name("file prefix", file_prefix, MAX_PREFIX_LENGTH)
    before = os.sched_getaffinity(0)
    with eal.observe(file_prefix) as observer:
        os.sched_setaffinity(0, observer.main_cpus)
        try:
            yield observer
        finally:
            os.sched_setaffinity(0, before)

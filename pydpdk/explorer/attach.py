"""Read the memory of another program, as a secondary that only observes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from pydpdk import eal
from pydpdk.eal.checks import MAX_PREFIX_LENGTH
from pydpdk.errors import check_name


@contextmanager
def attach(file_prefix: str) -> Iterator[eal.Eal]:
    """Attach to the running primary of a file prefix, only to read its memory.

    Raises
    ------
    NotFoundError
        No DPDK program runs with this prefix; the message names those that do.
    NotSupportedError
        It does not share its memory (`--no-huge`, `--in-memory`, `--no-shconf`, `--huge-unlink`),
        runs another DPDK, or attaching would harm it.
    EalInitError
        The EAL could not attach.

    Notes
    -----
    Wraps    rte_eal_init and rte_eal_cleanup (rte_eal.h), as dpdk-proc-info does
    Owns     nothing of the primary. Memory that every secondary allocates on its heap in
             rte_eal_init (tables of services and of lcores) is freed when this closes
    Threads  the calling one becomes an lcore with an id that no worker of the other processes has,
             on CPUs that they leave free, if there are any
    """
    check_name("file prefix", file_prefix, MAX_PREFIX_LENGTH)
    before = os.sched_getaffinity(0)
    with eal.observe(file_prefix) as observer:
        os.sched_setaffinity(0, observer.main_cpus)
        try:
            yield observer
        finally:
            os.sched_setaffinity(0, before)

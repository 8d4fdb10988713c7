"""The clock that every lcore reads without asking anyone: the CPU's time stamp counter."""

from __future__ import annotations

from pydpdk._dpdk import lib


def rdtsc() -> int:
    """Return the cycles that the CPU has counted; in a compiled worker, one instruction.

    Notes
    -----
    Wraps    rte_rdtsc (rte_cycles.h)
    Threads  any
    """
    return int(lib.rte_rdtsc())


def get_tsc_hz() -> int:
    """Return how many of them are a second; 0 before `init`.

    Notes
    -----
    Wraps    rte_get_tsc_hz (rte_cycles.h)
    Threads  any
    """
    return int(lib.rte_get_tsc_hz())

"""The CPU's time stamp counter (TSC), the clock that every lcore reads on its own."""

from __future__ import annotations

from pydpdk._dpdk import lib


def rdtsc() -> int:
    """Return the TSC's cycle count; in a compiled worker, one instruction.

    Notes
    -----
    Wraps    rte_rdtsc (rte_cycles.h)
    Threads  any
    """
    return int(lib.rte_rdtsc())


def get_tsc_hz() -> int:
    """Return the TSC cycles per second; 0 before `init`.

    Notes
    -----
    Wraps    rte_get_tsc_hz (rte_cycles.h)
    Threads  any
    """
    return int(lib.rte_get_tsc_hz())

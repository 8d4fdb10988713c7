"""The DPDK that pydpdk was compiled against, and the one that runs."""

from __future__ import annotations

from pydpdk._dpdk import ffi, lib
from pydpdk.exceptions import VersionError

COMPILED = f"{lib.RTE_VER_YEAR}.{lib.RTE_VER_MONTH:02}.{lib.RTE_VER_MINOR}"
RUNNING = ffi.string(lib.rte_version()).decode().removeprefix("DPDK ").split("-")[0]


def check() -> None:
    """Raise unless the running DPDK has the release whose inline functions are compiled in.

    Raises
    ------
    VersionError
        Not for stable updates of a distribution (22.11.4 to 22.11.11), which keep the ABI.

    Notes
    -----
    Wraps  rte_version (rte_version.h)
    """
    if COMPILED.split(".")[:2] != RUNNING.split(".")[:2]:
        raise VersionError(
            f"pydpdk was compiled against DPDK {COMPILED} and runs on DPDK {RUNNING}:"
            " install it again (pip install --force-reinstall --no-binary pydpdk pydpdk)"
        )

"""Which pydpdk this is, and which DPDK: the one compiled against, and the one running."""

from __future__ import annotations

import importlib.metadata

from pydpdk._dpdk import ffi, lib
from pydpdk.exceptions import VersionError

OWN = importlib.metadata.version("pydpdk")
COMPILED = f"{lib.RTE_VER_YEAR}.{lib.RTE_VER_MONTH:02}.{lib.RTE_VER_MINOR}"
RUNNING = ffi.string(lib.rte_version()).decode().removeprefix("DPDK ").split("-")[0]


def check() -> None:
    """Refuse to run on another DPDK than the one whose inline functions are compiled in.

    Raises
    ------
    VersionError
        A distribution's stable updates (22.11.4 to 22.11.11) keep the ABI and are let through.

    Notes
    -----
    Wraps  rte_version (rte_version.h)
    """
    if COMPILED.split(".")[:2] != RUNNING.split(".")[:2]:
        raise VersionError(
            f"pydpdk was compiled against DPDK {COMPILED} and runs on DPDK {RUNNING}:"
            " install it again (pip install --force-reinstall --no-binary pydpdk pydpdk)"
        )

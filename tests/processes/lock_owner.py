"""A secondary that takes one of DPDK's locks and dies in it: `lock_owner.py PREFIX LOCK HOW`.

DPDK lets a program take some of its locks. The others are words of its shared configuration, found
through the mapping, and of the heap, which each heap block points to.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from pathlib import Path

import pydpdk
from pydpdk.memory import live

MAPS = Path("/proc/self/maps")
FIRST = ("mlock", "qlock", "mplock", "tlock")  # behind magic, version, nchannel, nrank
TAKEN = {"read": 4, "write": 2, "wait": 1, "spin": 1}


def config() -> int:
    """Return where DPDK's shared configuration is mapped."""
    lines = MAPS.read_text().splitlines()
    return next(int(line.split("-")[0], 16) for line in lines if line.endswith("/config"))


def take(lock: str, how: str) -> None:
    """Take a lock that is free."""
    if lock == "map":
        path = next(word for word in MAPS.read_text().split() if "librte_eal.so" in word)
        ctypes.CDLL(path)[f"rte_mcfg_mem_{how}_lock"]()
        return
    address = config() + 16 + 4 * FIRST.index(lock) if lock in FIRST else heap()
    ctypes.c_int32.from_address(address).value = TAKEN[how]


def heap() -> int:
    """Return the address of the heap: its lock comes first, and each block points to the heap."""
    return ctypes.c_uint64.from_address(live.elements()[0].addr).value


def main() -> None:
    """Attach, or be the primary and wait for a line; then take the lock and die, or stay."""
    prefix, lock, how = sys.argv[1:4]
    if "primary" in sys.argv:
        pydpdk.init(file_prefix=prefix, hugepages=True)
        sys.stdout.write("up\n")
        sys.stdout.flush()
        sys.stdin.readline()
    else:
        pydpdk.attach(prefix)
    if "damage" in sys.argv:  # heap blocks cannot be found any more
        broken = live.elements()[1].addr
        take(lock, how)
        ctypes.memset(broken, 0xA5, 64)
    else:
        take(lock, how)
    sys.stdout.write("held\n")
    sys.stdout.flush()
    if "stay" in sys.argv:
        sys.stdin.read()  # until its parent ends
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    main()

"""The transports that `bench_ipc` compares, each as one end in each of two processes.

An end sends and receives `n` messages of `size` bytes in its fastest way, and one message at a time
for round trips. `fixture(name)` makes what both ends share; it is passed to the other process,
where `end` opens it.
"""

from __future__ import annotations

import multiprocessing as mp
import os
import sys
import time
from typing import Any

from ipc_end import End
from ipc_ours import Ours, OursArrays, OursInPlace, OursLists, OursRing, OursSleeping
from ipc_usual import Pipe, Queue, Shared, SharedArrays, Zmq

import pydpdk

ENDS: dict[str, type[End]] = {
    "mp.Queue": Queue, "mp.Pipe": Pipe, "ZeroMQ": Zmq,
    "shared_memory": Shared, "shared_memory, arrays": SharedArrays,
    "channel": Ours, "channel, sleeping": OursSleeping, "channel, lists": OursLists,
    "channel, arrays": OursArrays, "channel, in place": OursInPlace, "ring of values": OursRing,
}  # fmt: skip


def serve(name: str, size: int, shared: Any, control: Any, start: dict[str, Any]) -> None:
    """Run the other process: sink or echo messages as the first one requests."""
    os.sched_setaffinity(0, {start["cpu"]})
    kind = ENDS[name]
    eal = None
    if kind.dpdk:
        options = {k: v for k, v in start.items() if k != "cpu"}
        eal = pydpdk.init(proc_type="secondary", **options)
    end = kind(shared, size, first=False)
    control.send("ready")
    while (asked := control.recv()) is not None:
        what, n = asked
        if what == "sink":
            end.receive_n(1)
            began = time.perf_counter()
            end.receive_n(n - 1)
            control.send(time.perf_counter() - began)
        else:
            for _ in range(n):
                end.receive()
                end.send()
            control.send(0.0)
    end.close()
    if eal is not None:
        eal.close()
    sys.stdout.flush()


def context() -> Any:
    """Spawn processes: an EAL does not survive a fork."""
    return mp.get_context("spawn")

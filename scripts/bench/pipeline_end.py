"""One process of the pipeline of `bench_pipeline`, in Python: it feeds or drains the ring.

The same functions run interpreted and compiled. The answer to each line "BURST PARTS" is
"MEDIAN MEAN CPU": [ns] that a part of the packets took, and how much of the time the process had
its CPU. A part is short, so that in most of them no other program takes a CPU.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

import pydpdk
from pydpdk.cycles import get_tsc_hz, rdtsc

PORTS = ("net_null0", "net_null1")
POOL, PIPE = "bench", "pipe"
FEED = "feed"
PART = 4096  # packets: some times the ring, less than a time slice


@pydpdk.worker
def feed(rxq, ring, burst, marks):  # noqa: ANN001, ANN201  # Numba compiles it
    left = 0
    for i in range(len(marks)):
        marks[i] = rdtsc()
        left += PART
        while left > 0:
            n = rxq.rx(burst)
            left -= n
            while n > 0:
                n -= ring.tx(burst)


@pydpdk.worker
def drain(ring, txq, burst, marks):  # noqa: ANN001, ANN201
    left = 0
    for i in range(len(marks)):
        marks[i] = rdtsc()
        left += PART
        while left > 0:
            n = ring.rx(burst)
            if n > 0:
                burst.swap_macs()
                if txq.tx(burst) < n:
                    burst.free()
                left -= n


@contextmanager
def opened(role: str, mbufs: int, cache: int, size: int) -> Iterator[tuple[Any, Any]]:
    """Yield what `feed` or `drain` takes, which the primary makes and the secondary looks up."""
    rx_port, tx_port = (pydpdk.Port.lookup(name) for name in PORTS)
    if role != FEED:
        yield pydpdk.Ring.lookup(PIPE, element="mbuf"), tx_port.tx_queues[0]
        return
    ring = pydpdk.Ring.create(PIPE, size, element="mbuf", producer="single", consumer="single")
    pool = pydpdk.Mempool.create(POOL, mbufs, cache_size=cache)
    for port in (rx_port, tx_port):
        port.configure(mempool=pool)
        port.start()
    yield rx_port.rx_queues[0], ring
    for port in (rx_port, tx_port):
        port.close()
    ring.close()
    if lost := pool.in_use_count:
        sys.exit(f"{lost} mbufs are lost")
    pool.close()


def serve(
    role: str, compiled: bool, prefix: str, cpu: int, mbufs: int, cache: int, size: int
) -> None:
    """Run what is asked for, line by line."""
    # no two processes may share an lcore. The main lcore sleeps while a worker runs.
    first = 0 if role == FEED else 2
    options: dict[str, Any] = {"lcores": f"{first}@{cpu},{first + 1}@{cpu}"}
    if role == FEED:
        options["vdevs"] = tuple(f"{port},size=64" for port in PORTS)
    else:
        options["proc_type"] = "secondary"
    work = feed if role == FEED else drain
    with (
        pydpdk.init(**options, file_prefix=prefix, hugepages=True, iova_mode="va") as eal,
        eal.pinned(),
        opened(role, mbufs, cache, size) as ends,
    ):
        print("ready", flush=True)
        for line in sys.stdin:
            burst_size, parts = map(int, line.split())
            with pydpdk.Burst(burst_size) as burst:
                print(*timed(run(work, compiled, first + 1, *ends, burst), parts), flush=True)


def run(work: Any, compiled: bool, lcore_id: int, *args: Any) -> Callable[[Any], None]:
    """Make a call that runs a loop to its end, on a worker lcore or here."""
    if compiled:
        return lambda marks: work.launch(*args, marks, lcore_id=lcore_id).result()
    return lambda marks: work.function(*args, marks)


def timed(loop: Callable[[Any], None], parts: int) -> tuple[float, float, float]:
    """[ns] of a part, median and mean, by the loop's marks, and how much of the CPU it had."""
    marks = np.zeros(parts + 2, np.int64)
    wall, cpu = time.perf_counter(), time.process_time()
    loop(marks)
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    # of the first part the ring was full, or the other process was not there yet
    took = np.diff(marks[1:]) * 1e9 / get_tsc_hz()
    return float(np.median(took)), float(took.mean()), cpu / wall

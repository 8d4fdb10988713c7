"""Shared code of the parts of `bench_datapath`: rows, rounds in turn, measuring processes.

A row is a line of a table: what each side measured in each round, or why it could not.
"""

from __future__ import annotations

import json
import re
import struct
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from statistics import median
from typing import Any

import pydpdk
from pydpdk.ethdev.queue import RxQueue, TxQueue

Pairs = Sequence[tuple[RxQueue, TxQueue]]
HERE = Path(__file__).parent
FRAMES = 512  # in the capture that net_pcap replays


def script(name: str) -> Any:
    """Return a script beside this file as a module."""
    loader = SourceFileLoader(name, str(HERE / name))
    spec = spec_from_loader(name, loader)
    assert spec
    module = module_from_spec(spec)
    loader.exec_module(module)
    return module


forward: Any = script("bench_forward")
worker: Any = script("bench_worker")
burst_parts: Any = script("bench_burst")
pool_filter: Any = script("bench_filter")


@dataclass
class Asked:
    """Command line options for each part."""

    rounds: int
    seconds: float
    bursts: Sequence[int] | None
    cpus: Sequence[int]
    packets: int


@dataclass
class Row:
    """One line: samples of each side in the order of their rounds."""

    part: str
    name: str
    unit: str
    samples: dict[str, list[float]] = field(default_factory=dict)
    burst: int | None = None
    base: Sequence[str] = ()
    """The sides that the others are compared with: the best median of them counts."""
    why: dict[str, str] = field(default_factory=dict)
    """Sides that could not be measured here, and why."""
    apart: float | None = None
    """[ns] between the two CPUs, where both are used."""

    def medians(self) -> dict[str, float]:
        return {runner: median(values) for runner, values in self.samples.items() if values}

    def ratios(self) -> dict[str, float]:
        """Return the ratio of each other side to the base."""
        found = self.medians()
        bases = [found[runner] for runner in self.base if runner in found]
        if not bases:
            return {}
        return {
            runner: value / max(bases) for runner, value in found.items() if runner not in self.base
        }

    def as_dict(self) -> dict[str, Any]:
        return {**asdict(self), "medians": self.medians(), "ratios": self.ratios()}


Side = Callable[[], float]


def rounds(asked: Asked, rows: Sequence[tuple[Row, dict[str, Side]]]) -> list[Row]:
    """Measure every side of every row once, then all again: other load affects all alike."""
    for _ in range(asked.rounds):
        for row, sides in rows:
            for runner, side in sides.items():
                if runner in row.why:
                    continue
                try:
                    row.samples.setdefault(runner, []).append(side())
                except UnmeasuredError as reason:
                    row.samples.pop(runner, None)
                    row.why[runner] = str(reason)
    return [row for row, _ in rows]


class UnmeasuredError(Exception):
    """A side that this machine cannot run, with the reason."""


def apart(task: str, *args: Any) -> Any:
    """Run a task of `bench_datapath --measure` in its own process; return its output."""
    argv = [sys.executable, str(HERE / "bench_datapath"), "--measure"]
    asked = json.dumps([task, forward.PREFIX, *args])
    with forward.started([*argv, asked]) as process:
        out, _ = process.communicate()
    if process.returncode:
        raise UnmeasuredError(reason_in(out))
    return json.loads(out.splitlines()[-1])


def reason_in(said: str) -> str:
    """Return the line of a traceback that names the error, else the last line."""
    lines = [line.strip() for line in said.splitlines() if line.strip()] or ["it said nothing"]
    named = [line for line in lines if re.match(r"[\w.]+Error: ", line)]
    return (named or lines)[-1].replace(f"{HERE.parents[1]}/", "")


@contextmanager
def ports(
    prefix: str, vdevs: Sequence[str], lcores: str, pools: int = 1, keeps: bool = False
) -> Iterator[list[pydpdk.Port]]:
    """Start an EAL and its ports, with the same pool as testpmd, and end it.

    `keeps` is for drivers that keep mbufs after close, as net_af_xdp keeps those of its fill queue:
    for all others every mbuf must be returned.
    """
    with pydpdk.init(
        lcores=lcores, vdevs=tuple(vdevs), file_prefix=prefix, hugepages=True, iova_mode="va"
    ):
        memory = [
            pydpdk.Mempool.create(f"bench{i}", forward.MBUFS, cache_size=forward.CACHE)
            for i in range(pools)
        ]
        found = [pydpdk.Port.lookup(vdev.split(",")[0]) for vdev in vdevs]
        for i, port in enumerate(found):
            port.configure(mempool=memory[i % pools])
            port.start()
        yield found
        for port in found:
            port.close()
        for pool in memory:
            if (lost := pool.in_use_count) and not keeps:
                sys.exit(f"{lost} mbufs of {pool.name} are lost")
            pool.close(force=keeps)


def hops(found: Sequence[pydpdk.Port]) -> Pairs:
    """Forward a to b and b to a, as testpmd pairs its ports."""
    a, b = found
    return ((a.rx_queues[0], b.tx_queues[0]), (b.rx_queues[0], a.tx_queues[0]))


def timed(loop: Callable[[], int], seconds: float) -> tuple[int, float]:
    """Repeat a loop; return the sum of its results and the CPU time of this thread [s]."""
    count, end, began = 0, time.perf_counter() + seconds, time.thread_time()
    while time.perf_counter() < end:
        count += loop()
    return count, time.thread_time() - began


def write_pcap(path: Path, frames: Sequence[bytes]) -> None:
    """Write Ethernet frames as a capture."""
    with path.open("wb") as file:
        file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
        for i, frame in enumerate(frames):
            file.write(struct.pack("<IIII", 0, i, len(frame), len(frame)) + frame)


@contextmanager
def capture() -> Iterator[Path]:
    """Write the packets that all sides receive, into a temporary file."""
    path = Path(worker.CAPTURE).with_suffix(".udp.pcap")
    write_pcap(path, [burst_parts.packet(i) for i in range(FRAMES)])
    try:
        yield path
    finally:
        path.unlink()


def replaying(path: Path) -> tuple[str, str]:
    """Return two ports that receive a capture in a loop, and drop what they send."""
    return (f"net_pcap0,rx_pcap={path},infinite_rx=1", f"net_pcap1,rx_pcap={path},infinite_rx=1")

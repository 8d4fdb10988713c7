"""The cost of a burst by part, the gain of a second lcore, and Python objects per packet."""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from datapath_bench import (
    Asked,
    Row,
    apart,
    burst_parts,
    capture,
    forward,
    hops,
    ports,
    replaying,
    rounds,
    worker,
)
from datapath_forward import COLUMNS, columns_loop
from two_cores import Group, Round, TwoCores, by_distance

import pydpdk

SPLIT = {
    "crossing": "crossing",
    "eight columns": "eight columns, bound",
    "numpy filter": "the same, into arrays that are there",
    "keep": "keep, all of a mask",
    "swap_macs": "swap_macs",
    "compute_checksums": "compute_checksums",
}


def cost(asked: Asked) -> list[Row]:
    """Split the cost of a burst; each part except numpy's includes the call into C."""
    rows = []
    for size in asked.bursts or (1, 2, 4, 8, 16, 32, 64, 128, 256, 512):
        row = Row("cost", "a burst", "ns", burst=size)
        for _ in range(asked.rounds):
            for part, ns in apart("cost", size, asked.cpus[1], asked.seconds).items():
                row.samples.setdefault(part, []).append(ns)
        rows.append(row)
    return rows


def burst_costs(prefix: str, size: int, cpu: int, seconds: float) -> dict[str, float]:
    """Time the parts on a burst of UDP packets that stay in the cache; return [ns] a call."""
    with (
        ports(prefix, (), f"0@{cpu}"),
        pydpdk.Burst(size) as burst,
        pydpdk.Burst(1) as empty,
        pydpdk.Mempool.create("packets", 1023) as pool,
        pydpdk.Hash("sources", "u4") as table,
    ):
        burst.alloc(pool)
        burst.fill([burst_parts.packet(i) for i in range(size)])
        calls: dict[str, Callable[[], object]] = {"crossing": empty.free}
        calls.update(burst_parts.parts(burst, table, size))
        again = max(2, int(seconds * 100))
        found = {name: burst_parts.best(calls[call], again) for name, call in SPLIT.items()}
        burst.free()
    return found


def scaling(asked: Asked) -> list[Row]:
    """Compare one forwarding lcore with two, each between its own pair of ports.

    A line for each distance of the CPUs at which there were rounds.
    """
    sizes = asked.bursts or (64,)
    cores = TwoCores(asked.cpus)
    found: dict[int, list[Round[Row]]] = {size: [] for size in sizes}
    for i in range(asked.rounds):
        for size in sizes:
            label = f"scaling, burst {size}, round {i + 1}"
            found[size].append(cores.round(label, partial(scaling_round, size, asked)))
    return [joined(group) for rounds_ in found.values() for group in by_distance(rounds_)]


def scaling_round(size: int, asked: Asked) -> Row:
    row = Row("scaling", "macswap", "Mpps", burst=size, base=("1 lcore",))
    sides = {
        f"{n} lcore{'s' * (n > 1)}": scaled(n, size, asked.cpus, asked.seconds) for n in (1, 2)
    }
    return rounds(replace(asked, rounds=1), [(row, sides)])[0]


def joined(group: Group[Row]) -> Row:
    """Put the rounds of one distance into one row."""
    first, *others = group.found
    for other in others:
        first.why |= other.why
        for runner, values in other.samples.items():
            first.samples.setdefault(runner, []).extend(values)
    return replace(first, apart=group.ns)


def scaled(n: int, size: int, cpus: Sequence[int], seconds: float) -> Callable[[], float]:
    return lambda: float(apart("lcores", n, size, list(cpus), seconds))


def on_lcores(prefix: str, n: int, size: int, cpus: Sequence[int], seconds: float) -> float:
    """Run a worker on each of n lcores; return the sum of their rates by CPU time [Mpps]."""
    vdevs = tuple(f"net_null{i},size=64" for i in range(2 * n))
    # the main lcore sleeps on the CPU of the second worker
    lcores = ",".join([f"0@{cpus[0]}", *(f"{i + 1}@{cpus[1 - i]}" for i in range(n))])
    with ports(prefix, vdevs, lcores, pools=n) as found:
        bursts = [pydpdk.Burst(size) for _ in range(n)]
        # `ports` assigns the pools in turn: the two ports of a pair share one
        pairs = [found[i::n] for i in range(n)]
        jobs = [
            worker.macswap.launch(hops(pair), burst, lcore_id=i + 1)
            for i, (pair, burst) in enumerate(zip(pairs, bursts, strict=True))
        ]
        rate = worker_rates(lambda: sum(port.stats().ipackets for port in found), seconds)
        for job in jobs:
            job.cancel()
            job.result()
        for burst in bursts:
            burst.close()
    return rate


def worker_rates(received: Callable[[], int], seconds: float) -> float:
    """[Mpps] of all worker lcores of this process: packets by their mean CPU time."""
    tasks = Path("/proc/self/task").iterdir()
    clocks = [task / "schedstat" for task in tasks if "worker" in (task / "comm").read_text()]

    def cpu_ns() -> int:
        return sum(int(clock.read_text().split()[0]) for clock in clocks)

    time.sleep(min(forward.WARM_UP, seconds))
    began, before = cpu_ns(), received()
    time.sleep(seconds)
    took, after = cpu_ns() - began, received()
    # lcores that did not run are not counted: only one with a CPU can be slow
    running = [clock for clock in clocks if int(clock.read_text().split()[0]) > 1e6]
    return (after - before) * 1e3 / (took / len(running))


def objects(asked: Asked) -> list[Row]:
    """Count the Python objects that stay, and their maximum, for a tenth and for all packets."""
    rows = []
    with capture() as path:
        for program in COLUMNS[1:]:  # the first one makes an object per packet
            row = Row("objects", program, "blocks", burst=256)
            for share in (10, 1):
                n = max(1, asked.packets // share)
                seen = apart("objects", program, n, list(replaying(path)), asked.cpus[1])
                row.samples[f"{seen['packets']:,} packets"] = [seen["blocks"]]
                row.samples[f"peak [KiB] of {seen['packets']:,}"] = [seen["peak"] / 1024]
            rows.append(row)
    return rows


def traced(prefix: str, program: str, n: int, vdevs: Sequence[str], cpu: int) -> dict[str, int]:
    """Let a loop receive n packets; return how many more blocks Python has than before."""
    with ports(prefix, vdevs, f"0@{cpu}") as found, pydpdk.Burst(256) as burst:
        step, count = columns_loop(burst, hops(found), program), 0
        count_before = step()
        tracemalloc.start()
        before = len(tracemalloc.take_snapshot().traces)
        tracemalloc.reset_peak()
        _, peak_before = tracemalloc.get_traced_memory()
        while count < n:
            count += step()
        _, peak = tracemalloc.get_traced_memory()
        after = len(tracemalloc.take_snapshot().traces)
        tracemalloc.stop()
        received = sum(port.stats().ipackets for port in found)
        if count_before + count != received:
            raise SystemExit(f"the loop counted {count_before + count} packets, ports {received}")
        return {"packets": count, "blocks": after - before, "peak": peak - peak_before}

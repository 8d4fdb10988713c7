"""Forwarding on one core, beside testpmd: compiled workers, interpreted bursts, columns, numpy."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from datapath_bench import (
    Asked,
    Pairs,
    Row,
    Side,
    UnmeasuredError,
    apart,
    burst_parts,
    capture,
    forward,
    hops,
    pool_filter,
    ports,
    reason_in,
    replaying,
    rounds,
    timed,
    worker,
)

import pydpdk

AGAIN = "testpmd again"
"""The first testpmd a second time in each round: how far it is from itself."""
TRIES = 5
STEPS = 200  # [bursts] for each hop between two looks at the clock
PROTO_UDP = 17
COLUMNS = ("packets", "rx+tx", "columns", "filter, drop", "where, drop")


def reached(measure: Callable[..., float], *args: Any) -> Side:
    """Turn a measurement of another script into one that says why it did not work."""

    def side() -> float:
        for _ in range(TRIES):
            try:
                return measure(*args)
            except ZeroDivisionError:
                continue  # another process had the CPU all the time
            except SystemExit as reason:
                # a separate process reports it as text
                if "ZeroDivisionError" not in (why := reason_in(str(reason))):
                    raise UnmeasuredError(why) from None
        raise UnmeasuredError("its lcore got no CPU time")

    return side


def workers(asked: Asked) -> list[Row]:
    """Compare compiled workers with testpmd: the same work on the same ports, core and burst."""
    rows: list[tuple[Row, dict[str, Side]]] = []
    for mode, ours in worker.MODES.items():
        for size in asked.bursts or (32, 64, 128):
            row = Row("workers", mode, "Mpps", burst=size, base=forward.TESTPMD)
            common = (size, asked.cpus, asked.seconds)
            sides = {
                runner: reached(worker.measure, runner, mode, *common)
                for runner in (*forward.TESTPMD, *ours)
            }
            sides[AGAIN] = reached(worker.measure, forward.TESTPMD[0], mode, *common)
            rows.append((row, sides))
    worker.write_capture(worker.CAPTURE)
    try:
        return rounds(asked, rows)
    finally:
        worker.CAPTURE.unlink()


def testpmd(runner: str, mode: str, size: int, asked: Asked, vdevs: Sequence[str]) -> Side:
    """Measure testpmd between two ports, by the CPU time of its lcore [Mpps]."""

    def measure() -> float:
        cache = int(runner.partition("/")[2])
        with forward.forwarding(cache, mode, size, asked.cpus, vdevs) as (pid, peer):
            return float(worker.rate(pid, lambda: forward.received(peer), asked.seconds))

    return reached(measure)


def our(program: str, size: int, asked: Asked, vdevs: Sequence[str]) -> Side:
    """Measure one of our loops between the same ports, by the CPU time of its thread [Mpps]."""

    def measure() -> float:
        seen = apart("loop", program, size, list(vdevs), asked.cpus[1], asked.seconds)
        return float(seen["mpps"])

    return measure


def interpreted(asked: Asked) -> list[Row]:
    """Compare loops in interpreted Python with testpmd, where Python sees only bursts."""
    rows: list[tuple[Row, dict[str, Side]]] = []
    for mode in ("io", "macswap"):
        for size in asked.bursts or (32, 64, 128, 256, 512):
            row = Row("interpreted", mode, "Mpps", burst=size, base=forward.TESTPMD)
            sides = {
                runner: testpmd(runner, mode, size, asked, forward.VDEVS)
                for runner in forward.TESTPMD
            }
            for program in ("rx+tx", "2 hops", "8 hops"):
                sides[program] = our(f"{mode} {program}", size, asked, forward.VDEVS)
            rows.append((row, sides))
    return rounds(asked, rows)


def columns(asked: Asked) -> list[Row]:
    """Compare loops that read real headers with testpmd, which does not, on the same ports."""
    rows: list[tuple[Row, dict[str, Side]]] = []
    with capture() as path:
        vdevs = replaying(path)
        for size in asked.bursts or (64, 128, 256, 512):
            row = Row("columns", "real headers", "Mpps", burst=size, base=forward.TESTPMD)
            sides = {
                runner: testpmd(runner, "io", size, asked, vdevs) for runner in forward.TESTPMD
            }
            for program in COLUMNS:
                sides[program] = our(program, size, asked, vdevs)
            rows.append((row, sides))
        rows += [null_filter(size, asked) for size in asked.bursts or (128, 256, 512, 1024)]
        return rounds(asked, rows)


def null_filter(size: int, asked: Asked) -> tuple[Row, dict[str, Side]]:
    """Compare the filter with testpmd's io between net_null ports, with the headers in the pool.

    By the wall clock on both sides.
    """
    row = Row("columns", "headers in the pool", "Mpps", burst=size, base=forward.TESTPMD)
    theirs = min(size, forward.TESTPMD_BURST_MAX)
    sides = {
        runner: reached(
            forward.testpmd, int(runner.partition("/")[2]), "io", theirs, asked.cpus, asked.seconds
        )
        for runner in forward.TESTPMD
    }
    sides["filter, drop"] = reached(
        lambda: float(pool_filter.ours(size, asked.cpus[1], asked.seconds)[0])
    )
    return row, sides


def sent(n: int, txq: Any, burst: pydpdk.Burst) -> int:
    """Send a burst, free what the port did not take; return how many packets it had."""
    if txq.tx(burst) < n:
        burst.free()
    return n


def packets(burst: pydpdk.Burst, pairs: Pairs) -> int:
    """Forward once in each direction, reading each packet as bytes."""
    count = 0
    for rxq, txq in pairs:
        n = rxq.rx(burst)
        for i in range(n):
            packet = burst.bytes(i)
            assert packet[12:14] == b"\x08\0" and packet[23] == PROTO_UDP
        count += sent(n, txq, burst)
    return count


def columns_loop(burst: pydpdk.Burst, pairs: Pairs, program: str) -> Callable[[], int]:
    """Make the loop of a program of `COLUMNS`; it returns the packets received."""
    look = burst.columns.bind(*burst_parts.EIGHT)

    def io() -> int:
        return sum(sent(rxq.rx(burst), txq, burst) for _ in range(STEPS) for rxq, txq in pairs)

    def eight() -> int:
        count = 0
        for _ in range(STEPS):
            for rxq, txq in pairs:
                n = rxq.rx(burst)
                look()
                count += sent(n, txq, burst)
        return count

    def filtered(make: Callable[..., Callable[[], int]]) -> Callable[[], int]:
        ways = [make(rxq.rx, txq.tx, burst) for rxq, txq in pairs]

        def run() -> int:
            for _ in range(STEPS):
                for way in ways:
                    way()
            return STEPS * len(ways) * burst.capacity

        return run

    loops = (
        partial(packets, burst, pairs), io, eight,
        filtered(pool_filter.filtering), filtered(pool_filter.selecting),
    )  # fmt: skip
    return dict(zip(COLUMNS, loops, strict=True))[program]


def counted(loop: Callable[[], None], found: Sequence[pydpdk.Port]) -> Callable[[], int]:
    """Make a loop that counts nothing return what the ports have received."""
    seen = 0

    def run() -> int:
        nonlocal seen
        loop()
        before, seen = seen, sum(port.stats().ipackets for port in found)
        return seen - before

    return run


def loop(
    prefix: str, program: str, size: int, vdevs: Sequence[str], cpu: int, seconds: float
) -> dict[str, float]:
    """Run one of our loops in this process; return its rate, and check its count with the ports."""
    with ports(prefix, vdevs, f"0@{cpu}") as found, pydpdk.Burst(size) as burst:
        if program in COLUMNS:
            step = columns_loop(burst, hops(found), program)
        else:
            mode, _, kind = program.partition(" ")
            make = forward.LOOPS[kind]
            step = counted(make(burst, hops(found), mode), found)
        warm, _ = timed(step, min(forward.WARM_UP, seconds))
        count, took = timed(step, seconds)
        received = sum(port.stats().ipackets for port in found)
        if warm + count != received:
            raise SystemExit(f"the loop counted {warm + count} packets, the ports {received}")
        passed = sum(port.stats().opackets for port in found)
        return {"mpps": count / took / 1e6, "received": received, "sent": passed}


def parse_with_columns(prefix: str, path: str, cpu: int, seconds: float) -> float:
    """Receive a capture and take eight columns of each burst of 256; return [packets/s]."""
    seen = loop(prefix, "columns", 256, replaying(Path(path)), cpu, seconds)
    return seen["mpps"] * 1e6

"""Figures of `dpdk-test` for rings and mempools, for scripts/bench/bench_memory."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable

from pydpdk.host import runtime

Figures = dict[tuple[str, int], float]  # [ns] of a call, by operation and objects


def dpdk_test(name: str, cpu: int, wanted: Callable[[str], bool]) -> str:
    """Run a test of `dpdk-test` on our core until it ends or has printed what is wanted."""
    prefix = f"bench-test-{os.getpid()}"
    eal = [f"--lcores=0@{cpu}", "--no-pci", "--iova-mode=va", "--no-telemetry", "-m", "64"]
    process = subprocess.Popen(
        ["stdbuf", "-oL", "dpdk-test", *eal, f"--file-prefix={prefix}"],
        env={**os.environ, "DPDK_TEST": name}, text=True, errors="replace",
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    said = ""
    try:
        assert process.stdout
        for line in process.stdout:
            said += line
            if wanted(said):
                return said
        sys.exit(f"dpdk-test {name} did not say what is wanted:\n{said[-2000:]}")
    finally:
        process.kill()
        process.wait()
        runtime.clean_up(prefix)


def ring_perf(cpu: int, hz: int) -> Figures:
    """Return [ns] of a call of ring_perf_autotest: pointers, one core, bulk."""
    said = dpdk_test("ring_perf_autotest", cpu, lambda said: "Testing empty" in said)
    # from 24.11 "legacy APIs - SP/SC - bulk (n:8  ) - cycles per elem: 1.234", before
    # "legacy APIs: SP/SC: bulk (size: 8): 9.87": cycles of a call
    rows = (
        r"legacy APIs(?: -|:) (SP/SC|MP/MC)(?: -|:) (?:single|bulk \((?:size: |n:)(\d+) *\))"
        r"(: | - cycles per elem: )([\d.]+)\n"
    )
    names = {"SP/SC": "ring single", "MP/MC": "ring multi"}
    return {
        (names[sync], n): float(cycles) * (n if "elem" in unit else 1) / 2 / hz * 1e9
        for sync, size, unit, cycles in re.findall(rows, said)
        if (n := int(size or 1)) <= 32  # more of them from 24.11
    }


def mempool_perf(cpu: int, counts: list[int]) -> Figures:
    """Return [ns] of a call of mempool_perf_autotest: one core, no cache, equal gets and puts.

    None from DPDK 25.11, which gets and puts up to `n_max_bulk` objects in a call.
    """
    rows = r"cache=0 cores=1 n_get_bulk={0} n_put_bulk={0} n_keep=32 constant_n=0 rate_persec=(\d+)"
    patterns = {n: re.compile(rows.format(n)) for n in counts}
    said = dpdk_test(
        "mempool_perf_autotest", cpu,
        lambda said: "n_max_bulk=" in said or all(p.search(said) for p in patterns.values()),
    )  # fmt: skip
    found = {n: p.search(said) for n, p in patterns.items()}
    return {("pool", n): n * 1e9 / int(row[1]) / 2 for n, row in found.items() if row}

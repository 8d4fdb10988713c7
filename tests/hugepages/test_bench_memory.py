"""`scripts/bench/bench_memory` measures what it should, beside `dpdk-test`."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pydpdk.version import RUNNING

SCRIPT = Path(__file__).parents[2] / "scripts/bench/bench_memory"
OPERATIONS = {
    "ring single",
    "ring multi",
    "ring rts",
    "pool",
    "pool cached",
    "pool checked",
    "mbuf",
}


@pytest.mark.hugepages
def test_every_operation_is_measured_three_times_and_by_dpdk_test(tmp_path):
    if shutil.which("dpdk-test") is None:
        pytest.skip("dpdk-test is not installed (Debian: apt install dpdk-dev)")
    file = tmp_path / "figures.json"
    command = [sys.executable, SCRIPT, "--rounds", "2", "--tests", "1", "--counts", "1", "1024"]
    done = subprocess.run(
        [*command, "--mempool-counts", "1", "--json", file], capture_output=True, text=True,
        timeout=200, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    figures = json.loads(file.read_text())
    cases = {(case["name"], case["n"]): case["ns"] for case in figures["cases"]}
    assert set(cases) == {(name, n) for name in OPERATIONS for n in (1, 1024)} | {("nothing", 1)}
    for ns in cases.values():
        assert set(ns) == {"C", "our C", "Python"}
        assert all(len(samples) == 2 and min(samples) > 0 for samples in ns.values())
    tested = {(row["name"], row["n"]) for row in figures["dpdk-test"]}
    rings = {(f"ring {sync}", n) for sync in ("single", "multi") for n in (1, 8, 32)}
    same_bulks = tuple(map(int, RUNNING.split(".")[:2])) < (25, 11)
    assert tested == rings | ({("pool", 1)} if same_bulks else set())
    assert "ring rts: a crossing costs" in done.stdout

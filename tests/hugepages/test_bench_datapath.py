"""`scripts/bench/bench_datapath` measures in each part what it should: rows, sides, counts."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

SCRIPTS = Path(__file__).parents[2] / "scripts" / "bench"
TESTPMD = {"testpmd/512", "testpmd/250"}
LOOPS = TESTPMD | {"rx+tx", "2 hops", "8 hops"}
BY_BURST = {
    "interpreted": {"io": LOOPS, "macswap": LOOPS},
    "columns": {
        "real headers": TESTPMD | {"packets", "rx+tx", "columns", "filter, drop", "where, drop"},
        "headers in the pool": TESTPMD | {"filter, drop"},
    },
    "cost": {
        "a burst": {
            "crossing", "eight columns", "numpy filter", "keep", "swap_macs", "compute_checksums",
        },
    },
    "scaling": {"macswap": {"1 lcore", "2 lcores"}},
}  # fmt: skip
"""Parts, their rows, and the sides that each has."""

pytestmark = [
    pytest.mark.hugepages,
    pytest.mark.skipif(shutil.which("dpdk-testpmd") is None, reason="needs dpdk-testpmd"),
    pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="needs two CPUs"),
]


def bench(tmp_path: Path, *parts: str, more: tuple[str, ...] = ()) -> list[dict[str, Any]]:
    """Run parts with tiny rounds; return their rows."""
    file = tmp_path / "rows.json"
    argv = [sys.executable, SCRIPTS / "bench_datapath", "--parts", *parts, "--rounds", "1"]
    argv += ["--seconds", "0.05", "--json", file, *more]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stdout + done.stderr
    rows: list[dict[str, Any]] = json.loads(file.read_text())
    return rows


@pytest.mark.parametrize("part", BY_BURST)
def test_each_side_is_measured_and_compared(tmp_path: Path, part: str):
    rows = bench(tmp_path, part, more=("--bursts", "64"))
    assert [row["name"] for row in rows] == [*BY_BURST[part]]
    for row in rows:
        assert row["part"] == part and row["burst"] == 64
        assert set(row["samples"]) == BY_BURST[part][row["name"]] and row["why"] == {}
        assert (row["apart"] is not None) == (part == "scaling")
        assert all(len(values) == 1 and values[0] > 0 for values in row["samples"].values())
        best = max((row["medians"][runner] for runner in row["base"]), default=None)
        for runner, ratio in row["ratios"].items():
            assert ratio == pytest.approx(row["medians"][runner] / best)


def test_workers_and_testpmd_twice_are_measured(tmp_path: Path):
    rows = bench(tmp_path, "workers", more=("--bursts", "64"))
    assert [row["name"] for row in rows] == ["io", "mac", "macswap", "csum"]
    for row in rows:
        sides = {*row["samples"], *row["why"]}
        assert sides >= TESTPMD | {row["name"], "testpmd again"}
        assert row["why"] == {}


@pytest.mark.net_admin
@pytest.mark.skipif(os.geteuid() != 0, reason="makes network interfaces: needs root")
@pytest.mark.skipif(shutil.which("ip") is None, reason="needs ip, from iproute2")
def test_other_libraries_see_the_same_packets_or_say_why_not(tmp_path: Path):
    before = set(Path("/sys/class/net").glob("bdp*"))
    rows = {row["name"]: row for row in bench(tmp_path, "others")}
    assert set(rows) == {"parse", "send", "receive"}
    assert rows["parse"]["medians"]["Scapy"] < rows["parse"]["medians"]["pydpdk columns"]
    for row in rows.values():
        assert set(row["why"]) <= {"pydpdk af_xdp"}  # only some kernels and DPDK builds have it
        assert all(row["why"].values())
    assert set(Path("/sys/class/net").glob("bdp*")) == before


def test_packets_make_no_python_objects(tmp_path: Path):
    rows = bench(tmp_path, "objects", more=("--packets", "1000000"))
    assert [row["name"] for row in rows] == ["rx+tx", "columns", "filter, drop", "where, drop"]
    for row in rows:
        few, _, many, _ = row["samples"]
        assert int(many.split()[0].replace(",", "")) >= 1_000_000
        assert int(few.split()[0].replace(",", "")) <= 250_000
        # 100,000 blocks, or 5,000 KiB, if packets made objects; the EAL's own thread makes some
        assert all(values[0] < 1000 for values in row["samples"].values())


def test_tables_and_plots_replace_those_of_a_document(tmp_path: Path):
    begin, end = "<!-- bench_datapath: begin -->", "<!-- bench_datapath: end -->"
    document = tmp_path / "performance.md"
    document.write_text(f"before\n{begin}\nold\n{end}\nafter\n")
    for _ in range(2):
        bench(tmp_path, "cost", more=("--bursts", "1", "32", "--write", str(document)))
    text = document.read_text()
    assert text.startswith(f"before\n{begin}\n") and text.endswith(f"{end}\nafter\n")
    assert "old" not in text and text.count("burst 32") == 1
    assert "(datapath-cost.svg)" in text
    assert "<svg" in (tmp_path / "datapath-cost.svg").read_text()


def test_a_document_without_a_place_for_tables_is_not_changed(tmp_path: Path):
    document = tmp_path / "other.md"
    document.write_text("text\n")
    argv = [sys.executable, SCRIPTS / "bench_datapath", "--write", document]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60)
    assert done.returncode and "bench_datapath: begin" in done.stderr
    assert document.read_text() == "text\n"

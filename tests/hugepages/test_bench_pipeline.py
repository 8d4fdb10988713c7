"""`scripts/bench/bench_pipeline` measures every way beside C, at a known distance of the CPUs."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parents[2] / "scripts" / "bench"

pytestmark = [
    pytest.mark.hugepages,
    pytest.mark.skipif(shutil.which("cc") is None, reason="needs a C compiler"),
    pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="needs two CPUs"),
]


def test_every_way_is_measured_and_compared_with_c_at_the_same_distance(tmp_path: Path):
    file = tmp_path / "rounds.json"
    argv = [sys.executable, SCRIPTS / "bench_pipeline", "--rounds", "2", "--bursts", "16", "256"]
    done = subprocess.run(
        [*argv, "--seconds", "0.02", "--json", file], capture_output=True, text=True, timeout=240
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(file.read_text())
    assert [one["burst"] for one in found["rounds"]] == [16, 16, 256, 256]
    for one in found["rounds"]:
        assert one["before"] > 0 and one["after"] > 0
        assert set(one["found"]) == {"C", "interpreted", "compiled"}
        for way in one["found"].values():
            assert way["mpps"] > 0 and 0 < way["cpu"] <= 1.05
        assert f"burst {one['burst']}: {one['before']:.0f} ns apart" in done.stdout
    for line in found["compared"]:
        assert line["medians"].keys() - line["ratios"].keys() == {"C"}
        for way, ratio in line["ratios"].items():
            assert ratio == pytest.approx(line["medians"][way] / line["medians"]["C"])
    distances = [sorted((one["before"], one["after"])) for one in found["rounds"]]
    steady = sum(far <= 1.25 * near for near, far in distances)
    assert sum(line["rounds"] for line in found["compared"]) == steady

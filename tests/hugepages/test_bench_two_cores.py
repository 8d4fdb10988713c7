"""Benchmarks on two CPUs know how far apart these are, and compare only what may be compared."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parents[2] / "scripts" / "bench"


def test_only_rounds_of_the_same_distance_are_compared(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.syspath_prepend(str(SCRIPTS))
    from two_cores import Round, by_distance

    rounds = [Round(165, 160, "far"), Round(26, 27, "near"), Round(26, 165, "changed"),
              Round(30, 29, "near too"), Round(36, 37, "between")]  # fmt: skip
    groups = by_distance(rounds)
    assert [group.found for group in groups] == [["near", "near too"], ["between"], ["far"]]
    assert [group.ns for group in groups] == [28, 36.5, 162.5]
    assert by_distance(rounds[2:3]) == []


@pytest.mark.skipif(shutil.which("cc") is None, reason="needs a C compiler")
@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="needs two CPUs")
def test_the_distance_of_two_cpus_is_timed(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.syspath_prepend(str(SCRIPTS))
    from two_cores import TwoCores

    cores = TwoCores(sorted(os.sched_getaffinity(0)))
    assert 1 < cores.distance() < 100_000
    with pytest.raises(SystemExit, match="no thread can run on CPU 1023"):
        cores.cpus = (1023, cores.cpus[1])
        cores.distance()

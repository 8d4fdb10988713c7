"""Measure on two CPUs only while they stay equally far apart.

The time until one CPU sees what another one stored can change while a benchmark runs: a host moves
its virtual CPUs, so they are on one core now and on two sockets later. Every figure of two CPUs
changes with it. So a ping-pong of one cache line is timed before and after each round, and only
rounds of the same distance are compared.
"""

from __future__ import annotations

import ctypes
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Generic, TypeVar

from c_programs import compile_c

SAME = 1.25  # distances that differ by less are the same
TRIES = 3  # a round during which the distance changed is measured again

Found = TypeVar("Found")


@dataclass
class Round(Generic[Found]):
    """A round's result, and [ns] between the CPUs before and after it."""

    before: float
    after: float
    found: Found

    @property
    def steady(self) -> bool:
        """Whether the distance did not change."""
        return max(self.before, self.after) <= SAME * min(self.before, self.after)

    @property
    def ns(self) -> float:
        return (self.before + self.after) / 2


@dataclass
class Group(Generic[Found]):
    """The rounds of one distance [ns]."""

    ns: float
    found: list[Found]

    def __str__(self) -> str:
        return f"{self.ns:.0f} ns apart, {len(self.found)} round{'s' * (len(self.found) > 1)}"


class TwoCores:
    """Two CPUs, and how far apart they are."""

    def __init__(self, cpus: Sequence[int]) -> None:
        self.cpus = tuple(cpus[:2])
        with tempfile.TemporaryDirectory() as folder:
            made = compile_c(
                Path(__file__).with_suffix(".c"), Path(folder) / "two_cores.so",
                "-shared", "-fPIC", "-pthread", dpdk=False,
            )  # fmt: skip
            self._ping_pong = ctypes.CDLL(str(made)).ping_pong
        self._ping_pong.restype = ctypes.c_double

    def distance(self) -> float:
        """[ns] from a store of one CPU until the other has seen it."""
        ns = float(self._ping_pong(*self.cpus))
        if ns < 0:
            sys.exit(f"no thread can run on CPU {self.cpus[0]} or {self.cpus[1]}")
        return ns

    def round(self, label: str, measure: Callable[[], Found]) -> Round[Found]:
        """Measure a round; again, at most `TRIES` times, if the distance has changed meanwhile."""
        for _ in range(TRIES):
            before = self.distance()
            found = measure()
            done = Round(before, self.distance(), found)
            changed = "" if done.steady else ": the distance changed, not compared"
            print(
                f"{label}: {done.before:.0f} ns apart, then {done.after:.0f}{changed}", flush=True
            )
            if done.steady:
                break
        return done


def by_distance(rounds: Sequence[Round[Found]]) -> list[Group[Found]]:
    """Group the rounds that may be compared with each other, the nearest first."""
    groups: list[list[Round[Found]]] = []
    for done in sorted((each for each in rounds if each.steady), key=lambda each: each.ns):
        if groups and done.ns <= SAME * groups[-1][0].ns:
            groups[-1].append(done)
        else:
            groups.append([done])
    return [Group(median(each.ns for each in g), [each.found for each in g]) for g in groups]

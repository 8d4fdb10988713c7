"""Meters: each flow has its own bucket, with its own size and rate."""

from __future__ import annotations

import time

import numpy as np
import pytest

from pydpdk import Eal, Meter
from pydpdk.tables.meter import Color

GREEN, YELLOW, RED = Color.GREEN, Color.YELLOW, Color.RED


def test_a_bucket_is_green_then_yellow_then_red(eal: Eal):
    """rte_meter_srtcm_color_blind_check."""
    meter = Meter(1, 300, 200, n=4)
    assert meter.color(np.zeros(8, int), 100).tolist() == [GREEN] * 3 + [YELLOW] * 2 + [RED] * 3


def test_each_flow_has_its_own_bucket(eal: Eal):
    meter = Meter(1, 100, n=4)
    assert meter.color([0, 1, 0, 3, 1], 100).tolist() == [GREEN, GREEN, RED, GREEN, RED]


def test_a_bucket_fills_at_its_rate(eal: Eal):
    """In bytes per second, measured over a tenth of a second."""
    meter = Meter(100_000, 100_000, n=1)
    times = [time.perf_counter()]
    assert meter.color([0], 100_000).tolist() == [GREEN]
    times.append(time.perf_counter())
    time.sleep(0.1)
    times.append(time.perf_counter())
    colors = meter.color(np.zeros(50_000, int), 1)
    times.append(time.perf_counter())
    least, most = times[2] - times[1], times[3] - times[0]
    assert 99_000 * least - 1 <= (colors == GREEN).sum() <= 101_000 * most + 1


@pytest.mark.parametrize(
    ("arguments", "options"),
    [
        ((0, 1), {}), ((10**12 + 1, 1), {}), ((1, 0, 0), {}), ((1, -1), {}), ((1, 1 << 61), {}),
        ((1, 1), {"n": 0}), ((1, 1), {"n": 1 << 25}),
    ],
)  # fmt: skip
def test_an_invalid_meter_raises(eal: Eal, arguments: tuple[int, ...], options: dict[str, int]):
    with pytest.raises(ValueError, match="must"):
        Meter(*arguments, **options)


@pytest.mark.parametrize("flows", [[4], [-1], [[0]], 0, [0.5], ["x"]])
def test_an_invalid_flow_raises(eal: Eal, flows: object):
    meter = Meter(1, 100, n=4)
    with pytest.raises((ValueError, TypeError), match="must"):
        meter.color(flows, 1)
    with pytest.raises(ValueError, match="shape"):
        meter.color([0, 1], [1, 2, 3])
    assert meter.color([0, 1, 2, 3], 100).tolist() == [GREEN] * 4

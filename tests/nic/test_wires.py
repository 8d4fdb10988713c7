"""The checks of the lab itself: damaged and lost packets are detected."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from pydpdk import Burst, Mempool, Port

SOURCE = Path(__file__).parents[2] / "scripts/nic_lab/wires.py"


@pytest.fixture
def wires(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    spec = importlib.util.spec_from_file_location("nic_lab_wires", SOURCE)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, module)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "_PATIENCE_S", 0.2)
    return module


@pytest.fixture
def loop(device: Any, pool: Mempool) -> Port:
    """Make a port that receives what it sends."""
    port: Port = device("net_ring_wires")
    port.configure(mempool=pool)
    port.start()
    return port


class Spoiled:
    """A port on a bad wire: each received burst is damaged."""

    def __init__(self, port: Port, spoil: Any) -> None:
        self.name, self.mac = port.name, port.mac
        self._queue, self._spoil = port.rx_queues[0], spoil

    @property
    def rx_queues(self) -> Any:
        return (SimpleNamespace(rx=self._receive),)

    def _receive(self, burst: Burst) -> int:
        self._queue.rx(burst)
        self._spoil(burst)
        return len(burst)


def flip_a_byte(burst: Burst) -> None:
    if burst:
        burst[0][20] ^= 1


def test_packets_that_are_received_as_sent_are_good(wires: Any, loop: Port, pool: Mempool) -> None:
    seen = wires.cross(loop, loop, pool, 100)
    assert seen.good, str(seen)
    assert seen.came == 100
    assert seen.came_bytes == seen.sent_bytes >= 100 * wires.MIN_BYTES


def test_one_changed_byte_is_detected(wires: Any, loop: Port, pool: Mempool) -> None:
    seen = wires.cross(loop, Spoiled(loop, flip_a_byte), pool, 100)
    assert not seen.good
    assert seen.wrong >= 1


def test_a_lost_packet_is_detected(wires: Any, loop: Port, pool: Mempool) -> None:
    seen = wires.cross(loop, Spoiled(loop, Burst.free), pool, 100)
    assert not seen.good
    assert (seen.came, seen.lost) == (0, wires.WINDOW)

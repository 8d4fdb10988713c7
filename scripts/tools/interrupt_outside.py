"""SIGINT from another process, at random moments of loops that make, use and close."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress

import numpy as np
from interrupt_cases import new_name, null_port
from interrupt_points import Other, Witness

from pydpdk import Burst, Eal, Mempool, Memzone, Ring, lcore

LONGEST_S = 0.05
LOST_S = 10.0  # a lost signal (Python ignores exceptions in a finalizer) is sent again
SENDER = """
import os, signal, sys, time
for line in sys.stdin:
    time.sleep(float(line))
    os.kill(os.getppid(), signal.SIGINT)
"""
Loop = Callable[[], object]


class Sender:
    """A process that sends one SIGINT to this one for each request."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", SENDER], stdin=subprocess.PIPE, text=True, process_group=0
        )

    def send(self, after_s: float) -> None:
        """Request a signal, so many seconds from now."""
        assert self._process.stdin is not None
        print(after_s, file=self._process.stdin, flush=True)

    def end(self) -> None:
        """End it."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()


def _pools() -> None:
    with Mempool.create(new_name(), 63, cache_size=0) as pool, Burst(8) as burst:
        burst.alloc(pool, 8)
        burst.free()


def _bursts() -> None:
    with Burst(8):
        pass


def _rings() -> None:
    with Ring.create(new_name(), 16) as ring, Memzone.reserve(new_name(), 4096):
        ring.enqueue_burst(np.arange(3, dtype=np.uint64))
        ring.dequeue_burst(np.empty(3, np.uint64))


def _until() -> None:
    while lcore.running():
        time.sleep(0)


def _launches() -> None:
    with lcore.launch(_until):
        pass


def loops(eal: Eal) -> dict[str, Loop]:
    """Return the loops that run until the signal is raised."""

    def ports() -> None:
        made = null_port(eal)
        with made["pool"], made["burst"], made["port"] as port:
            port.configure(mempool=made["pool"], nb_rx_desc=16, nb_tx_desc=16)
            port.start()
            port.rx_queues[0].rx(made["burst"])
            port.tx_queues[0].tx(made["burst"])
            made["burst"].free()
            port.stop()
        eal.remove_device(made["device"])

    return {
        "pools": _pools, "bursts": _bursts, "rings": _rings, "launches": _launches, "ports": ports,
    }  # fmt: skip


def _until_interrupted(loop: Loop, sender: Sender) -> None:
    """Repeat until the signal is raised."""
    with suppress(KeyboardInterrupt):
        _go_round(loop, sender)


def _go_round(loop: Loop, sender: Sender) -> None:
    # not within the `with`: from Python 3.12 on, a loop that jumps back leaves it
    after = random.uniform(0, LONGEST_S)
    sender.send(after)
    lost = time.monotonic() + after + LOST_S
    while True:
        loop()
        if time.monotonic() > lost:
            sender.send(0)
            lost += LOST_S


def _round(eal: Eal, name: str, loop: Loop, sender: Sender, other: Other) -> None:
    devices, witness = set(eal._devices), Witness(other)
    _until_interrupted(loop, sender)
    witness.other_thread()
    witness.stop_world()
    witness.close_all()
    for device in set(eal._devices) - devices:
        eal.remove_device(device)
    # a driver leaves a block for each port, and the number of ports is unknown
    witness.compare(witness.drift() if name == "ports" else 0)
    loop()


def run_outside(eal: Eal, n: int, other: Other) -> list[str]:
    """Get interrupted so many times; return what was wrong."""
    wrong: list[str] = []
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    sender = Sender()
    for name, loop in loops(eal).items():
        for _ in range(2):  # the first call loads and keeps things
            loop()
        began, bad = time.monotonic(), len(wrong)
        times = -(-n // 5)
        for _ in range(times):
            try:
                _round(eal, name, loop, sender, other)
            except BaseException as error:
                wrong.append(f"{name}: {error!r}")
        took = time.monotonic() - began
        print(f"{name:28}{times:6} SIGINTs {took:5.1f} s {len(wrong) - bad:5} wrong", flush=True)
    sender.end()
    with suppress(TypeError):
        signal.signal(signal.SIGINT, before)
    return wrong

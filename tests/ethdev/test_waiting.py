"""Waiting for packets: with a time-out, in asyncio, and woken by the kernel."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import threading
import time

import pytest

import pydpdk
from pydpdk import Burst, ClosedError, InUseError, Port

FRAME = bytes(12) + b"\x88\xb5" + bytes(46)


@pytest.fixture
def ring(eal, name: str):
    """A port whose packets come back."""
    with pydpdk.port(f"net_ring_{name}") as port:
        yield port


class Receiving(threading.Thread):
    """A thread inside `rx`."""

    def __init__(self, port: Port, burst: Burst, timeout: float | None) -> None:
        super().__init__()
        self._call = lambda: port.rx_queue.rx(burst, timeout=timeout)
        self.result: int | BaseException | None = None
        self.begun = threading.Event()
        self.start()
        assert self.begun.wait(60)

    def run(self) -> None:
        self.begun.set()
        try:
            self.result = self._call()
        except BaseException as error:
            self.result = error

    def end(self) -> int | BaseException | None:
        self.join(60)
        assert not self.is_alive()
        return self.result


def test_rx_waits_for_a_packet(ring: Port):
    with Burst(32) as burst:
        thread = Receiving(ring, burst, None)
        assert ring.send([FRAME] * 3) == 3
        n = thread.end()
        assert n in (1, 2, 3)
        assert burst.bytes(0) == FRAME
        burst.free()
        while n < 3:
            n += ring.rx_queue.rx(burst, free=True, timeout=60)
        assert n == 3
        burst.free()


def test_rx_returns_0_at_its_timeout(ring: Port):
    with Burst(32) as burst:
        begin = time.monotonic()
        assert ring.rx_queue.rx(burst, timeout=0.05) == 0
        assert time.monotonic() - begin >= 0.05
        assert ring.rx_queue.rx(burst, timeout=0) == 0
        for wrong, error in ((-1, ValueError), ("1", TypeError), (True, TypeError)):
            with pytest.raises(error):
                ring.rx_queue.rx(burst, timeout=wrong)
        ring.send(FRAME)
        assert ring.rx_queue.rx(burst, timeout=60) == 1
        with pytest.raises(InUseError):
            ring.rx_queue.rx(burst, timeout=1)
        burst.free()


def test_rx_ends_when_its_port_stops(ring: Port):
    with Burst(32) as burst:
        thread = Receiving(ring, burst, None)
        ring.stop()
        assert isinstance(thread.end(), ClosedError)
        ring.start()


def test_tasks_run_while_one_waits(ring: Port):
    async def ask() -> list[bytes]:
        with Burst(32) as burst:
            assert await ring.rx_queue.aget(burst, timeout=0.01) == 0
            receiving = asyncio.create_task(ring.rx_queue.aget(burst, timeout=60))
            await asyncio.sleep(0)
            assert not receiving.done()
            ring.send([FRAME])
            assert await receiving == 1
            found = [burst.bytes(0)]
            ring.send([FRAME + b"x"])
            assert await ring.rx_queue.aget(burst) == 1  # frees the packet before it
            found.append(burst.bytes(0))
            burst.free()
            return found

    assert asyncio.run(ask()) == [FRAME, FRAME + b"x"]


def test_a_task_that_waits_is_cancelled(ring: Port):
    async def ask() -> None:
        with Burst(32) as burst:
            receiving = asyncio.create_task(ring.rx_queue.aget(burst))
            await asyncio.sleep(0)
            receiving.cancel()
            with pytest.raises(asyncio.CancelledError):
                await receiving

    asyncio.run(ask())


def test_bursts_of_a_port(ring: Port):
    async def count(n: int) -> list[bytes]:
        found: list[bytes] = []
        async for burst in ring:
            found += [burst.bytes(i) for i in range(len(burst))]
            if len(found) >= n:
                break
            ring.send(FRAME)
        return found

    ring.send([b"first" + FRAME])
    assert asyncio.run(count(3)) == [b"first" + FRAME, FRAME, FRAME]


@pytest.mark.net_admin
@pytest.mark.skipif(os.geteuid() != 0, reason="makes network interfaces: needs root")
@pytest.mark.skipif(shutil.which("ip") is None, reason="needs ip, from iproute2")
def test_the_kernel_wakes_a_thread_and_a_task(eal, veth: str):
    device = f"net_af_packet_{veth}"
    with (
        pydpdk.port(f"{device},iface={veth}1") as port,
        socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as sender,
        Burst(32) as burst,
    ):
        assert port.rx_queue._fd >= 0
        sender.bind((f"{veth}0", 0))

        def has(frame: bytes) -> bool:
            return any(burst.bytes(i) == frame for i in range(len(burst)))

        thread = Receiving(port, burst, 60)
        sender.send(FRAME)
        assert isinstance(thread.end(), int)
        while not has(FRAME):  # the kernel sends frames of its own
            assert port.rx_queue.rx(burst, free=True, timeout=60) > 0

        async def ask() -> None:
            asyncio.get_running_loop().call_soon(sender.send, FRAME + b"y")
            while not has(FRAME + b"y"):
                assert await port.rx_queue.aget(burst, timeout=60) > 0

        asyncio.run(ask())
        burst.free()
        list(port.sniff(timeout=0))

"""Real TCP and UDP between two kernels, over veth pairs with their default offloads.

As between containers: each end is in its own network namespace, so the test cannot change what its
kernel leaves to a NIC.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import kernel_end
import pytest
from children import Child
from test_devices_kernel import need_af_xdp

from pydpdk import Burst, Forward, Mempool, Port
from pydpdk.ethdev.queue import Queue

pytestmark = [
    pytest.mark.net_admin,
    pytest.mark.skipif(os.geteuid() != 0, reason="makes network interfaces: needs root"),
    pytest.mark.skipif(not all(map(shutil.which, ("ip", "unshare"))), reason="needs ip, unshare"),
    pytest.mark.skipif(
        subprocess.run(["unshare", "--net", "true"], capture_output=True).returncode != 0,
        reason="no network namespace can be made here",
    ),
]


class End(Child):
    """A separate kernel network stack at the other end of an interface."""

    def __init__(self, name: str, kind: str, role: str, megabytes: int) -> None:
        argv = ["unshare", "--net", sys.executable, kernel_end.__file__]
        super().__init__([*argv, kind, role, megabytes])
        self.name = name
        self.until_ready()
        to = str(self.pid)
        add = ["ip", "link", "add", name, "type", "veth", "peer", "name", "eth0", "netns", to]
        subprocess.run(add, check=True)
        subprocess.run(["ip", "link", "set", name, "up", "addrgenmode", "none"], check=True)
        self.write()
        assert self.line() == "configured"

    def close(self) -> None:
        self.kill()
        subprocess.run(["ip", "link", "del", self.name], capture_output=True)


@pytest.fixture
def ends(eal) -> Iterator[Callable[..., list[End]]]:
    made: list[End] = []

    def make(kind: str, megabytes: int, roles=("client", "server")) -> list[End]:
        for i, role in enumerate(roles):
            made.append(End(f"k{os.getpid()}{i}", kind, role, megabytes))
        return made

    yield make
    for end in made:
        end.close()


@pytest.fixture
def big(eal, name: str) -> Iterator[Mempool]:
    with Mempool.create(f"{name}b", 16383, cache_size=0) as pool:
        yield pool


def opened(device, pool: Mempool, ends: list[End], driver: str = "net_af_packet") -> list[Port]:
    ports = [device(f"{driver}_k{i},iface={end.name}") for i, end in enumerate(ends)]
    for port in ports:
        port.configure(mempool=pool)
        port.promiscuous = True
        port.start()
    return ports


def moved(ends: list[End], kind: str, megabytes: int, poll: Callable[[], object]) -> None:
    """Poll until both ends are done; all bytes were received, and no checksum was wrong."""
    client, server = ends
    assert server.line() == "listening"
    client.write()
    deadline = time.monotonic() + 240
    while client.process.poll() is None or server.process.poll() is None:
        assert time.monotonic() < deadline
        for _ in range(512):
            poll()
    sent, came = (json.loads(end.line()) for end in ends)
    digest = hashlib.sha256()
    for block in kernel_end.blocks(megabytes):
        digest.update(block)
    assert came == sent == {"digest": digest.hexdigest(), "wrong": {}}, kind


@pytest.mark.parametrize(
    ("kind", "megabytes"), [("tcp", 100), ("udp", 5), ("tcp6", 5), ("udp6", 2)]
)
def test_transfers_pass_through_forward(device, ends, big, burst, kind: str, megabytes: int):
    both = ends(kind, megabytes)
    a, b = opened(device, big, both)
    forward = Forward(burst, [(a.rx_queues[0], b.tx_queues[0]), (b.rx_queues[0], a.tx_queues[0])])
    moved(both, kind, megabytes, forward.step)
    assert a.rx_queues[0].finished > 0
    for port in (a, b):
        assert (port.rx_queues[0].cut, port.tx_queues[0].unsendable) == (0, 0)
        port.close()


def test_transfers_pass_with_af_xdp(device, ends, big, burst, name):
    """The kernel gives no checksum state here: checksums are finished by their sum.

    More packets than the pool has mbufs, so each mbuf has been the kernel's.
    """
    need_af_xdp()
    both = ends("tcp", 40)
    with Mempool.create(f"{name}c", 16383, cache_size=0) as other:
        (a,) = opened(device, big, both[:1], "net_af_xdp_a")
        (b,) = opened(device, other, both[1:], "net_af_xdp_b")
        forward = Forward(
            burst, [(a.rx_queues[0], b.tx_queues[0]), (b.rx_queues[0], a.tx_queues[0])]
        )
        moved(both, "tcp", 40, forward.step)
        assert a.rx_queues[0].finished > 0
        a.close()
        b.close()


class Switch:
    """Learn the port of each address, and forward packets to known ports."""

    def __init__(self, ports: list[Port], bursts: list[Burst]) -> None:
        self.ports, self.bursts = ports, bursts
        self.at: dict[bytes, Port] = {}

    def poll(self) -> None:
        inlet, *rest = self.bursts
        for port in self.ports:
            if port.rx_queues[0].rx(inlet):
                self.at[inlet.bytes(0)[6:12]] = port
                self.serve(port, inlet, rest)

    def serve(self, port: Port, inlet: Burst, rest: list[Burst]) -> None:
        """Copy to the port of a known address, else to all ports but the inlet."""
        for i in range(len(inlet)):
            head = inlet.bytes(i)[:12]
            self.at[head[6:]] = port
            outlet = self.at.get(head[:6])
            targets = [outlet] if outlet else [p for p in self.ports if p is not port]
            for other in targets:
                to = rest[self.ports.index(other)]
                to.alloc(self.ports[0].mempool, 1)
                to.fill(inlet.bytes(i))
                send_all(other.tx_queues[0], to)
        inlet.free()


def send_all(queue: Queue, burst: Burst) -> None:
    while burst:
        queue.tx(burst)


@pytest.mark.parametrize(("kind", "megabytes"), [("tcp", 100), ("udp", 2)])
def test_transfers_pass_through_a_switch(device, ends, big, kind: str, megabytes: int):
    """Three ports; the third gets only packets to unknown addresses."""
    pair = ends(kind, megabytes)
    third = End(f"k{os.getpid()}t", kind, "server", 1)
    try:
        ports = opened(device, big, [*pair, third])
        with Burst(64) as inlet, Burst(4) as x, Burst(4) as y, Burst(4) as z:
            moved(pair, kind, megabytes, Switch(ports, [inlet, x, y, z]).poll)
        assert 0 < ports[2].tx_queues[0].packets < 100
        for port in ports:
            assert (port.rx_queues[0].cut, port.tx_queues[0].unsendable) == (0, 0)
            port.close()
    finally:
        third.close()

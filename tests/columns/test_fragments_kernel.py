"""The kernel accepts rewritten fragments: it reassembles them and verifies the checksum."""

from __future__ import annotations

import dataclasses
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator

import pytest
from odd_packets import TCP, UDP, Datagram
from packets import load
from waiting import LIMIT, until

from pydpdk import Burst, Mempool, Port

pytestmark = [
    pytest.mark.net_admin,
    pytest.mark.skipif(os.geteuid() != 0, reason="makes network interfaces: needs root"),
    pytest.mark.skipif(shutil.which("ip") is None, reason="needs ip, from iproute2"),
    pytest.mark.usefixtures("tun"),
]
MAC = "02:00:00:00:00:02"  # destination of the packets
NET = os.getpid() % 250
ADDRESSES = {
    4: (f"198.18.{NET}.1", f"198.18.{NET}.2"),
    6: (f"2001:db8:{NET:x}::1", f"2001:db8:{NET:x}::2"),
}
"""Of the peer, which is us, and of the kernel; not those of another run on this machine."""
PORT = 4321
LOAD = bytes(range(100))


def packed(version: int) -> tuple[bytes, bytes]:
    family = socket.AF_INET if version == 4 else socket.AF_INET6
    peer, kernel = (socket.inet_pton(family, text) for text in ADDRESSES[version])
    return peer, kernel


@pytest.fixture
def big(eal, name: str) -> Iterator[Mempool]:
    """A pool for the queue of a tap, and for the test."""
    with Mempool.create(f"{name}-big", 2047, cache_size=0) as pool:
        yield pool


@pytest.fixture
def tap(device, big: Mempool) -> Iterator[Port]:
    name = f"f{os.getpid()}"
    port = device(f"net_tap_f,iface={name},mac={MAC}")
    port.configure(mempool=big)
    port.start()
    commands = [f"link set {name} up"]
    for version, (peer, kernel) in ADDRESSES.items():
        width, rest = (24, "") if version == 4 else (64, " nodad")
        commands.append(f"-{version} address add {kernel}/{width} dev {name}{rest}")
        commands.append(f"-{version} neighbour add {peer} lladdr 02:00:00:00:00:01 dev {name}")
    for command in commands:
        subprocess.run(["ip", *command.split()], check=True)
    for version, (_, kernel) in ADDRESSES.items():
        until(lambda version=version, kernel=kernel: is_local(version, kernel))
    yield port
    port.close()


def is_local(version: int, address: str) -> bool:
    """Whether the kernel takes packets to it: it makes the route of IPv6 after `ip` has ended."""
    command = ["ip", f"-{version}", "route", "get", address]
    return subprocess.run(command, capture_output=True, text=True).stdout.startswith("local ")


def elsewhere(version: int, proto: int) -> Datagram:
    """Make a datagram for another host; with TCP it requests a connection."""
    size = 4 if version == 4 else 16
    head = bytes(8) + b"\x50\2" + b"\xff\xff" + bytes(4) if proto == TCP else bytes(4)
    ports = b"\1\1" + PORT.to_bytes(2, "big")
    return Datagram(bytes(size), bytes([9] * size), (), proto, ports, head + LOAD)


def send(
    port: Port, pool: Mempool, burst: Burst, version: int, datagram: Datagram, size: int
) -> None:
    """Write the kernel's addresses and a port into each fragment, and send it."""
    peer, kernel = packed(version)
    load(pool, burst, datagram.fragments(size))
    number = (lambda data: int.from_bytes(data, "big")) if version == 4 else (lambda data: data)
    burst.rewrite(f"ipv{version}.src_addr", number(peer))
    burst.rewrite(f"ipv{version}.dst_addr", number(kernel))
    burst.rewrite("l4.src_port", 7)
    has_ports = datagram.l4_in_fragment(size)
    ports = (b"\0\7" if has_ports else datagram.ports[:2]) + datagram.ports[2:]
    sent = dataclasses.replace(datagram, src=peer, dst=kernel, ports=ports)
    assert [burst.bytes(i) for i in range(len(burst))] == sent.fragments(size)
    while burst:
        port.tx_queues[0].tx(burst)


@pytest.mark.parametrize("version", ADDRESSES)
@pytest.mark.parametrize("size", [8, 24, 64])
def test_a_datagram_reaches_its_socket(
    tap: Port, pool: Mempool, burst: Burst, version: int, size: int
):
    family = socket.AF_INET if version == 4 else socket.AF_INET6
    with socket.socket(family, socket.SOCK_DGRAM) as kernel:
        kernel.bind((ADDRESSES[version][1], PORT))
        kernel.settimeout(20)
        send(tap, pool, burst, version, elsewhere(version, UDP), size)
        data, sender = kernel.recvfrom(2048)
    assert (data, sender[:2]) == (LOAD, (ADDRESSES[version][0], 7))


@pytest.mark.parametrize(("version", "size"), [(4, 8), (4, 24), (4, 64), (6, 24), (6, 64)])
def test_a_connection_is_answered(tap: Port, pool: Mempool, burst: Burst, version: int, size: int):
    """A SYN with data in fragments: the kernel answers only if the checksum is right."""
    family = socket.AF_INET if version == 4 else socket.AF_INET6
    with socket.socket(family, socket.SOCK_STREAM) as kernel:
        kernel.bind((ADDRESSES[version][1], PORT))
        kernel.listen()
        send(tap, pool, burst, version, elsewhere(version, TCP), size)
        deadline = time.monotonic() + LIMIT
        flags = answer(tap, burst)
        while not flags and time.monotonic() < deadline:
            flags = answer(tap, burst)
    assert flags == [0x12]


def answer(port: Port, burst: Burst) -> list[int]:
    """Return the TCP flags in the kernel's packets from that port."""
    burst.free()
    port.rx_queues[0].rx(burst)
    flags, source = burst.columns["tcp.tcp_flags", "tcp.src_port"]
    return [int(f) for f, p in zip(flags, source, strict=True) if p == PORT]

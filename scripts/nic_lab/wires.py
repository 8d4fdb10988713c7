"""Packets over the wires of the lab, every byte compared."""

from __future__ import annotations

import random
import time
from dataclasses import asdict, dataclass

from pydpdk import Burst, Mempool, Port

WINDOW = 64  # packets on the wire at a time: the hubs of QEMU drop what is not received
MIN_BYTES, MAX_BYTES = 60, 1514
_KIND = b"\x88\xb5"  # the EtherType for local experiments
_PATIENCE_S = 20.0
LINK_S = 30.0


@dataclass
class Crossing:
    """The result of sending packets from one port to another.

    Attributes
    ----------
    wrong : int
        [packets] received with other bytes or another length than they were sent with.
    """

    source: str
    target: str
    sent: int = 0
    came: int = 0
    sent_bytes: int = 0
    came_bytes: int = 0
    wrong: int = 0
    lost: int = 0

    @property
    def good(self) -> bool:
        """Whether all were received as they were sent."""
        return self.sent == self.came > 0 and not self.wrong and not self.lost

    def __str__(self) -> str:
        return ", ".join(f"{key} {value}" for key, value in asdict(self).items())


def open_ports(names: tuple[str, ...], pool: Mempool) -> list[Port]:
    """Start ports, and wait until all have a link."""
    ports = [Port.lookup(name) for name in names]
    for port in ports:
        port.configure(mempool=pool)
        port.promiscuous = True
        port.start()
    wait_links(ports)
    return ports


def wait_links(ports: list[Port]) -> None:
    deadline = time.monotonic() + LINK_S
    while not all(port.link().up for port in ports) and time.monotonic() < deadline:
        time.sleep(0.1)


def cross(source: Port, target: Port, pool: Mempool, packets: int, to: str = "") -> Crossing:
    """Send packets of all lengths to a port, or over it to the MAC address `to`."""
    seen = Crossing(source.name, target.name)
    head = bytes.fromhex((to or target.mac).replace(":", "") + source.mac.replace(":", "")) + _KIND
    random_bytes = random.Random(f"{source.name}{target.name}")
    with Burst(WINDOW) as sending, Burst(2 * WINDOW) as receiving:
        for first in range(0, packets, WINDOW):
            numbers = range(first, min(first + WINDOW, packets))
            wave = {n: _packet(head, n, random_bytes) for n in numbers}
            sending.alloc(pool, len(wave))
            sending.fill(list(wave.values()))
            while sending:
                source.tx_queues[0].tx(sending)
            seen.sent += len(wave)
            seen.sent_bytes += sum(map(len, wave.values()))
            _collect(target, receiving, wave, seen)
            if seen.lost:
                break
    return seen


def _packet(head: bytes, number: int, random_bytes: random.Random) -> bytes:
    length = random_bytes.randint(MIN_BYTES, MAX_BYTES)
    start = head + number.to_bytes(4, "big")
    return start + random_bytes.randbytes(length - len(start))


def _collect(target: Port, receiving: Burst, wave: dict[int, bytes], seen: Crossing) -> None:
    """Receive until every packet of a wave is there, and compare."""
    deadline = time.monotonic() + _PATIENCE_S
    while wave and time.monotonic() < deadline:
        for i in range(target.rx_queues[0].rx(receiving)):
            packet = receiving.bytes(i)
            if packet[12:14] != _KIND:
                continue  # sent earlier by the kernel
            seen.came += 1
            seen.came_bytes += len(packet)
            seen.wrong += packet != wave.pop(int.from_bytes(packet[14:18], "big"), None)
        receiving.free()
    seen.lost += len(wave)

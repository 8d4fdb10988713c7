"""Frames and pcap files, made by hand so that only the format matters."""

from __future__ import annotations

import random
import struct
from pathlib import Path

from pydpdk import Burst, Mempool

MAC_A, MAC_B = bytes.fromhex("020000000001"), bytes.fromhex("020000000002")


def ethernet(ethertype: int, payload: bytes, *, vlan: int | None = None) -> bytes:
    tag = b"" if vlan is None else struct.pack("!HH", 0x8100, vlan)
    return MAC_B + MAC_A + tag + struct.pack("!H", ethertype) + payload


def ipv4(payload: bytes, proto: int = 17) -> bytes:
    header = struct.pack(
        "!BBHHHBBH4s4s",
        0x45,
        0,
        20 + len(payload),
        0,
        0,
        64,
        proto,
        0,
        b"\xc6\x12\x4f\1",
        b"\xc6\x12\x4f\2",
    )
    words = struct.unpack("!10H", header)
    total = sum(words)
    check = ~(total + (total >> 16)) & 0xFFFF
    return header[:10] + struct.pack("!H", check) + header[12:] + payload


def ipv6(payload: bytes, next_header: int = 17) -> bytes:
    a, b = bytes(15) + b"\1", bytes(15) + b"\2"
    return struct.pack("!IHBB", 6 << 28, len(payload), next_header, 64) + a + b + payload


def udp(payload: bytes) -> bytes:
    return struct.pack("!HHHH", 1000, 2000, 8 + len(payload), 0) + payload


def arp() -> bytes:
    return (
        struct.pack("!HHBBH", 1, 0x0800, 6, 4, 1)
        + MAC_A
        + b"\xc6\x12\x4f\1"
        + bytes(6)
        + b"\xc6\x12\x4f\2"
    )


def frame(i: int, size: int) -> bytes:
    """Return frame i of that size: ARP, IPv6, tagged or plain IPv4 in turn, random contents."""
    kinds = (
        lambda n: ethernet(0x0800, ipv4(udp(n))),
        lambda n: ethernet(0x86DD, ipv6(udp(n))),
        lambda n: ethernet(0x0800, ipv4(udp(n)), vlan=i % 4096),
        lambda n: ethernet(0x0806, arp() + n),
    )
    make = kinds[i % 4]
    room = max(size - len(make(b"")), 0)
    return make(random.Random(i).randbytes(room))


def mixed_frames(n: int) -> list[bytes]:
    """Return frames of 64 to 1,500 bytes, both limits included."""
    rng = random.Random(7)
    sizes = [64, 1500, 65, 1499, *(rng.randint(64, 1500) for _ in range(n))][:n]
    frames = [
        frame(i, max(size, 66)) if i % 4 == 1 else frame(i, size) for i, size in enumerate(sizes)
    ]
    assert {64, 1500} <= set(map(len, frames))
    return frames


def write_pcap(path: Path, frames: list[bytes], *, snaplen: int = 65535, link: int = 1) -> Path:
    """Write the classic format: little endian, microseconds, Ethernet."""
    with path.open("wb") as file:
        file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, snaplen, link))
        for i, data in enumerate(frames):
            file.write(struct.pack("<IIII", i, 0, len(data), len(data)) + data)
    return path


def read_pcap(path: Path) -> list[bytes]:
    data = path.read_bytes()
    magic, *_, link = struct.unpack_from("<IHHiIII", data)
    assert (magic & 0xFF0000FF, link) == (0xA1000000 | (magic & 0xFF), 1)
    frames, at = [], 24
    while at < len(data):
        _, _, captured, length = struct.unpack_from("<IIII", data, at)
        assert captured == length
        frames.append(data[at + 16 : at + 16 + captured])
        at += 16 + captured
    return frames


FRAMES = [
    ethernet(0x0800, ipv4(udp(b"first"))),
    ethernet(0x86DD, ipv6(udp(b"second"))),
    ethernet(0x0806, arp()),
    ethernet(0x0800, ipv4(udp(b"third")), vlan=77),
]
"""One of each kind."""


def load(pool: Mempool, burst: Burst, packets: list[bytes]) -> Burst:
    burst.free()
    burst.alloc(pool, len(packets))
    burst.fill(packets)
    return burst


def contents(burst: Burst) -> list[bytes]:
    return [burst.bytes(i) for i in range(len(burst))]

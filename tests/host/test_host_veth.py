"""`scripts/veth`: packets sent into one end leave the other, finished and without others."""

import os
import shutil
import socket
import struct
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = [
    pytest.mark.net_admin,
    pytest.mark.skipif(os.geteuid() != 0, reason="makes network interfaces: needs root"),
    pytest.mark.skipif(shutil.which("ip") is None, reason="needs ip, from iproute2"),
    pytest.mark.skipif(shutil.which("ethtool") is None, reason="needs ethtool"),
]

SCRIPT = Path(__file__).parents[2] / "scripts/veth"
NAME = f"t{os.getpid()}v"
ETH_P_ALL = 3


def veth(*argv: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([SCRIPT, *argv], capture_output=True, text=True)


@pytest.fixture
def pair() -> Iterator[str]:
    up = veth("up", NAME)
    if up.returncode:
        pytest.skip(f"this machine makes no veth pair: {up.stderr.strip()}")
    yield NAME
    assert veth("down", NAME).returncode == 0


def interfaces() -> set[str]:
    return {name for _, name in socket.if_nameindex() if name.startswith(NAME)}


def test_up_and_down_can_be_repeated(pair: str):
    assert interfaces() == {f"{NAME}{i}" for i in range(4)}
    assert veth("up", NAME).returncode == 0
    assert veth("down", NAME).returncode == 0
    assert interfaces() == set()
    assert veth("down", NAME).returncode == 0


@pytest.mark.parametrize(
    "argv", [(), ("sideways",), ("up", "a" * 15), ("up", "a b"), ("up", "../a")]
)
def test_invalid_arguments_fail(argv: tuple[str, ...]):
    run = veth(*argv)
    assert run.returncode == 2
    assert run.stderr


def test_only_the_udp_packets_are_received_and_with_correct_checksums(pair: str):
    count = 20  # to an address of the benchmark range of RFC 2544, which no host should have
    with (
        socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as far,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp,
    ):
        far.bind((f"{pair}1", ETH_P_ALL))
        far.settimeout(0.5)
        subprocess.run(["ip", "addr", "add", "198.18.77.1/30", "dev", f"{pair}0"], check=True)
        for i in range(count):
            udp.sendto(bytes([i]) * (i + 1), ("198.18.77.2", 9))
        frames = []
        with pytest.raises(TimeoutError):
            while True:
                frames.append(far.recv(2048))
    assert [frame[42:] for frame in frames] == [bytes([i]) * (i + 1) for i in range(count)]
    assert all(udp_checksum_is_right(frame[14:]) for frame in frames)


def udp_checksum_is_right(packet: bytes) -> bool:
    """One's complement sum of pseudo header and datagram, RFC 768."""
    datagram = packet[20:]
    words = packet[12:20] + struct.pack("!HH", 17, len(datagram)) + datagram
    words += bytes(len(words) % 2)
    total = sum(struct.unpack(f"!{len(words) // 2}H", words))
    return total % 0xFFFF == 0

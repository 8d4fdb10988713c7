"""Packets of the kernel: in on one veth pair, through Python, out on the other."""

import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import time
from pathlib import Path

import pytest
from waiting import LIMIT, until

from pydpdk import Burst, Mempool, Port

ETH_P_ALL = 3
COUNT = 200
SILENCE = 0.5  # [s] without a frame: no more come

pytestmark = [
    pytest.mark.net_admin,
    pytest.mark.skipif(os.geteuid() != 0, reason="makes network interfaces: needs root"),
    pytest.mark.skipif(shutil.which("ip") is None, reason="needs ip, from iproute2"),
    pytest.mark.skipif(shutil.which("ethtool") is None, reason="needs ethtool"),
]


def sniff(interface: str) -> socket.socket:
    packet = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)  # of no protocol until it is bound
    packet.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
    packet.bind((interface, ETH_P_ALL))
    packet.settimeout(SILENCE)
    return packet


def frames_of(packet: socket.socket) -> list[bytes]:
    frames = []
    try:
        while True:
            frames.append(packet.recv(4096))
    except TimeoutError:
        return frames


def wait_for_sockets(*interfaces: str) -> None:
    """Wait until packet sockets are bound to interfaces: from then on their rings keep packets."""
    wanted = {socket.if_nametoindex(interface) for interface in interfaces}

    def opened() -> set[int]:
        lines = Path("/proc/net/packet").read_text().splitlines()[1:]
        return {int(line.split()[4]) for line in lines}

    until(lambda: wanted <= opened(), what=lambda: interfaces)


def send_udp(interface: str, payloads: list[bytes]) -> None:
    """Make the kernel send UDP: a route to the pair, and no ARP on it."""
    subprocess.run(["ip", "addr", "add", "198.18.78.1/30", "dev", interface], check=True)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, interface.encode())
        for payload in payloads:
            udp.sendto(payload, ("198.18.78.2", 9000))


def test_the_file_for_veth_pairs_forwards(veth: str, command, children, tmp_path):
    """configs/af_packet.yaml, on pairs with other names."""
    payloads = [struct.pack("!I", i) * 40 for i in range(COUNT)]
    argv = command("af_packet.yaml", "--json")
    file = Path(argv[-2])
    file.write_text(file.read_text().replace("pydpdk", veth))
    with sniff(f"{veth}2") as far, sniff(f"{veth}0") as near:
        run = children.start(argv, cwd=tmp_path)
        wait_for_sockets(f"{veth}1", f"{veth}3")
        send_udp(f"{veth}0", payloads)
        far.settimeout(LIMIT)
        received = [far.recv(4096) for _ in range(COUNT)]
        run.signal(signal.SIGTERM)
        report = json.loads(run.finish().stdout)
        far.settimeout(SILENCE)
        sent, received = frames_of(near), received + frames_of(far)
    assert [frame[42:] for frame in sent] == payloads
    assert received == [swapped(frame) for frame in sent]
    assert sum(port["tx_packets"] for port in report["ports"].values()) == COUNT


def started(port: Port, pool: Mempool) -> Port:
    port.configure(mempool=pool)
    port.start()
    return port


def swapped(frame: bytes) -> bytes:
    return frame[6:12] + frame[:6] + frame[12:]


def test_udp_of_the_kernel_passes_through_python(device, veth: str, name: str):
    payloads = [struct.pack("!I", i) + bytes([i % 256]) * (i * 7 % 1400) for i in range(COUNT)]
    with (
        Mempool.create(name, 2047, cache_size=0) as pool,
        Burst(32) as burst,
        sniff(f"{veth}3") as far,
        sniff(f"{veth}0") as near,
    ):
        inlet = started(device(f"net_af_packet_in,iface={veth}1"), pool)
        outlet = started(device(f"net_af_packet_out,iface={veth}2"), pool)
        send_udp(f"{veth}0", payloads)
        seen: list[bytes] = []
        deadline = time.monotonic() + LIMIT
        while len(seen) < COUNT and time.monotonic() < deadline:
            inlet.rx_queues[0].rx(burst)
            seen += [burst.bytes(i) for i in range(len(burst))]
            burst.swap_macs()
            while burst:
                outlet.tx_queues[0].tx(burst)
        sent, received = frames_of(near), frames_of(far)
        assert (inlet.stats().ipackets, outlet.stats().opackets) == (COUNT, COUNT)
        inlet.close()
        outlet.close()
    assert [frame[42:] for frame in seen] == payloads
    assert seen == sent
    assert received == [swapped(frame) for frame in seen]


def test_a_packet_made_in_python_reaches_a_udp_socket(
    device, veth: str, pool: Mempool, burst: Burst
):
    """In reverse: the kernel's UDP stack accepts a packet made here."""
    from packets import ethernet, ipv4, udp

    subprocess.run(["ip", "addr", "add", "198.18.79.2/24", "dev", f"{veth}3"], check=True)
    mac = (Path("/sys/class/net") / f"{veth}3" / "address").read_text().strip()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taker:
        taker.bind(("198.18.79.2", 2000))
        taker.settimeout(LIMIT)
        port = started(device(f"net_af_packet_udp,iface={veth}2"), pool)
        packet = ethernet(0x0800, ipv4(udp(b"from Python")))
        burst.alloc(pool, 3)
        burst.fill(bytes.fromhex(mac.replace(":", "")) + packet[6:])
        assert port.tx_queues[0].tx(burst) == 3
        assert [taker.recvfrom(100) for _ in range(3)] == [
            (b"from Python", ("198.18.79.1", 1000))
        ] * 3
        port.close()

"""The short examples do what their first lines say, with real peers; and they stay short."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import ping_end
import pytest
from children import Child, Children
from hosts import Host, needs_namespaces
from packets import read_pcap, write_pcap
from scapy.all import IP, UDP, Ether

EXAMPLES = Path(__file__).parents[2] / "scripts" / "examples"
SHORT = ("count_ports", "answer_pings", "switch", "record", "echo_async")
FRAME = b"\2\0\0\0\0\2" + b"\2\0\0\0\0\1" + b"\x88\xb5"


def statements(name: str) -> int:
    """Return the lines of an example that do something."""
    text = (EXAMPLES / name).read_text().partition('"""')[2].partition('"""')[2]
    lines = [line.strip() for line in text.splitlines()]
    return sum(bool(line) and not line.startswith(("import ", "from ")) for line in lines)


def test_they_are_short():
    assert sum(map(statements, SHORT)) < 60, {name: statements(name) for name in SHORT}


def test_count_ports(tmp_path: Path):
    frames = [bytes(Ether() / IP() / UDP(dport=53 + i % 3 // 2)) for i in range(900)]
    write_pcap(tmp_path / "in.pcap", [*frames, bytes(Ether() / IP())])
    argv = [sys.executable, EXAMPLES / "count_ports", "in.pcap"]
    done = subprocess.run(argv, capture_output=True, text=True, cwd=tmp_path, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["53", "600", "54", "300"]


@pytest.fixture
def interfaces() -> list[str]:
    return [f"x{os.getpid()}n{i}" for i in range(3)]


def example(children: Children, cwd: Path, name: str, *argv: object) -> Child:
    return children.start([sys.executable, str(EXAMPLES / name), *map(str, argv)], cwd=cwd)


def interrupted(run: Child) -> str:
    run.signal(signal.SIGINT)
    done = run.finish()
    assert done.returncode == 0, done.stderr
    return done.stdout


@needs_namespaces
class TestWithKernels:
    def test_answer_pings(self, children: Children, interfaces, tmp_path: Path):
        asked = ("198.18.81.2", "2001:db8:81::2")
        host = Host(interfaces[0], *asked)
        try:
            run = example(children, tmp_path, "answer_pings", interfaces[0], *asked)
            run.lines_until("answering")
            host.configure()
            assert [host.line() for _ in asked] == [str(ping_end.COUNT)] * 2
            interrupted(run)
        finally:
            host.close()

    def test_switch(self, children: Children, interfaces, tmp_path: Path):
        hosts: list[Host] = []
        try:
            for i, name in enumerate(interfaces):
                other = f"198.18.81.{(i + 1) % 3 + 1}"
                hosts.append(Host(name, "--host", str(i + 1), other))
            run = example(children, tmp_path, "switch", *interfaces)
            run.lines_until("switching")
            for host in hosts:
                host.configure()
            for host in hosts:
                host.write()
            assert [host.line() for host in hosts] == [str(ping_end.COUNT)] * 3
            assert interrupted(run).count("net_af_packet") >= 3
        finally:
            for host in hosts:
                host.close()

    def test_record(self, children: Children, veth: str, tmp_path: Path):
        frames = [bytes(Ether() / IP() / UDP(dport=53) / bytes(i)) for i in range(20)]
        argv = (f"{veth}1", 20, "out.pcap", "udp port 53")
        run = example(children, tmp_path, "record", *argv)
        run.lines_until("recording")
        with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as sender:
            sender.bind((f"{veth}0", 0))
            for data in frames:
                sender.send(data)
        done = run.finish()
        assert done.returncode == 0, done.stderr
        assert read_pcap(tmp_path / "out.pcap") == frames
        assert done.stdout.count(":53 udp") == 20

    def test_echo_async(self, children: Children, veth: str, tmp_path: Path):
        run = example(children, tmp_path, "echo_async", f"{veth}1", 2)
        run.lines_until("echoing")
        with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as packet:
            packet.bind((f"{veth}0", 3))
            packet.settimeout(60)
            packet.send(FRAME + b"hello" + bytes(41))
            swapped = FRAME[6:12] + FRAME[:6] + FRAME[12:] + b"hello"
            while not packet.recv(2048).startswith(swapped):
                pass
        done = run.finish()
        assert done.returncode == 0, done.stderr
        assert "sent back" in done.stdout

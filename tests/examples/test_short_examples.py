"""The short examples do what their first lines say, with real peers; and they stay short."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import ping_end
import pytest
from children import Child, Children
from packets import read_pcap, write_pcap
from scapy.all import IP, UDP, Ether

EXAMPLES = Path(__file__).parents[2] / "scripts" / "examples"
SHORT = ("count_ports", "answer_pings", "switch", "record", "echo_async")
FRAME = b"\2\0\0\0\0\2" + b"\2\0\0\0\0\1" + b"\x88\xb5"

needs_namespaces = [
    pytest.mark.net_admin,
    pytest.mark.skipif(os.geteuid() != 0, reason="makes network interfaces: needs root"),
    pytest.mark.skipif(not all(map(shutil.which, ("ip", "unshare"))), reason="needs ip, unshare"),
    pytest.mark.skipif(
        subprocess.run(["unshare", "--net", "true"], capture_output=True).returncode != 0,
        reason="no network namespace can be made here",
    ),
]


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


class Host(Child):
    """A kernel in its own network namespace, at the other end of an interface."""

    def __init__(self, interface: str, *argv: str) -> None:
        super().__init__(["unshare", "--net", sys.executable, ping_end.__file__, *argv])
        self.until_ready()
        add = f"ip link add {interface} type veth peer name eth0 netns {self.pid}"
        subprocess.run(add.split(), check=True)
        subprocess.run(["ip", "link", "set", interface, "up", "addrgenmode", "none"], check=True)


@pytest.fixture
def interfaces() -> Iterator[list[str]]:
    names = [f"x{os.getpid()}n{i}" for i in range(3)]
    yield names
    for name in names:
        subprocess.run(["ip", "link", "del", name], capture_output=True)


def example(children: Children, cwd: Path, name: str, *argv: object) -> Child:
    return children.start([sys.executable, str(EXAMPLES / name), *map(str, argv)], cwd=cwd)


def interrupted(run: Child) -> str:
    run.signal(signal.SIGINT)
    done = run.finish()
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.net_admin
class TestWithKernels:
    pytestmark = needs_namespaces

    def test_answer_pings(self, children: Children, interfaces, tmp_path: Path):
        asked = ("198.18.81.2", "2001:db8:81::2")
        host = Host(interfaces[0], *asked)
        try:
            run = example(children, tmp_path, "answer_pings", interfaces[0], *asked)
            run.lines_until("answering")
            host.write()
            assert host.line() == "configured"
            assert [host.line() for _ in asked] == [str(ping_end.COUNT)] * 2
            interrupted(run)
        finally:
            host.kill()

    def test_switch(self, children: Children, interfaces, tmp_path: Path):
        hosts: list[Host] = []
        try:
            for i, name in enumerate(interfaces):
                other = f"198.18.81.{(i + 1) % 3 + 1}"
                hosts.append(Host(name, "--host", str(i + 1), other))
            run = example(children, tmp_path, "switch", *interfaces)
            run.lines_until("switching")
            for host in hosts:
                host.write()
            for host in hosts:
                assert host.line() == "configured"
            for host in hosts:
                host.write()
            assert [host.line() for host in hosts] == [str(ping_end.COUNT)] * 3
            assert interrupted(run).count("net_af_packet") >= 3
        finally:
            for host in hosts:
                host.kill()

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

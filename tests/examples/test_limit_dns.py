"""scripts/examples/limit_dns does what its first line says."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from packets import read_pcap, write_pcap
from scapy.all import DNS, DNSQR, IP, TCP, UDP, Ether

SCRIPT = Path(__file__).parents[2] / "scripts" / "examples" / "limit_dns"
ETHER = Ether(dst="02:00:00:00:00:02", src="02:00:00:00:00:01")
LENGTH = 71
"""[bytes] of each query: 14 of 1,000 bytes are green."""


def query(source: str, n: int) -> Ether:
    udp = UDP(sport=n, dport=53) / DNS(rd=1, qd=DNSQR(qname="example.com"))
    return ETHER / IP(src=source, dst="198.18.0.1", ttl=9) / udp


def forwarded(packet: Ether) -> bytes:
    ip = packet.copy()
    ip[IP].dst, ip[IP].ttl = "198.18.0.53", 8
    return bytes(ip)


def test_sources_are_counted_limited_and_rewritten(tmp_path: Path):
    loud = [query("198.18.1.1", n) for n in range(400)]
    quiet = [query("198.18.1.2", n) for n in range(5)]
    web = [ETHER / IP(src="198.18.1.1", dst="198.18.0.1", ttl=9) / TCP(sport=n) for n in range(300)]
    expired = [ETHER / IP(src="198.18.1.3", dst="198.18.0.1", ttl=1) / UDP(dport=99)]
    packets = [*loud, *quiet, *web, *expired]
    source = write_pcap(tmp_path / "in.pcap", [bytes(p) for p in packets])
    sink = tmp_path / "out.pcap"
    run = subprocess.run(
        [sys.executable, SCRIPT, source, sink, "--rate", "1000"],
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    assert {len(bytes(p)) for p in loud} == {LENGTH}
    lines = [" ".join(line.split()) for line in run.stdout.splitlines()]
    assert lines[:2] == [
        "400 DNS packets of sources *.*.1.1", "5 DNS packets of sources *.*.1.2",
    ]  # fmt: skip
    out = read_pcap(sink)
    assert out[-305:] == [forwarded(p) for p in [*quiet, *web]]
    passed = out[:-305]
    assert 14 <= len(passed) <= 20
    assert set(passed) <= {forwarded(p) for p in loud}
    assert lines[-1] == f"{len(out)} packets sent"

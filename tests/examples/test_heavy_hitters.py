"""scripts/examples/heavy_hitters: compiled Python counts, plain Python chooses what to block."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from packets import write_pcap
from scapy.all import ARP, IP, UDP, Ether, Raw

SCRIPT = Path(__file__).parents[2] / "scripts" / "examples" / "heavy_hitters"


def run(*options: object) -> dict:
    cpu = min(os.sched_getaffinity(0))
    argv = [sys.executable, SCRIPT, "--lcores", f"0@{cpu},1@{cpu}", *map(str, options)]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_loudest_source_is_blocked_while_it_runs():
    said = run("--seconds", 1, "--limit", 500_000)
    assert "198.18.0.1" in said["blocked"]
    assert said["top"][0][0] == "198.18.0.1"
    assert said["forwarded"] > 0
    assert said["dropped"] > 0
    assert said["not_ip"] == said["uncounted"] == 0


def test_the_counts_match_the_capture(tmp_path: Path):
    """Each round of the file has 3 packets of one source and 1 of another; ARP passes."""
    one, two = (
        bytes(Ether() / IP(src=src) / UDP() / Raw(bytes(58))) for src in ("10.0.0.1", "10.0.0.2")
    )
    arp = bytes(Ether() / ARP())
    source = write_pcap(tmp_path / "in.pcap", [one, one, two, one, arp] * 13)
    said = run("--source", source, "--seconds", 0.5, "--limit", 1 << 40)
    (first, most), (second, less) = said["top"][:2]
    assert (first, second, said["blocked"], said["dropped"]) == ("10.0.0.1", "10.0.0.2", [], 0)
    rounds = less // 100
    assert abs(most // 100 - 3 * rounds) <= 64
    assert abs(said["not_ip"] - rounds) <= 64
    assert abs(said["forwarded"] - 5 * rounds) <= 64

"""`where` in a file: what is forwarded and what is dropped, through files of packets."""

from __future__ import annotations

from pathlib import Path

import pytest
from packets import read_pcap, write_pcap
from scapy.all import IP, TCP, UDP, Ether

from pydpdk.config.load import loads
from pydpdk.errors import ConfigError

ETHER = Ether(dst="02:00:00:00:00:02", src="02:00:00:00:00:01")
DNS = [bytes(ETHER / IP() / UDP(dport=53, sport=i) / bytes(20)) for i in range(300)]
WEB = [bytes(ETHER / IP() / TCP(dport=80, sport=i) / bytes(20)) for i in range(300)]
BACK = [bytes(ETHER / IP() / UDP(dport=53) / b"back"), bytes(ETHER / IP() / UDP(dport=5) / b"back")]

PROGRAM = """
import sys
from pathlib import Path
from pydpdk.app import apps
import pydpdk
with pydpdk.open(sys.argv[1]) as app:
    kind = app.config.app.kind
    rounds = getattr(apps, kind)(app, getattr(app.config.app, kind))
    rounds()
    rounds()
    print(sum(pool.in_use_count for pool in app.mempools.values()))
"""
FILE = """
eal: {{hugepages: {hugepages}}}
ports:
  left: {{device: "net_pcap0,rx_pcap=left.pcap,tx_pcap=to_left.pcap"}}
  right: {{device: "net_pcap1,rx_pcap=right.pcap,tx_pcap=to_right.pcap"}}
app: {app}
"""


@pytest.mark.parametrize(
    ("app", "to_right", "to_left"),
    [
        ("{forward: {where: 'udp.dst_port == 53'}}", DNS, BACK[:1]),
        ("{drop: {where: 'udp.dst_port == 53'}}", WEB, BACK[1:]),
        ("{drop: {where: 'udp.dst_port in 0..1', burst: 7}}", [*DNS, *WEB], BACK),
        ("{forward: {where: 'not ipv4?'}}", [], []),
        ("{drop: {}}", [], []),
    ],
)
def test_what_passes(run_script, tmp_path: Path, on_hugepages, app: str, to_right, to_left):
    write_pcap(tmp_path / "left.pcap", [*DNS, *WEB])
    write_pcap(tmp_path / "right.pcap", BACK)
    (tmp_path / "file.yaml").write_text(FILE.format(app=app, hugepages=str(on_hugepages).lower()))
    done = run_script(PROGRAM, "file.yaml")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "0"
    assert read_pcap(tmp_path / "to_right.pcap") == to_right
    assert read_pcap(tmp_path / "to_left.pcap") == to_left


def test_addresses_are_swapped_in_what_is_forwarded(run_script, tmp_path: Path, on_hugepages):
    write_pcap(tmp_path / "left.pcap", [DNS[0], WEB[0]])
    write_pcap(tmp_path / "right.pcap", [])
    app = "{forward: {where: 'udp?', mode: macswap}}"
    (tmp_path / "file.yaml").write_text(FILE.format(app=app, hugepages=str(on_hugepages).lower()))
    done = run_script(PROGRAM, "file.yaml")
    assert done.returncode == 0, done.stderr
    assert read_pcap(tmp_path / "to_right.pcap") == [DNS[0][6:12] + DNS[0][:6] + DNS[0][12:]]


@pytest.mark.parametrize(
    ("ports", "app", "fault"),
    [
        ("a, b", "{forward: {where: 'udp.dst_prt == 5'}}",
         "app.forward.where: 'udp.dst_prt == 5', allowed: at character 1: column 'udp.dst_prt'"),
        ("a, b", "{drop: {where: 5}}", "app.drop.where: 5"),
        ("a, b", "{drop: {where: ''}}", "condition must be 1..4096 characters (got 0)"),
        ("a", "{drop: {where: 'udp?'}}", "allowed: pairs of ports, as the packets that stay are"),
    ],
)  # fmt: skip
def test_what_a_file_says_wrong(ports: str, app: str, fault: str):
    named = ", ".join(f"{name}: {{device: net_null_{name}}}" for name in ports.split(", "))
    with pytest.raises(ConfigError) as caught:
        loads(f"ports: {{{named}}}\napp: {app}\n")
    (problem,) = caught.value.problems
    assert fault in problem

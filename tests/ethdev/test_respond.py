"""Answers to ARP, neighbour solicitations and pings: packet by packet, and to a real kernel."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import ping_end
import pytest
from children import Children
from hosts import Host, needs_namespaces
from scapy.all import (
    ARP,
    ICMP,
    IP,
    UDP,
    Dot1Q,
    Ether,
    ICMPv6EchoReply,
    ICMPv6EchoRequest,
    ICMPv6ND_NA,
    ICMPv6ND_NS,
    ICMPv6NDOptDstLLAddr,
    ICMPv6NDOptSrcLLAddr,
    IPv6,
    Raw,
)
from waiting import until

from pydpdk import Burst, Mempool, Responder

OURS, ASKER = "02:00:00:00:00:0a", "02:00:00:00:00:0b"
ADDRESSES = ("10.0.0.2", "10.0.0.3", "2001:db8::2", "fe80::2")
ETHER = Ether(src=ASKER, dst=OURS)
BROADCAST = Ether(src=ASKER, dst="ff:ff:ff:ff:ff:ff")
SOLICITED = Ether(src=ASKER, dst="33:33:ff:00:00:02")


def asks(*layers) -> list[bytes]:
    return [bytes(layer) for layer in layers]


ASKED_FOR_ALL = SOLICITED / IPv6(src="fe80::9", dst="ff02::1:ff00:2", hlim=255)
ARP_REQUEST = ARP(op=1, hwsrc=ASKER, psrc="10.0.0.9", pdst="10.0.0.2")
REQUESTS = {
    "arp": BROADCAST / ARP(op=1, hwsrc=ASKER, psrc="10.0.0.9", pdst="10.0.0.3"),
    "tagged arp": BROADCAST / Dot1Q(vlan=5) / ARP_REQUEST,
    "echo": ETHER / IP(src="10.0.0.9", dst="10.0.0.2", ttl=3) / ICMP(id=7, seq=8) / Raw(b"odd"),
    "echo6": ETHER / IPv6(src="2001:db8::9", dst="2001:db8::2")
    / ICMPv6EchoRequest(id=7, seq=8, data=b"odd"),
    "solicitation": ASKED_FOR_ALL / ICMPv6ND_NS(tgt="fe80::2")
    / ICMPv6NDOptSrcLLAddr(lladdr=ASKER),
    "probe": SOLICITED / IPv6(src="::", dst="ff02::1:ff00:2", hlim=255)
    / ICMPv6ND_NS(tgt="fe80::2"),
}  # fmt: skip
OTHERS = [
    *asks(
        BROADCAST / ARP(op=1, psrc="10.0.0.9", pdst="10.0.0.4"),
        BROADCAST / ARP(op=2, psrc="10.0.0.9", pdst="10.0.0.2"),
        ETHER / IP(src="10.0.0.9", dst="10.0.0.4") / ICMP(),
        ETHER / IP(src="10.0.0.9", dst="10.0.0.2") / ICMP(type=0),
        ETHER / IP(src="10.0.0.9", dst="10.0.0.2") / ICMP(chksum=5),
        ETHER / IP(src="10.0.0.9", dst="10.0.0.2", flags="MF") / ICMP(),
        ETHER / IP(src="10.0.0.9", dst="10.0.0.2") / UDP(),
        ETHER / IPv6(src="fe80::9", dst="fe80::3") / ICMPv6EchoRequest(),
        SOLICITED / IPv6(src="fe80::9", hlim=64) / ICMPv6ND_NS(tgt="fe80::2"),
        ASKED_FOR_ALL / ICMPv6ND_NS(tgt="fe80::3"),
        ETHER / Raw(b"nothing"),
    ),
    b"",
    b"x",
    bytes(ETHER / IP(dst="10.0.0.2") / ICMP())[:36],
]


def answers(pool: Mempool, packets: list[bytes], addresses=ADDRESSES) -> list[bytes]:
    with Burst.of(pool, packets) as burst:
        n = Responder(addresses, OURS).answer(burst)
        assert n == len(burst)
        found = [burst.bytes(i) for i in range(n)]
        burst.free()
    return found


def fresh(packet: bytes) -> bytes:
    """Return the packet with all checksums computed by Scapy."""
    layers = Ether(packet)
    for layer in (IP, ICMP, ICMPv6EchoReply, ICMPv6ND_NA):
        if layer in layers:
            field = "chksum" if layer in (IP, ICMP) else "cksum"
            delattr(layers[layer], field)
    return bytes(layers)


def test_arp(pool: Mempool):
    (plain,), (tagged,) = (answers(pool, asks(REQUESTS[name])) for name in ("arp", "tagged arp"))
    expected = ARP(op=2, hwsrc=OURS, psrc="10.0.0.3", hwdst=ASKER, pdst="10.0.0.9")
    assert plain == bytes(Ether(src=OURS, dst=ASKER) / expected)
    assert tagged[:18] == bytes(Ether(src=OURS, dst=ASKER) / Dot1Q(vlan=5, type=0x0806))
    assert Ether(tagged)[ARP].psrc == "10.0.0.2"


def test_echo(pool: Mempool):
    (found,) = answers(pool, asks(REQUESTS["echo"]))
    packet = Ether(found)
    assert (packet.src, packet.dst) == (OURS, ASKER)
    assert (packet[IP].src, packet[IP].dst, packet[IP].ttl) == ("10.0.0.2", "10.0.0.9", 64)
    assert (packet[ICMP].type, packet[ICMP].id, packet[ICMP].seq) == (0, 7, 8)
    assert packet[Raw].load == b"odd"
    assert found == fresh(found)


def test_echo6(pool: Mempool):
    (found,) = answers(pool, asks(REQUESTS["echo6"]))
    reply = Ether(found)[ICMPv6EchoReply]
    assert (reply.id, reply.seq, reply.data) == (7, 8, b"odd")
    assert (Ether(found)[IPv6].src, Ether(found)[IPv6].dst) == ("2001:db8::2", "2001:db8::9")
    assert found == fresh(found)


def test_solicitation(pool: Mempool):
    (found,) = answers(pool, asks(REQUESTS["solicitation"]))
    packet = Ether(found)
    assert (packet.dst, packet[IPv6].src, packet[IPv6].dst) == (ASKER, "fe80::2", "fe80::9")
    told = packet[ICMPv6ND_NA]
    assert (told.R, told.S, told.O, told.tgt) == (0, 1, 1, "fe80::2")
    assert packet[ICMPv6NDOptDstLLAddr].lladdr == OURS
    assert packet[IPv6].hlim == 255
    assert found == fresh(found)


def test_probe_for_a_duplicate_address(pool: Mempool):
    (found,) = answers(pool, asks(REQUESTS["probe"]))
    packet = Ether(found)
    assert (packet.dst, packet[IPv6].dst) == ("33:33:00:00:00:01", "ff02::1")
    assert (packet[ICMPv6ND_NA].S, packet[ICMPv6ND_NA].tgt) == (0, "fe80::2")
    assert found == fresh(found)


def test_all_at_once_and_what_is_no_request(pool: Mempool):
    one_by_one = [answers(pool, asks(request))[0] for request in REQUESTS.values()]
    mixed = [
        packet for pair in zip(asks(*REQUESTS.values()), OTHERS, strict=False) for packet in pair
    ]
    assert answers(pool, mixed + OTHERS) == one_by_one
    assert answers(pool, OTHERS) == []
    assert pool.in_use_count == 0


def test_only_some_kinds_of_addresses(pool: Mempool):
    packets = asks(*REQUESTS.values())
    assert len(answers(pool, packets, ["10.0.0.2"])) == 2
    assert len(answers(pool, packets, ["fe80::2"])) == 2
    assert answers(pool, [], ADDRESSES) == []


@pytest.mark.parametrize(
    ("addresses", "mac", "error", "text"),
    [
        ([], OURS, ValueError, "at least one"),
        (["10.0.0"], OURS, ValueError, r"must be as 10.0.0.2 or fe80::2 \(got '10.0.0'\)"),
        ([5], OURS, TypeError, "must be text"),
        (["10.0.0.1"], "02", ValueError, "02"),
    ],
)
def test_what_is_no_address(addresses, mac, error, text: str):
    with pytest.raises(error, match=text):
        Responder(addresses, mac)


FILE = """
eal: {{hugepages: {hugepages}, telemetry: false}}
ports: {{eth: {{device: "net_af_packet0,iface={interface}"}}}}
app: {{respond: {{addresses: [198.18.81.2, "2001:db8:81::2"], idle: {idle}}}}}
"""


@needs_namespaces
@pytest.mark.parametrize("idle", ["poll", "adaptive"])
def test_a_kernel_pings_a_running_file(children: Children, tmp_path: Path, on_hugepages, idle: str):
    interface = f"r{os.getpid()}"
    asked = ("198.18.81.2", "2001:db8:81::2", "198.18.81.2")
    host = Host(interface, *asked)
    try:
        mac = Path(f"/sys/class/net/{interface}/address").read_text().strip()
        file = tmp_path / "respond.yaml"
        hugepages = str(on_hugepages).lower()
        file.write_text(FILE.format(interface=interface, hugepages=hugepages, idle=idle))
        run = children.start([sys.executable, "-m", "pydpdk", "run", str(file)], cwd=tmp_path)
        run.lines_until("-> packet")
        host.configure()
        assert [host.line() for _ in asked] == [str(ping_end.COUNT)] * len(asked)
        if idle == "adaptive":
            stat = Path(f"/proc/{run.pid}/stat")
            until(lambda: stat.read_text().rpartition(")")[2].split()[0] == "S")  # it sleeps
        run.signal(signal.SIGTERM)
        assert run.finish().returncode == 0
        assert host.line().count(mac) == 2  # learned by ARP and by ND
    finally:
        host.close()

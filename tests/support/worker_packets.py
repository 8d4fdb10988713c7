"""Packets of every kind, passed through a worker or through the interpreter."""

from __future__ import annotations

from typing import Any

from scapy.all import ARP, ICMP, IP, SCTP, TCP, UDP, Dot1AD, Dot1Q, Ether, IPv6, Raw
from scapy.layers.inet6 import ICMPv6EchoRequest, IPv6ExtHdrDestOpt, IPv6ExtHdrFragment
from scapy.layers.l2 import GRE
from scapy.layers.vxlan import VXLAN

from pydpdk import Burst, Mempool

ETHER = Ether(dst="02:00:00:00:00:02", src="02:00:00:00:00:01")
V4, V6 = IP(src="198.18.0.1", dst="198.18.0.2", ttl=9), IPv6(src="fe80::1", dst="2001:db8::2")
LOAD = Raw(b"payload of an odd length!")
PACKETS = [
    bytes(packet)
    for packet in (
        ETHER / V4 / UDP(sport=1, dport=53) / LOAD, ETHER / V4 / TCP(seq=7, dport=80) / LOAD,
        ETHER / V4 / ICMP(id=5, seq=6), ETHER / V6 / UDP(dport=53) / LOAD,
        ETHER / V6 / IPv6ExtHdrDestOpt() / TCP(dport=80), ETHER / V6 / ICMPv6EchoRequest(),
        ETHER / V6 / IPv6ExtHdrFragment(offset=8) / UDP(), ETHER / Dot1Q(vlan=5) / V4 / UDP(),
        ETHER / Dot1AD(vlan=5) / Dot1Q(vlan=6) / V6 / TCP(),
        ETHER / ARP(psrc="10.0.0.1", pdst="10.0.0.2", hwsrc="02:00:00:00:00:09"),
        ETHER / V4 / SCTP(sport=3) / LOAD, ETHER / V4 / GRE() / V4 / UDP(dport=9),
        ETHER / V4 / UDP(dport=4789) / VXLAN(vni=77) / ETHER / V4 / TCP(dport=443),
        ETHER / IP(ttl=1) / UDP() / LOAD, ETHER / IP(frag=3) / UDP(), ETHER / LOAD,
        ETHER / IP(flags="MF") / UDP() / LOAD,
    )
]  # fmt: skip
PACKETS += [PACKETS[0][:20], PACKETS[0][:40], PACKETS[1][:50], PACKETS[3][:30], b"x"]
N = len(PACKETS)


def load(burst: Burst, pool: Mempool) -> Burst:
    burst.free()
    burst.alloc(pool, N)
    burst.fill(PACKETS)
    return burst


def through(pair, launched, pool, *args: Any) -> tuple[Any, list[bytes]]:
    """Run a worker on all packets; return its result, and the packets afterwards."""
    there, back = pair
    with Burst(64) as ours, Burst(64) as its:
        there.tx(load(ours, pool))
        result = launched.launch(there, back, its, *args).result()
        n = back.rx(ours)
        packets = [ours.bytes(i) for i in range(n)]
        ours.free()
    assert pool.in_use_count == 0
    return result, packets


def here(pool, act) -> tuple[Any, list[bytes]]:
    """Do the same in the interpreter."""
    with Burst(64) as ours:
        result = act(load(ours, pool))
        packets = [ours.bytes(i) for i in range(len(ours))]
        ours.free()
    return result, packets

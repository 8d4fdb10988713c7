"""Headers and bytes of packets in compiled code, compared with Scapy."""

from __future__ import annotations

import struct
import textwrap
from pathlib import Path

import numpy as np
import pytest
from scapy.layers.inet import IP, TCP, UDP, IPOption_NOP
from scapy.layers.l2 import Dot1AD, Dot1Q, Ether
from waiting import until

import pydpdk
from pydpdk import Burst, Ring, lcore, worker

MACS = {"src": "02:00:00:00:00:01", "dst": "02:00:00:00:00:02"}
IPS = {"src": "10.0.0.1", "dst": "10.0.0.2", "ttl": 9}


@worker
def dissect(burst, mempool, data, length, out):
    burst.alloc(mempool, 1)
    burst.fill(data[:length])
    p = burst[0]
    if p.eth:
        out[0] = p.eth.src_addr
        out[1] = p.eth.ether_type
    if p.ipv4:
        out[2] = p.ipv4.src_addr
        out[3] = p.ipv4.time_to_live
    if p.udp:
        out[4] = p.udp.dst_port
    if p.tcp:
        out[5] = p.tcp.sent_seq
    out[6] = p.pkt_len
    out[7] = len(p)


def dissected(burst, pool, packet: bytes, length: int | None = None) -> list[int]:
    out = np.zeros(8, np.int64)
    data = np.frombuffer(packet, np.uint8).copy()
    dissect.launch(burst, pool, data, len(data) if length is None else length, out).result()
    return out.tolist()


SHAPES = {
    "udp": Ether(**MACS) / IP(**IPS) / UDP(dport=53) / (b"x" * 20),
    "tcp": Ether(**MACS) / IP(**IPS) / TCP(seq=0xFFFF0001) / b"x",
    "vlan": Ether(**MACS) / Dot1Q(vlan=5) / IP(**IPS) / UDP(dport=53),
    "qinq": Ether(**MACS) / Dot1AD(vlan=5) / Dot1Q(vlan=6) / IP(**IPS) / UDP(dport=53),
    "options": Ether(**MACS) / IP(**IPS, options=[IPOption_NOP()] * 8) / UDP(dport=53),
    "fragment": Ether(**MACS) / IP(**IPS, frag=1) / UDP(dport=53),
    "version 6": Ether(**MACS) / IP(**IPS, version=6) / UDP(dport=53),
    "short ihl": Ether(**MACS) / IP(**IPS, ihl=4) / UDP(dport=53),
    "arp": Ether(**MACS, type=0x0806) / (b"x" * 28),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_headers_match_scapy(shape: str, pool, burst):
    packet = SHAPES[shape]
    found = dissected(burst, pool, bytes(packet))
    assert found[:2] == [0x020000000001, packet.type]
    is_ip = shape not in ("version 6", "short ihl", "arp")
    assert found[2:4] == ([0x0A000001, 9] if is_ip else [0, 0])
    assert found[4] == (53 if is_ip and shape not in ("tcp", "fragment") else 0)
    assert found[5] == (0xFFFF0001 if shape == "tcp" else 0)
    assert found[6:] == [len(packet)] * 2


@pytest.mark.parametrize("shape", ["udp", "qinq", "options", "tcp"])
def test_a_cut_packet_has_its_complete_headers(shape: str, pool, burst):
    packet = bytes(SHAPES[shape])
    ip = {"udp": 14, "qinq": 22, "options": 14, "tcp": 14}[shape]
    l4 = ip + (packet[ip] & 15) * 4
    end = l4 + (20 if shape == "tcp" else 8)
    for length in range(len(packet)):
        found = dissected(burst, pool, packet, length)
        assert [bool(found[i]) for i in (0, 2)] == [length >= 14, length >= ip + 20]
        assert bool(found[4] or found[5]) == (length >= end)


@worker
def rewrite(burst, mempool):
    burst.alloc(mempool, 2, 64)
    for i in range(2):
        p = burst[i]
        p.eth.dst_addr = 0x0A0B0C0D0E0F
        p.eth.ether_type = 0x0800
        p[14] = 0x45
        ip = p.ipv4
        ip.time_to_live = 64 + 256
        ip.fragment_offset = 0
        ip.next_proto_id = 17
        ip.dst_addr = 0xC0A80001
        p.udp.dst_port = 4000 + i
        p.set_be16(62, 0xABCD)
    return burst[1].get_be16(62)


def test_fields_are_written_where_dpdk_has_them(pool, burst, name: str):
    """The ring keeps the packets: those in a worker's bursts are freed at its end."""
    assert rewrite.launch(burst, pool).result() == 0xABCD
    with Ring.create(name, 8, element="mbuf") as ring:
        write_to.launch(burst, pool, ring).result()
        ring.rx(burst)
        first, second = burst.bytes(0), burst.bytes(1)
        burst.free()
    assert first[:6] == bytes(range(10, 16))
    assert (first[22], first[23], first[30:34]) == (64, 17, bytes([192, 168, 0, 1]))
    assert [struct.unpack_from(">H", p, 36)[0] for p in (first, second)] == [4000, 4001]


@worker
def write_to(burst, mempool, ring):
    burst.alloc(mempool, 2, 64)
    for i in range(2):
        p = burst[i]
        p.eth.dst_addr = 0x0A0B0C0D0E0F
        p.eth.ether_type = 0x0800
        p[14] = 0x45
        ip = p.ipv4
        ip.time_to_live = 64
        ip.fragment_offset = 0
        ip.next_proto_id = 17
        ip.dst_addr = 0xC0A80001
        p.udp.dst_port = 4000 + i
    ring.tx(burst)


def test_the_worker_of_the_docs_works(loop, pool, burst):
    text = (Path(__file__).parents[2] / "docs/workers.md").read_text()
    code = text[text.index("    @pydpdk.worker") : text.index("    counters = np.zeros")]
    scope = {"pydpdk": pydpdk, "lcore": lcore}
    exec(textwrap.dedent(code), scope)
    echo = Ether(**MACS) / IP(**IPS) / UDP(dport=7)
    burst.alloc(pool, 2)
    burst.fill([bytes(echo), bytes(SHAPES["arp"])])
    loop.tx_queues[0].tx(burst)
    counters = np.zeros(2, np.int64)
    with Burst(8) as its:
        with scope["reflect"].launch(loop.rx_queues[0], loop.tx_queues[0], its, counters):
            until(lambda: counters[0] >= 3)
        assert loop.rx_queues[0].rx(its) == 2
        sent = {Ether(its.bytes(i)).type: Ether(its.bytes(i)) for i in range(2)}[0x0800]
        assert {sent[IP].src, sent[IP].dst} == {IPS["src"], IPS["dst"]}
        assert (sent.src == MACS["dst"]) == (sent[IP].src == IPS["dst"])
        its.free()

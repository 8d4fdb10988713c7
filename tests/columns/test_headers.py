"""Verbs on headers: they write what Scapy would have made, checksums included."""

from __future__ import annotations

import ipaddress
import itertools
import random
import socket
import struct

import numpy as np
import pytest
from capture_compare import shipped
from odd_packets import checksum
from packets import arp, contents, ethernet, load
from scapy.all import (
    ICMP,
    IP,
    SCTP,
    TCP,
    UDP,
    Dot1Q,
    Ether,
    ICMPv6EchoRequest,
    IPOption,
    IPv6,
    IPv6ExtHdrDestOpt,
    Packet,
    Raw,
)  # fmt: skip

from pydpdk import Burst, Mempool, OlFlag, TxOffload

ETHER = Ether(dst="02:00:00:00:00:02", src="02:00:00:00:00:01")


def ipv4_packets() -> list[Packet]:
    ip = ETHER / IP(src="198.18.0.1", dst="198.18.0.2", ttl=64)
    options = ETHER / IP(src="198.18.0.3", options=[IPOption(b"\x94\x04\0\0")])
    load = Raw(random.Random(3).randbytes(77))
    return [
        ip / TCP(sport=1, dport=2, seq=3) / load, ip / UDP(sport=1, dport=2) / load,
        ip / ICMP(id=7) / load, options / TCP() / load, ETHER / Dot1Q(vlan=3) / ip[IP] / UDP(),
        ip / UDP(sport=0, dport=0),
    ]  # fmt: skip


def ipv6_packets() -> list[Packet]:
    ip = ETHER / IPv6(src="2001:db8::1", dst="2001:db8::2")
    load = Raw(random.Random(4).randbytes(50))
    return [
        ip / TCP() / load, ip / UDP() / load, ip / ICMPv6EchoRequest() / load,
        ip / IPv6ExtHdrDestOpt() / UDP() / load,
    ]  # fmt: skip


def built(packets: list[Packet]) -> list[bytes]:
    return [bytes(p) for p in packets]


def changed(packets: list[Packet], layer: type, field: str, value: object) -> list[bytes]:
    """Return what Scapy makes with another value; it computes all checksums again."""
    for packet in packets:
        if layer in packet:
            setattr(packet[layer], field, value)
    return built(packets)


@pytest.mark.parametrize(
    ("column", "value", "layer", "field", "text"),
    [
        ("ipv4.src_addr", 0x0A0B0C0D, IP, "src", "10.11.12.13"),
        ("ipv4.dst_addr", 0xFFFFFFFF, IP, "dst", "255.255.255.255"),
        ("ipv4.time_to_live", 1, IP, "ttl", 1),
        ("ipv4.type_of_service", 0xB8, IP, "tos", 0xB8),
        ("ipv4.packet_id", 0xABCD, IP, "id", 0xABCD),
        ("udp.src_port", 0xFFFF, UDP, "sport", 0xFFFF),
        ("udp.dst_port", 0, UDP, "dport", 0),
        ("tcp.dst_port", 8080, TCP, "dport", 8080),
        ("tcp.sent_seq", 0xDEADBEEF, TCP, "seq", 0xDEADBEEF),
        ("tcp.tcp_flags", 0x12, TCP, "flags", "SA"),
        ("icmp.icmp_ident", 999, ICMP, "id", 999),
    ],
)
def test_checksums_follow_what_is_rewritten(pool, burst, column, value, layer, field, text):
    packets = ipv4_packets()
    load(pool, burst, built(packets)).rewrite(column, value)
    assert contents(burst) == changed(packets, layer, field, text)


def test_checksums_follow_addresses_of_ipv6(pool: Mempool, burst: Burst):
    packets = ipv6_packets()
    load(pool, burst, built(packets))
    burst.rewrite("ipv6.src_addr", bytes(range(16)))
    burst.rewrite("ipv6.hop_limits", 7)
    changed(packets, IPv6, "src", "1:203:405:607:809:a0b:c0d:e0f")
    assert contents(burst) == changed(packets, IPv6, "hlim", 7)


def with_sum_of_pseudo_header(packet: Packet, at: int = 6) -> Packet:
    """Set the checksum of L4 that Scapy does not know, by RFC 3828 and RFC 4340."""
    ip = packet[IP] if IP in packet else packet[IPv6]
    below = ip.payload if IP in packet else ip[IPv6].payload
    data = bytes(packet[Raw])
    kind = socket.AF_INET if IP in packet else socket.AF_INET6
    proto = ip.proto if IP in packet else (below.nh if IPv6ExtHdrDestOpt in packet else ip.nh)
    pseudo = socket.inet_pton(kind, ip.src) + socket.inet_pton(kind, ip.dst)
    pseudo += struct.pack("!II", len(data), proto)
    data = data[:at] + bytes(2) + data[at + 2 :]
    packet[Raw].load = data[:at] + struct.pack("!H", checksum(pseudo + data)) + data[at + 2 :]
    return packet


@pytest.mark.parametrize("proto", [136, 33], ids=["UDP-Lite", "DCCP"])
def test_checksums_of_rare_protocols_follow_the_addresses(pool: Mempool, burst: Burst, proto: int):
    def made(src: str, dst: str, src6: str, dst6: str) -> list[bytes]:
        data = Raw(random.Random(1).randbytes(41))
        v4, v6 = IP(src=src, dst=dst, proto=proto), IPv6(src=src6, dst=dst6)
        return [
            bytes(with_sum_of_pseudo_header(ETHER / packet))
            for packet in (
                v4 / data,
                IP(src=src, dst=dst, proto=proto, options=[IPOption(b"\x94\4\0\0")]) / data,
                IPv6(src=src6, dst=dst6, nh=proto) / data,
                v6 / IPv6ExtHdrDestOpt(nh=proto) / data,
            )
        ]

    before = ("198.18.0.1", "198.18.0.2", "2001:db8::1", "2001:db8::2")
    after = ("203.0.113.9", "192.0.2.200", "2001:db8:7::9", "2001:db8:8::ffff")
    whole = made(*before)
    cut = [packet[:-34] for packet in whole]  # within the checksum
    load(pool, burst, [*whole, *cut])
    for name, value in zip(
        ("ipv4.src_addr", "ipv4.dst_addr", "ipv6.src_addr", "ipv6.dst_addr"), after, strict=True
    ):
        address = ipaddress.ip_address(value)
        burst.rewrite(name, int(address) if address.version == 4 else address.packed)
    found = contents(burst)
    assert found[: len(whole)] == made(*after)
    assert [packet[-1] for packet in found[len(whole) :]] == [packet[-1] for packet in cut]


def test_each_packet_has_its_own_value(pool: Mempool, burst: Burst):
    packet = ETHER / IP() / UDP()
    load(pool, burst, [bytes(packet)] * 32).rewrite("l4.dst_port", np.arange(32))
    for i in range(32):
        packet[UDP].dport = i
        assert burst.bytes(i) == bytes(packet)


def test_correct_captured_packets_stay_correct(pool: Mempool, burst: Burst):
    """On captured packets: verified, rewritten at random, verified again."""
    checked = 0
    captured = [p for p in shipped() if len(p) >= 42][:1600]
    for start in range(0, len(captured), 32):
        load(pool, burst, captured[start : start + 32])
        burst.keep(~np.logical_or(*burst.verify_checksums()) & ~burst.columns["sctp?"])
        chance = np.random.default_rng(start)
        for name in ("ipv4.src_addr", "ipv4.dst_addr", "l4.src_port"):
            burst.rewrite(name, chance.integers(0, 65536, len(burst)))
        burst.rewrite("ipv6.dst_addr", chance.integers(0, 256, (len(burst), 16)))
        burst.decrement_ttl()
        assert not np.logical_or(*burst.verify_checksums()).any()
        checked += int(burst.columns["l4?"].sum())
        burst.free()
    assert checked > 400


def test_udp_without_a_checksum_gets_none(pool: Mempool, burst: Burst):
    data = bytes(ETHER / IP() / UDP(chksum=0))
    load(pool, burst, [data]).rewrite("ipv4.src_addr", 1)
    assert burst.columns["udp.dgram_cksum"].tolist() == [0]
    assert not burst.verify_checksums()[1].any()


@pytest.mark.parametrize("column", ["ipv4.total_length", "udp.dgram_cksum", "inner_ipv4.src_addr"])
def test_rewrites_that_checksums_cannot_follow_raise(pool: Mempool, burst: Burst, column: str):
    with pytest.raises(ValueError, match=r"one of ipv4\.type_of_service"):
        load(pool, burst, built(ipv4_packets())).rewrite(column, 1)


def test_sctp_raises(pool: Mempool, burst: Burst):
    before = [bytes(ETHER / IP() / UDP()), bytes(ETHER / IP() / SCTP())]
    with pytest.raises(ValueError, match=r"packet 1: .* SCTP"):
        load(pool, burst, before).rewrite("l4.src_port", 1)
    assert contents(burst) == before


def test_decrement_ttl_names_those_that_expire(pool: Mempool, burst: Burst):
    ttls = (64, 2, 1, 0)
    packets = [ETHER / IP(ttl=t) / UDP() for t in ttls] + [ETHER / IPv6(hlim=t) for t in ttls]
    load(pool, burst, [*built(packets), ethernet(0x0806, arp())])
    assert burst.decrement_ttl().tolist() == [False, False, True, True] * 2 + [False]
    assert burst.columns["ipv4.time_to_live"].tolist()[:4] == [63, 1, 1, 0]
    assert burst.columns["ipv6.hop_limits"].tolist()[4:8] == [63, 1, 1, 0]
    assert not burst.verify_checksums()[0].any()


def test_verify_finds_each_wrong_bit(pool: Mempool, burst: Burst):
    """One bit of the packet is flipped at a time."""
    data = bytes(ETHER / IP() / UDP() / b"odd")
    chance = random.Random(5)
    flipped, in_ip = [], []
    for _ in range(32):
        at = chance.randrange(14, len(data))
        wrong = bytearray(data)
        if at in (14, 16, 17, 20, 21, 23, 38, 39):  # lengths, fragments and protocol say other
            at = 30
        wrong[at] ^= 1 << chance.randrange(8)
        flipped.append(bytes(wrong))
        in_ip.append(at < 34)
    ip, l4 = load(pool, burst, flipped).verify_checksums()
    assert ip.tolist() == in_ip
    assert l4[~ip].all()


@pytest.mark.parametrize("packets", [ipv4_packets(), ipv6_packets()])
def test_computed_checksums_match_scapy(pool: Mempool, burst: Burst, packets: list[Packet]):
    right = built(packets)
    load(pool, burst, right)
    for name in ("ipv4.hdr_checksum", "tcp.cksum", "udp.dgram_cksum", "icmp.icmp_cksum",
                 "icmp6.icmp_cksum"):  # fmt: skip
        burst.columns[name] = 0x1234
    assert burst.compute_checksums().all()
    assert contents(burst) == right


def test_checksums_over_segments_of_any_length(pool: Mempool, burst: Burst):
    right = bytes(ETHER / IP() / TCP() / Raw(random.Random(6).randbytes(300)))
    for seed in range(20):
        chance = random.Random(seed)
        cuts = sorted({0, len(right), *(chance.randrange(len(right)) for _ in range(5))})
        with Burst(8) as parts:
            parts.alloc(pool, len(cuts) - 1)
            parts.fill([right[a:b] for a, b in itertools.pairwise(cuts)])
            head = parts.mbuf(0)
            for _ in range(len(parts) - 1):
                head.chain(parts.mbuf(1))
            parts.take(np.ones(1, bool), burst)
        assert not np.logical_or(*burst.verify_checksums()).any()
        burst.columns["tcp.cksum"] = 0
        burst.columns["ipv4.hdr_checksum"] = 0
        burst.compute_checksums()
        assert burst.bytes(0) == right
        burst.free()


def test_checksums_of_truncated_packets_are_not_computed(pool: Mempool, burst: Burst):
    right = bytes(ETHER / IP() / UDP() / b"payload")
    cut = [right[:-1], ethernet(0x0806, arp()), right]
    load(pool, burst, cut)
    assert burst.verify_checksums()[1].tolist() == [True, False, False]
    assert burst.compute_checksums().tolist() == [False, False, True]
    assert contents(burst) == cut


def test_offloads_are_requested_from_the_port(pool: Mempool, burst: Burst):
    """rte_net_intel_cksum_prepare: the pseudo header is summed here, the port does the rest."""
    packets = [
        ETHER / IP() / TCP() / b"x",
        ETHER / IPv6() / UDP() / b"x",
        ETHER / IP() / ICMP(),
    ]
    load(pool, burst, built(packets))
    offload = TxOffload.IPV4_CKSUM | TxOffload.TCP_CKSUM | TxOffload.UDP_CKSUM
    assert burst.compute_checksums(offload).all()
    flags = [burst.mbuf(i).ol_flags for i in range(3)]
    assert flags[0] == OlFlag.TX_IPV4 | OlFlag.TX_IP_CKSUM | OlFlag.TX_TCP_CKSUM
    assert flags[1] == OlFlag.TX_IPV6 | OlFlag.TX_UDP_CKSUM
    assert flags[2] == OlFlag.TX_IPV4 | OlFlag.TX_IP_CKSUM
    assert burst.mbuf(0).tx_lengths[:3] == (14, 20, 20)
    with pytest.raises(ValueError, match="TX offloads"):
        burst.prepend(b"x")
    burst.compute_checksums()
    assert contents(burst) == built(packets)
    assert [burst.mbuf(i).ol_flags for i in range(3)] == [0, 0, 0]


def test_offloaded_checksums_follow_a_rewrite(pool: Mempool, burst: Burst):
    """It adds to the sum of the pseudo header, which covers addresses but no ports."""
    packets = [ETHER / IP() / TCP() / b"x", ETHER / IP() / UDP() / b"x", ETHER / IPv6() / UDP()]
    offload = TxOffload.TCP_CKSUM | TxOffload.UDP_CKSUM
    load(pool, burst, built(packets)).compute_checksums(offload)
    burst.rewrite("ipv4.src_addr", 0x0A0B0C0D)
    burst.rewrite("ipv6.dst_addr", bytes(range(16)))
    burst.rewrite("l4.dst_port", 7)
    left = contents(burst)
    burst.columns["l4.dst_port"] = [7, 7, 7]
    assert burst.compute_checksums(offload).all()
    assert contents(burst) == left


@pytest.mark.parametrize("n_segments", [2, 3, 5])
def test_tags_over_segments(pool: Mempool, burst: Burst, n_segments: int):
    """Cut at every byte of the headers, and at random bytes elsewhere."""
    chance = random.Random(n_segments)
    plain = bytes(ETHER / IP() / UDP() / b"payload")
    tagged = plain[:12] + b"\x81\0\x20\7" + plain[12:]
    for at in range(1, 24):
        cuts = {at, *(chance.randrange(1, len(plain)) for _ in range(n_segments - 2))}
        chained(pool, burst, tagged, sorted(cuts))
        assert burst.vlan_pop().tolist() == [True]
        assert burst.columns["mbuf.vlan_tci"].tolist() == [0x2007]
        assert all(map(len, burst.mbuf(0).segments))
        assert burst.bytes(0) == plain
        assert burst.vlan_pop().tolist() == [False]
        chained(pool, burst, plain, sorted(cuts)).vlan_push(0x2007)
        assert burst.bytes(0) == tagged
        chained(pool, burst, plain, sorted(cuts)).swap_macs()
        assert burst.bytes(0) == plain[6:12] + plain[:6] + plain[12:]


def test_a_tag_in_segments_of_a_byte(pool: Mempool, burst: Burst):
    tagged = bytes(ETHER / Dot1Q(vlan=3) / IP() / UDP())
    for n in (17, 18, 22, 30):
        chained(pool, burst, tagged, list(range(1, n)))
        assert burst.vlan_pop().tolist() == [True]
        assert burst.bytes(0) == tagged[:12] + tagged[16:]
    chained(pool, burst, tagged, list(range(1, len(tagged))))
    with pytest.raises(ValueError, match=r"packet 0: .*5 bytes in a segment"):
        burst.vlan_pop()
    assert burst.bytes(0) == tagged


def test_a_shared_segment_is_not_popped(pool: Mempool, burst: Burst):
    tagged = bytes(ETHER / Dot1Q(vlan=3) / IP() / UDP())
    with Burst(4) as others:
        chained(pool, burst, tagged, [6])
        burst.clone(pool, others)
        with pytest.raises(ValueError, match="packet 0"):
            burst.vlan_pop()
        assert burst.bytes(0) == others.bytes(0) == tagged
        others.free()


def chained(pool: Mempool, burst: Burst, data: bytes, cuts: list[int]) -> Burst:
    """Make one packet of segments that end at these positions."""
    burst.free()
    ends = [0, *cuts, len(data)]
    with Burst(len(cuts) + 1) as parts:
        parts.alloc(pool, len(cuts) + 1)
        parts.fill([data[a:b] for a, b in itertools.pairwise(ends)])
        for _ in cuts:
            parts.mbuf(0).chain(parts.mbuf(1))
        parts.take(np.ones(1, bool), burst)
    return burst


def test_push_and_pop_are_inverse(pool: Mempool, burst: Burst):
    before = built(ipv4_packets())
    load(pool, burst, before).vlan_push(np.arange(6) + 10)
    burst.vlan_push(7, tpid=0x88A8)
    assert burst.columns["vlan.vlan_tci"].tolist() == [7] * 6
    assert burst.columns["vlan[1].vlan_tci"].tolist() == list(range(10, 16))
    assert burst.bytes(1) == before[1][:12] + b"\x88\xa8\0\7\x81\0\0\x0b" + before[1][12:]
    assert burst.vlan_pop().all()
    assert burst.columns["mbuf.vlan_tci"].tolist() == [7] * 6
    assert burst.vlan_pop().all()
    assert contents(burst) == before
    assert burst.vlan_pop().tolist() == [False] * 4 + [True, False]


def test_header_lengths_are_those_of_scapy(pool: Mempool, burst: Burst):
    packets = [*ipv4_packets(), *ipv6_packets(), ETHER / IP(proto=200), ETHER / Raw(bytes(50))]
    load(pool, burst, built(packets))
    expected = []
    for packet in map(ETHER.__class__, built(packets)):
        ip = packet.getlayer(IP) or packet.getlayer(IPv6)
        l4 = next((packet[kind] for kind in (TCP, UDP) if kind in packet), None)
        payload = packet.getlayer(ICMP) or packet.getlayer(ICMPv6EchoRequest) or l4
        l2 = len(packet) - len(ip) if ip else 0
        l3 = len(ip) - len(payload or ip.payload) if ip else 0
        l4_length = 0 if l4 is None else l4.dataofs * 4 if TCP in packet else 8
        expected.append((l2, l3, l4_length))
    assert burst.set_header_lengths().tolist() == [l2 != 0 for l2, *_ in expected]
    assert [burst.mbuf(i).tx_lengths[:3] for i in range(len(packets))] == expected


def test_header_lengths_need_the_headers_in_one_segment(pool: Mempool, burst: Burst):
    """Drivers read them there without a check; lengths of before are cleared."""
    frame = bytes(ETHER / IP() / TCP() / b"x")
    load(pool, burst, [frame])
    assert burst.set_header_lengths().all()
    load(pool, burst, [frame[:33]])
    assert not burst.set_header_lengths().any()
    assert set(burst.mbuf(0).tx_lengths) == {0}


def test_header_lengths_of_offloads_stay(pool: Mempool, burst: Burst):
    load(pool, burst, [bytes(ETHER / IP() / UDP()), bytes(ETHER / IP() / TCP())])
    burst.compute_checksums(TxOffload.TCP_CKSUM)
    before = [burst.mbuf(i).tx_lengths for i in range(2)]
    with pytest.raises(ValueError, match="packet 1: no TX offloads may be set"):
        burst.set_header_lengths()
    assert [burst.mbuf(i).tx_lengths for i in range(2)] == before


def test_push_that_raises_changes_nothing(pool: Mempool, burst: Burst):
    before = [bytes(60), bytes(13)]
    with pytest.raises(ValueError, match="packet 1: 14 bytes"):
        load(pool, burst, before).vlan_push(1)
    assert contents(burst) == before
    for tci, tpid in ((65536, 0x8100), (-1, 0x8100), (1, 0x9100), ([1], 0x8100)):
        with pytest.raises(ValueError, match="must"):
            burst.vlan_push(tci if tci != [1] else [1, 2, 3], tpid=tpid)

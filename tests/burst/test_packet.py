"""Packets of their own: headers as text, against the columns of the same bytes."""

from __future__ import annotations

import io
import pickle
from ipaddress import IPv4Address, IPv6Address

import numpy as np
import pytest
from capture_compare import shipped
from scapy.all import GRE, ICMP, IP, TCP, UDP, VXLAN, Dot1Q, Ether, IPv6, Raw

from pydpdk import Burst, Mempool, Packet
from pydpdk.burst.dissect import Hex, PacketHeader

TUNNELS = {"mpls", "gre", "vxlan"}
UDP_PACKET = bytes(
    Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")
    / IP(src="10.0.0.1", dst="10.0.0.2")
    / UDP(sport=5000, dport=53)
    / b"hello"
)


def outer(packet: Packet) -> dict[str, PacketHeader]:
    """Return the headers before a tunnel, the first of each name."""
    found: dict[str, PacketHeader] = {}
    for header in packet.headers():
        if header.name in TUNNELS or (header.name.startswith("ip") and "ipv4" in found):
            break
        if header.name.startswith("ip") and "ipv6" in found:
            break
        found.setdefault(header.name, header)
        if "fragment_offset" in header.fields:  # columns have no headers behind it
            break
    return found


def comparable(value: object) -> object:
    """Return a field as columns have it."""
    if isinstance(value, IPv4Address):
        return int(value)
    if isinstance(value, IPv6Address):
        return list(value.packed)
    if isinstance(value, str) and value.count(":") == 5:
        return list(bytes.fromhex(value.replace(":", "")))
    return value


def test_headers_of_captured_packets_are_those_of_columns(pool: Mempool):
    compared = 0
    with Burst(1) as burst:
        names = set(burst.columns.names())
        for data in shipped():
            burst.append(pool, data)
            for header in outer(Packet(data)).values():
                for field, value in header.fields.items():
                    name = f"{header.name}.{field}".replace(".arp_s", ".arp_data.arp_s").replace(
                        ".arp_t", ".arp_data.arp_t"
                    )
                    if name not in names or field in ("tcp_flags", "fragment_offset"):
                        continue
                    has, column = burst.columns[f"{name}?", name]
                    assert has[0], (name, data.hex())
                    assert np.asarray(column[0]).tolist() == comparable(value), (name, data.hex())
                    compared += 1
            burst.free()
    assert compared > 10_000


def test_no_bytes_are_too_odd():
    packets = [*shipped()[:200], UDP_PACKET, bytes(64), b"\xff" * 64]
    for data in packets:
        for end in range(0, len(data) + 1, 7):
            packet = Packet(data[:end])
            assert all(h.fields["length"] <= end for h in packet.headers() if h.name == "payload")
            assert str(end) in packet.summary()
            packet.show(io.StringIO())


@pytest.mark.parametrize(
    ("layers", "text"),
    [
        (IP(src="10.0.0.1", dst="10.0.0.2") / TCP(sport=80, dport=1, flags="SA"),
         "10.0.0.1:80 > 10.0.0.2:1 tcp SA, 54 bytes"),
        (Dot1Q(vlan=7) / IPv6(src="fe80::1", dst="fe80::2") / UDP(sport=1, dport=2),
         "vlan: [fe80::1]:1 > [fe80::2]:2 udp, 66 bytes"),
        (IP(src="10.0.0.1", dst="10.0.0.2") / ICMP(seq=3),
         "10.0.0.1 > 10.0.0.2 icmp echo request 3, 42 bytes"),
        (IP(src="10.0.0.1", dst="10.0.0.2", frag=3, proto=17) / Raw(b"x"),
         "10.0.0.1 > 10.0.0.2 protocol 17 fragment at 24, 35 bytes"),
        (IP() / UDP() / VXLAN() / Ether() / IP(src="1.1.1.1", dst="2.2.2.2") / UDP(sport=1, dport=9),  # noqa: E501
         "vxlan: 1.1.1.1:1 > 2.2.2.2:9 udp, 92 bytes"),
        (IP() / GRE() / IP(src="1.1.1.1", dst="2.2.2.2") / UDP(sport=1, dport=9),
         "gre: 1.1.1.1:1 > 2.2.2.2:9 udp, 66 bytes"),
    ],
)  # fmt: skip
def test_one_line(layers, text: str):
    ether = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")
    assert Packet(bytes(ether / layers)).summary() == text


def test_a_packet_is_bytes_with_time_and_port():
    packet = Packet(UDP_PACKET, 17, "net_null0")
    assert packet == UDP_PACKET
    assert (packet.timestamp_ns, packet.port) == (17, "net_null0")
    copy = pickle.loads(pickle.dumps(packet))  # our own
    assert (copy, copy.timestamp_ns, copy.port) == (packet, 17, "net_null0")
    assert Ether(packet)[UDP].dport == 53
    assert repr(packet) == "<Packet 10.0.0.1:5000 > 10.0.0.2:53 udp, 47 bytes>"
    with pytest.raises(TypeError, match="data must be bytes"):
        Packet("text")  # type: ignore[arg-type]


def test_what_is_shown():
    file = io.StringIO()
    packet = Packet(UDP_PACKET)
    packet.show(file)
    packet.hexdump(file)
    lines = file.getvalue().splitlines()
    assert lines[0] == (
        "ether dst_addr=02:00:00:00:00:02 src_addr=02:00:00:00:00:01 ether_type=0x0800"
    )
    assert lines[3] == "payload length=5"
    assert lines[-1] == "0020  00 02 13 88 00 35 00 0d 94 42 68 65 6c 6c 6f     .....5...Bhello"
    assert "<td>udp</td>" in packet._repr_html_()
    assert str(Hex(5)) == "0x0005"


def test_a_burst_is_shown(pool: Mempool):
    file = io.StringIO()
    with Burst.of(pool, [UDP_PACKET] * 12) as burst:
        burst.show(3, file)
        assert burst.packet(0) == UDP_PACKET
        table = burst._repr_html_()
        burst.free()
    lines = file.getvalue().splitlines()
    assert lines[0] == "<Burst 12 of 12>"
    assert lines[1].split(None, 1) == ["0", "10.0.0.1:5000 > 10.0.0.2:53 udp, 47 bytes"]
    assert lines[4:] == ["  ..."]
    assert table.count("<tr>") == 12  # heads, ten packets, and that there are more


def test_names_of_columns(burst: Burst):
    columns = burst.columns
    assert "udp.dst_port" in columns
    assert "udp.port" not in columns
    assert 5 not in columns
    assert {"udp?", "mbuf.pkt_len"} <= set(columns.names())
    assert columns._ipython_key_completions_() == columns.names()
    with pytest.raises(TypeError):
        iter(columns)  # type: ignore[call-overload]

"""The packets of `generate`, checked by the arithmetic of their RFCs and by Scapy."""

from __future__ import annotations

import struct

import pytest

from pydpdk.config.apps import GenerateSpec
from pydpdk.config.load import loads
from pydpdk.config.packet import UdpPacket, internet_checksum


def test_the_checksum_of_rfc_1071():
    # the example of its section 3: the words sum to ddf2
    assert internet_checksum(bytes.fromhex("0001f203f4f5f6f7")) == 0xDDF2 ^ 0xFFFF
    assert internet_checksum(b"\x01") == 0x0100 ^ 0xFFFF
    # a header printed in many textbooks
    header = bytes.fromhex("450000730000400040110000c0a80001c0a800c7")
    assert internet_checksum(header) == 0xB861


@pytest.mark.parametrize("length", [42, 43, 64, 1514])
def test_a_frame_has_the_length_and_the_checksums(length):
    frame = UdpPacket(length=length).to_bytes()
    assert len(frame) == length
    assert frame[:14].hex() == "0200000000020200000000010800"
    assert internet_checksum(frame[14:34]) == 0
    assert struct.unpack("!H", frame[16:18]) == (length - 14,)
    pseudo = frame[26:34] + struct.pack("!HH", 17, length - 34)
    assert internet_checksum(pseudo + frame[34:]) == 0


def test_a_checksum_of_zero_is_sent_as_ffff():
    sums = {UdpPacket(src_port=port).to_bytes()[40:42] for port in range(65536)}
    assert sums == {struct.pack("!H", number) for number in range(1, 65536)}


def test_scapy_reads_the_fields_and_computes_the_same_checksums():
    scapy = pytest.importorskip("scapy.layers.inet", reason="Scapy is not installed")
    from scapy.layers.l2 import Ether

    packet = UdpPacket(src_mac="02:00:00:00:00:0a", src_ip="10.1.2.3", dst_port=53, length=128)
    built = (
        Ether(src="02:00:00:00:00:0a", dst=packet.dst_mac)
        / scapy.IP(src="10.1.2.3", dst=packet.dst_ip, id=0)
        / scapy.UDP(sport=packet.src_port, dport=53)
        / bytes(128 - 42)
    )
    assert bytes(built) == packet.to_bytes()


def test_the_template_is_hex_or_fields():
    assert GenerateSpec().template == UdpPacket().to_bytes()
    spaced = "ffffffffffff 020000000001 0806 00"
    assert GenerateSpec(packet=spaced).template == bytes.fromhex(spaced)
    text = """\
mempools: {rx: {n: 511}}
ports: {a: {device: net_ring0}}
app: {generate: {packet: {src_ip: 10.0.0.1, length: 100}, rate_pps: 5}}
"""
    generate = loads(text).app.generate
    assert generate.template == UdpPacket(src_ip="10.0.0.1", length=100).to_bytes()
    assert (generate.rate_pps, generate.ports) == (5, ("a",))

"""The packet that `generate` sends: a UDP packet described by its fields."""

from __future__ import annotations

import struct
from ipaddress import IPv4Address
from typing import Annotated

from pydantic import Field

from pydpdk.config.kinds import Ipv4, Mac, Section
from pydpdk.limits import HEADROOM, MAX_ROOM

_ETHER_BYTES, _IPV4_BYTES, _UDP_BYTES = 14, 20, 8
_ETHER_TYPE_IPV4, _PROTOCOL_UDP, _TTL = 0x0800, 17, 64
_MIN_BYTES = _ETHER_BYTES + _IPV4_BYTES + _UDP_BYTES

L4Port = Annotated[int, Field(ge=0, le=65535)]
PacketLength = Annotated[int, Field(ge=_MIN_BYTES, le=MAX_ROOM - HEADROOM)]


class UdpPacket(Section):
    """Fields of a UDP packet over IPv4; checksums are computed, the payload is zeros.

    The default addresses are from the range that RFC 2544 reserves for benchmarks.
    """

    src_mac: Mac = "02:00:00:00:00:01"
    """MAC address of the sender."""
    dst_mac: Mac = "02:00:00:00:00:02"
    """MAC address of the receiver."""
    src_ip: Ipv4 = "198.18.0.1"
    """IPv4 address of the sender."""
    dst_ip: Ipv4 = "198.19.0.1"
    """IPv4 address of the receiver."""
    src_port: L4Port = 1024
    """UDP port of the sender."""
    dst_port: L4Port = 9
    """UDP port of the receiver. 9 is `discard`."""
    length: PacketLength = 64
    """[bytes] Whole frame from the Ethernet header on, without the FCS."""

    def to_bytes(self) -> bytes:
        """Build the frame of `length` bytes."""
        src_ip, dst_ip = IPv4Address(self.src_ip).packed, IPv4Address(self.dst_ip).packed
        udp_bytes = self.length - _ETHER_BYTES - _IPV4_BYTES
        ports = struct.pack("!HHH", self.src_port, self.dst_port, udp_bytes)
        payload = bytes(udp_bytes - _UDP_BYTES)
        pseudo_header = src_ip + dst_ip + struct.pack("!HH", _PROTOCOL_UDP, udp_bytes)
        # 0 means "no checksum" in UDP, so a sum of 0 is sent as 0xFFFF (RFC 768)
        udp_checksum = internet_checksum(pseudo_header + ports + payload) or 0xFFFF
        return b"".join(
            (
                bytes.fromhex(self.dst_mac.replace(":", "")),
                bytes.fromhex(self.src_mac.replace(":", "")),
                struct.pack("!H", _ETHER_TYPE_IPV4),
                _ipv4_header(src_ip, dst_ip, udp_bytes),
                ports,
                struct.pack("!H", udp_checksum),
                payload,
            )
        )


def internet_checksum(data: bytes) -> int:
    """Compute the checksum of RFC 1071 over 16-bit words."""
    total: int = sum(struct.unpack(f"!{(len(data) + 1) // 2}H", data + bytes(len(data) % 2)))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total ^ 0xFFFF


def _ipv4_header(src_ip: bytes, dst_ip: bytes, payload_bytes: int) -> bytes:
    fields = struct.pack("!BBHHHBB", 0x45, 0, 20 + payload_bytes, 0, 0, _TTL, _PROTOCOL_UDP)
    checksum = internet_checksum(fields + src_ip + dst_ip)
    return fields + struct.pack("!H", checksum) + src_ip + dst_ip

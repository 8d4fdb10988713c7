"""The headers of a packet as text, by the names that columns have; for people, not for speed."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from ipaddress import IPv4Address, IPv6Address
from typing import NamedTuple

from pydpdk._core.frozen import frozen

Fields = dict[str, object]
_MOST = 32  # headers: a packet may nest tunnels without end


class Hex(int):
    """A number that is shown in hexadecimal."""

    def __str__(self) -> str:
        return f"0x{self:04x}"


@frozen
class PacketHeader:
    """One header of a packet.

    Attributes
    ----------
    name : str
        As columns call it: `ether`, `ipv4`, `udp`; or `payload`.
    fields : dict
        Its fields by the names of columns; of `payload` only the length [bytes].
    """

    name: str
    fields: Fields

    def __str__(self) -> str:
        return " ".join([self.name, *(f"{key}={value}" for key, value in self.fields.items())])


class _Next(NamedTuple):
    """A parsed header: its fields, its [bytes], and the kind of the one that follows."""

    fields: Fields
    size: int
    kind: str


def headers(packet: bytes) -> Iterator[PacketHeader]:
    """Yield the headers of an Ethernet frame from the outside, then the payload if there is any.

    Never fails: what is cut or unknown is payload.
    """
    rest, kind = memoryview(packet), "ether"
    for _ in range(_MOST):
        parse = _PARSERS.get(kind)
        if parse is None:
            break
        try:
            found = parse(rest)
        except (struct.error, ValueError, IndexError):  # it is cut, or is none
            break
        if found.size > len(rest):
            break
        yield PacketHeader(kind, found.fields)
        rest, kind = rest[found.size :], found.kind
    if len(rest):
        yield PacketHeader("payload", {"length": len(rest)})


def summary(packet: bytes) -> str:
    """Return one line: the innermost addresses and what they say to each other."""
    said = ""
    names: list[str] = []
    for header in headers(packet):
        names.append(header.name)
        one = _SUMMARIES.get(header.name)
        if one is not None:
            said = one(header.fields, said)
    inner = [name for name in names if name in _TUNNELS]
    prefix = f"{' '.join(inner)}: " if inner else ""
    return f"{prefix}{said or 'no Ethernet frame'}, {len(packet)} bytes"


def _mac(octets: memoryview) -> str:
    return octets.hex(":")


def _by_type(ether_type: int) -> str:
    return _ETHER_TYPES.get(ether_type, "")


def _ether(data: memoryview) -> _Next:
    dst, src, ether_type = struct.unpack_from("!6s6sH", data)
    fields: Fields = {"dst_addr": _mac(dst), "src_addr": _mac(src), "ether_type": Hex(ether_type)}
    return _Next(fields, 14, _by_type(ether_type))


def _vlan(data: memoryview) -> _Next:
    tci, ether_type = struct.unpack_from("!HH", data)
    fields: Fields = {"id": tci & 0xFFF, "priority": tci >> 13, "eth_proto": Hex(ether_type)}
    return _Next(fields, 4, _by_type(ether_type))


def _mpls(data: memoryview) -> _Next:
    (entry,) = struct.unpack_from("!I", data)
    fields: Fields = {"label": entry >> 12, "ttl": entry & 0xFF}
    if not entry & 0x100:
        return _Next(fields, 4, "mpls")
    return _Next(fields, 4, {4: "ipv4", 6: "ipv6"}.get(data[4] >> 4, "") if len(data) > 4 else "")


def _arp(data: memoryview) -> _Next:
    hardware, protocol, hlen, plen, opcode = struct.unpack_from("!HHBBH", data)
    if (hardware, protocol, hlen, plen) != (1, 0x0800, 6, 4):
        raise ValueError
    sha, sip, tha, tip = struct.unpack_from("!6s4s6s4s", data, 8)
    return _Next(
        {
            "arp_opcode": opcode,
            "arp_sha": _mac(sha), "arp_sip": IPv4Address(sip),
            "arp_tha": _mac(tha), "arp_tip": IPv4Address(tip),
        },
        28,
        "",
    )  # fmt: skip


def _ipv4(data: memoryview) -> _Next:
    version_ihl, _, length, packet_id, fragment, ttl, proto, cksum, src, dst = struct.unpack_from(
        "!BBHHHBBH4s4s", data
    )
    size = (version_ihl & 15) * 4
    if version_ihl >> 4 != 4 or size < 20:
        raise ValueError
    fields: Fields = {
        "src_addr": IPv4Address(src), "dst_addr": IPv4Address(dst), "next_proto_id": proto,
        "time_to_live": ttl, "total_length": length, "packet_id": packet_id,
        "hdr_checksum": Hex(cksum),
    }  # fmt: skip
    if fragment & 0x3FFF:
        fields["fragment_offset"] = (fragment & 0x1FFF) * 8
        fields["more_fragments"] = bool(fragment & 0x2000)
    return _Next(fields, size, "" if fragment & 0x1FFF else _PROTOCOLS.get(proto, ""))


def _ipv6(data: memoryview) -> _Next:
    flow, length, proto, hops, src, dst = struct.unpack_from("!IHBB16s16s", data)
    if flow >> 28 != 6:
        raise ValueError
    fields: Fields = {
        "src_addr": IPv6Address(src), "dst_addr": IPv6Address(dst), "proto": proto,
        "hop_limits": hops, "payload_len": length,
    }  # fmt: skip
    size, last = 40, True
    while proto in _EXTENSIONS:
        following, units = data[size], data[size + 1]
        if proto == _FRAGMENT:
            offset = struct.unpack_from("!H", data, size + 2)[0]
            fields["fragment_offset"] = offset & 0xFFF8
            last, units = not offset & 0xFFF8, 0
        proto, size = following, size + (units + 1) * 8
    return _Next(fields, size, _PROTOCOLS6.get(proto, "") if last else "")


def _icmp(data: memoryview) -> _Next:
    kind, code, cksum = struct.unpack_from("!BBH", data)
    fields: Fields = {"icmp_type": kind, "icmp_code": code, "icmp_cksum": Hex(cksum)}
    if kind not in (0, 8):
        return _Next(fields, 4, "")
    ident, sequence = struct.unpack_from("!HH", data, 4)
    return _Next(fields | {"icmp_ident": ident, "icmp_seq_nb": sequence}, 8, "")


def _icmp6(data: memoryview) -> _Next:
    kind, code, cksum = struct.unpack_from("!BBH", data)
    fields: Fields = {"icmp_type": kind, "icmp_code": code, "icmp_cksum": Hex(cksum)}
    if kind in (128, 129):
        ident, sequence = struct.unpack_from("!HH", data, 4)
        return _Next(fields | {"icmp_ident": ident, "icmp_seq_nb": sequence}, 8, "")
    if kind in (135, 136):
        target = IPv6Address(bytes(data[8:24]))
        return _Next(fields | {"target": target}, 24, "")
    return _Next(fields, 4, "")


def _udp(data: memoryview) -> _Next:
    src, dst, length, cksum = struct.unpack_from("!HHHH", data)
    fields: Fields = {
        "src_port": src, "dst_port": dst, "dgram_len": length, "dgram_cksum": Hex(cksum)
    }  # fmt: skip
    return _Next(fields, 8, "vxlan" if dst == _VXLAN_PORT else "")


def _tcp(data: memoryview) -> _Next:
    src, dst, sent, ack, offset, flags, window, cksum = struct.unpack_from("!HHIIBBHH", data)
    if offset >> 4 < 5:
        raise ValueError
    named = "".join(letter for i, letter in enumerate("FSRPAUEC") if flags >> i & 1)
    fields: Fields = {
        "src_port": src, "dst_port": dst, "sent_seq": sent, "recv_ack": ack,
        "tcp_flags": named or "none", "rx_win": window, "cksum": Hex(cksum),
    }  # fmt: skip
    return _Next(fields, (offset >> 4) * 4, "")


def _sctp(data: memoryview) -> _Next:
    src, dst, tag, cksum = struct.unpack_from("!HHII", data)
    return _Next({"src_port": src, "dst_port": dst, "tag": Hex(tag), "cksum": Hex(cksum)}, 12, "")


def _gre(data: memoryview) -> _Next:
    flags, proto = struct.unpack_from("!HH", data)
    if flags & 7:  # another version
        raise ValueError
    optional = sum(bool(flags & bit) for bit in (0x8000, 0x2000, 0x1000))
    return _Next({"proto": Hex(proto)}, 4 + 4 * optional, _by_type(proto))


def _vxlan(data: memoryview) -> _Next:
    flags, vni = struct.unpack_from("!II", data)
    return _Next({"vx_flags": Hex(flags), "vx_vni": vni >> 8}, 8, "ether")


_VXLAN_PORT = 4789
_FRAGMENT = 44
_EXTENSIONS = {0, 43, _FRAGMENT, 60}
_ETHER_TYPES = {
    0x0800: "ipv4", 0x0806: "arp", 0x86DD: "ipv6", 0x8100: "vlan", 0x88A8: "vlan",
    0x8847: "mpls", 0x8848: "mpls", 0x6558: "ether",
}  # fmt: skip
_PROTOCOLS = {1: "icmp", 4: "ipv4", 6: "tcp", 17: "udp", 41: "ipv6", 47: "gre", 132: "sctp"}
_PROTOCOLS6 = {**_PROTOCOLS, 58: "icmp6"}
_PROTOCOLS6.pop(1)
_TUNNELS = {"vlan", "mpls", "gre", "vxlan"}
_PARSERS: dict[str, Callable[[memoryview], _Next]] = {
    "ether": _ether, "vlan": _vlan, "mpls": _mpls, "arp": _arp, "ipv4": _ipv4, "ipv6": _ipv6,
    "icmp": _icmp, "icmp6": _icmp6, "udp": _udp, "tcp": _tcp, "sctp": _sctp, "gre": _gre,
    "vxlan": _vxlan,
}  # fmt: skip

_ECHO = {0: "reply", 8: "request", 128: "request", 129: "reply"}
_NEIGHBOUR = {135: "who has", 136: "is here:"}


def _say_ether(fields: Fields, _: str) -> str:
    return f"{fields['src_addr']} > {fields['dst_addr']} type {fields['ether_type']}"


def _say_arp(fields: Fields, _: str) -> str:
    if fields["arp_opcode"] == 1:
        return f"arp who has {fields['arp_tip']}, tell {fields['arp_sip']}"
    return f"arp {fields['arp_sip']} is at {fields['arp_sha']}"


def _say_ip(fields: Fields, _: str) -> str:
    proto = fields.get("next_proto_id", fields.get("proto"))
    said = f"{fields['src_addr']} > {fields['dst_addr']} protocol {proto}"
    if "fragment_offset" in fields:
        said += f" fragment at {fields['fragment_offset']}"
    return said


def _say_icmp(fields: Fields, ip: str) -> str:
    kind, code = fields["icmp_type"], fields["icmp_code"]
    said = f"type {kind} code {code}"
    if kind in _ECHO:
        said = f"echo {_ECHO[kind]} {fields['icmp_seq_nb']}"
    elif kind in _NEIGHBOUR and "target" in fields:
        said = f"{_NEIGHBOUR[kind]} {fields['target']}"
    return f"{_ends(ip)} icmp {said}"


def _say_ports(name: str) -> Callable[[Fields, str], str]:
    def say(fields: Fields, ip: str) -> str:
        src, _, dst = _ends(ip).partition(" > ")
        flags = f" {fields['tcp_flags']}" if "tcp_flags" in fields else ""
        ends = _with_port(src, fields["src_port"]), _with_port(dst, fields["dst_port"])
        return f"{' > '.join(ends)} {name}{flags}"

    return say


def _with_port(address: str, port: object) -> str:
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def _ends(ip: str) -> str:
    return ip.partition(" protocol ")[0]


_SUMMARIES: dict[str, Callable[[Fields, str], str]] = {
    "ether": _say_ether, "arp": _say_arp, "ipv4": _say_ip, "ipv6": _say_ip, "icmp": _say_icmp,
    "icmp6": _say_icmp, "udp": _say_ports("udp"), "tcp": _say_ports("tcp"),
    "sctp": _say_ports("sctp"),
}  # fmt: skip

"""Fields that Scapy finds in a packet, under the names of columns; and where it differs.

Scapy is the oracle of columns: it parses the same bytes with other code. `DIFFERENCES` are the
fields that it defines differently on purpose.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterator
from typing import Any

from scapy.all import (
    ARP,
    GRE,
    ICMP,
    IP,
    SCTP,
    TCP,
    UDP,
    VXLAN,
    Dot1AD,
    Dot1Q,
    Dot3,
    Ether,
    IPv6,
    IPv6ExtHdrDestOpt,
    IPv6ExtHdrFragment,
    IPv6ExtHdrHopByHop,
    IPv6ExtHdrRouting,
    IPv6ExtHdrSegmentRouting,
    Packet,
    conf,
)  # fmt: skip
from scapy.layers.ppp import GRE_PPTP

conf.debug_dissector = False
EXTENSIONS = (
    IPv6ExtHdrHopByHop, IPv6ExtHdrDestOpt, IPv6ExtHdrRouting, IPv6ExtHdrSegmentRouting,
)  # fmt: skip
EXTENSIONS_MAX = 8
ETHER_LEAST = 14

Fields = dict[str, Any]


def mac(text: str) -> bytes:
    return bytes.fromhex(text.replace(":", ""))


def ip4(text: str) -> int:
    return int(ipaddress.IPv4Address(text))


def ip6(text: str) -> bytes:
    return ipaddress.IPv6Address(text).packed


def type_of(p: Packet) -> int:
    """Return the type; for an 802.3 frame its length, which lies in the same place."""
    return int(p.len if isinstance(p, Dot3) else p.type)


def ether(p: Packet) -> Fields:
    return {"dst_addr": mac(p.dst), "src_addr": mac(p.src), "ether_type": type_of(p)}


def vlan(p: Packet) -> Fields:
    dei = getattr(p, "dei", None)
    tci = p.prio << 13 | int(p.id if dei is None else dei) << 12 | p.vlan
    return {"vlan_tci": tci, "eth_proto": type_of(p)}


def arp(p: Packet) -> Fields:
    found = {
        "arp_hardware": p.hwtype, "arp_protocol": p.ptype, "arp_hlen": p.hwlen,
        "arp_plen": p.plen, "arp_opcode": p.op,
    }  # fmt: skip
    if (p.hwtype, p.ptype, p.hwlen, p.plen) == (1, 0x0800, 6, 4):
        found |= {
            "arp_data.arp_sha": mac(p.hwsrc), "arp_data.arp_sip": ip4(p.psrc),
            "arp_data.arp_tha": mac(p.hwdst), "arp_data.arp_tip": ip4(p.pdst),
        }  # fmt: skip
    return found


def ipv4(p: Packet) -> Fields:
    return {
        "version_ihl": p.version << 4 | p.ihl, "type_of_service": p.tos, "total_length": p.len,
        "packet_id": p.id, "fragment_offset": int(p.flags) << 13 | p.frag, "time_to_live": p.ttl,
        "next_proto_id": p.proto, "hdr_checksum": p.chksum, "src_addr": ip4(p.src),
        "dst_addr": ip4(p.dst),
    }  # fmt: skip


def ipv6(p: Packet) -> Fields:
    return {
        "vtc_flow": p.version << 28 | p.tc << 20 | p.fl, "payload_len": p.plen, "proto": p.nh,
        "hop_limits": p.hlim, "src_addr": ip6(p.src), "dst_addr": ip6(p.dst),
    }  # fmt: skip


def fragment(p: Packet) -> Fields:
    frag_data = p.offset << 3 | p.res2 << 1 | p.m
    return {"next_header": p.nh, "frag_data": frag_data, "id": p.id}


def ports(p: Packet) -> Fields:
    return {"src_port": p.sport, "dst_port": p.dport}


def tcp(p: Packet) -> Fields:
    flags = int(p.flags)
    return ports(p) | {
        "sent_seq": p.seq, "recv_ack": p.ack, "rx_win": p.window, "cksum": p.chksum,
        "data_off": p.dataofs << 4 | p.reserved << 1 | flags >> 8, "tcp_flags": flags & 0xFF,
        "tcp_urp": p.urgptr,
    }  # fmt: skip


def udp(p: Packet) -> Fields:
    return ports(p) | {"dgram_len": p.len, "dgram_cksum": p.chksum}


def sctp(p: Packet) -> Fields:
    return ports(p) | {"tag": p.tag, "cksum": p.chksum}


def icmp(p: Packet) -> Fields:
    found = {"icmp_type": p.type, "icmp_code": p.code, "icmp_cksum": p.chksum}
    if p.type in (0, 8):
        found |= {"icmp_ident": p.id, "icmp_seq_nb": p.seq}
    return found


def vxlan(p: Packet) -> Fields:
    return {"vx_vni": p.vni << 8 | p.reserved2}


def gre(p: Packet) -> Fields:
    return {"proto": p.proto}


READ: dict[str, Callable[[Packet], Fields]] = {
    "ether": ether, "vlan": vlan, "vlan[1]": vlan, "arp": arp, "ipv4": ipv4, "ipv6": ipv6,
    "ipv6_fragment_ext": fragment, "l4": ports, "tcp": tcp, "udp": udp, "sctp": sctp, "icmp": icmp,
    "vxlan": vxlan, "gre": gre,
}  # fmt: skip
HEADERS = [*READ, *(f"inner_{name}" for name in READ if name not in ("vxlan", "gre"))]


def expected(data: bytes) -> dict[str, Fields]:
    """Return the fields of each header that Scapy finds, by the header's name."""
    return {name: READ[name.removeprefix("inner_")](p) for name, p in headers(data)}


def headers(data: bytes) -> Iterator[tuple[str, Packet]]:
    p, prefix = Ether(data), ""
    while len(data) >= ETHER_LEAST:
        found = list(stack(p))
        yield from ((prefix + name, layer) for name, layer in found)
        inside = tunnel(found[-1][1]) if found and not prefix else None
        if inside is None:
            return
        names, p = inside
        yield from names
        prefix = "inner_"


def stack(p: Packet) -> Iterator[tuple[str, Packet]]:
    """Yield Ethernet, tags, ARP or IP, and the IP payload, as far as these follow one another."""
    if isinstance(p, Ether | Dot3):
        yield "ether", p
        p = p.payload
    for name in ("vlan", "vlan[1]"):
        if isinstance(p, Dot1Q | Dot1AD):
            yield name, p
            p = p.payload
    if isinstance(p, ARP):
        yield "arp", p
    elif isinstance(p, IP):
        if p.version != 4 or p.ihl < 5:
            return
        yield "ipv4", p
        if not p.frag and "MF" not in p.flags:
            yield from layer4(p.payload)
    elif isinstance(p, IPv6):
        if p.version != 6:
            return
        yield "ipv6", p
        yield from extensions(p.payload)


def extensions(p: Packet) -> Iterator[tuple[str, Packet]]:
    for _ in range(EXTENSIONS_MAX):
        if isinstance(p, IPv6ExtHdrFragment):
            yield "ipv6_fragment_ext", p
            if p.offset or p.m:
                return
        elif not isinstance(p, EXTENSIONS):
            break
        p = p.payload
    yield from layer4(p)


def layer4(p: Packet) -> Iterator[tuple[str, Packet]]:
    for kind, name in ((TCP, "tcp"), (UDP, "udp"), (SCTP, "sctp")):
        if type(p) is kind:
            yield "l4", p
            yield name, p
    if type(p) is ICMP:
        yield "icmp", p


def tunnel(p: Packet) -> tuple[list[tuple[str, Packet]], Packet] | None:
    """Return what follows the last header, if it is a packet in the packet."""
    inside = p.payload
    while isinstance(inside, (*EXTENSIONS, IPv6ExtHdrFragment)):
        inside = inside.payload
    if isinstance(inside, VXLAN) and int(inside.flags) & 8 and p.dport == 4789:
        return [("vxlan", inside)], inside.payload
    if isinstance(inside, GRE | GRE_PPTP):
        return [("gre", inside)], inside.payload
    if isinstance(p, IP | IPv6) and isinstance(inside, IP | IPv6):
        return [], inside
    return None

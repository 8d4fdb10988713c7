"""Rare packets: extension headers, routes, home addresses, fragments, odd UDP lengths.

Each is made from numbers alone, by a model that knows its final destination. The same packet with
another address or port is made anew, checksums included, not changed.
"""

from __future__ import annotations

import dataclasses
import random
import struct
from collections.abc import Callable

MACS = bytes.fromhex("020000000002020000000001")
HOPS, ROUTING, FRAGMENT, OPTIONS = 0, 43, 44, 60
TCP, UDP, ICMP6 = 6, 17, 58
SUM_AT = {TCP: 16, UDP: 6, ICMP6: 2}
HEADER = {TCP: 20, UDP: 8, ICMP6: 4}


def checksum(data: bytes) -> int:
    """RFC 1071."""
    total = sum(struct.unpack(f"!{(len(data) + 1) // 2}H", data + bytes(len(data) % 2)))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


Final = Callable[[bytes], bytes]
"""From the address in IP's header to the one of the pseudo header."""


@dataclasses.dataclass(frozen=True)
class Part:
    """An extension header without its first byte, or an option of IPv4."""

    number: int
    data: bytes
    final_dst: Final | None = None
    home: bytes | None = None


def is_left(rng: random.Random) -> bool:
    return rng.random() < 0.7


def source_route(rng: random.Random) -> Part:
    """Types 0 and 2: the last of the list."""
    kind = rng.choice((0, 2))
    addresses = [rng.randbytes(16) for _ in range(1 if kind == 2 else rng.randint(1, 3))]
    left = rng.randint(1, len(addresses)) if is_left(rng) else 0
    data = bytes((2 * len(addresses), kind, left, *bytes(4))) + b"".join(addresses)
    return Part(ROUTING, data, (lambda dst: addresses[-1]) if left else None)


def segment_route(rng: random.Random) -> Part:
    """Type 4: the first of the list; objects may follow it."""
    addresses = [rng.randbytes(16) for _ in range(rng.randint(1, 3))]
    left = rng.randint(1, len(addresses)) if is_left(rng) else 0
    objects = rng.choice((b"", b"\4\6" + bytes(6)))
    size = 2 * len(addresses) + len(objects) // 8
    data = bytes((size, 4, left, len(addresses) - 1, 0, 0, 0)) + b"".join(addresses) + objects
    return Part(ROUTING, data, (lambda dst: addresses[0]) if left else None)


def rpl_route(rng: random.Random) -> Part:
    """Type 3: addresses without the bytes that they have in common with IP's own."""
    inner, last, n = rng.randrange(16), rng.randrange(16), rng.randint(1, 3)
    left = rng.randint(1, n) if is_left(rng) else 0
    suffix = rng.randbytes(16 - last)
    listed = rng.randbytes((16 - inner) * (n - 1)) + suffix
    pad = -len(listed) % 8
    size = (len(listed) + pad) // 8
    data = bytes((size, 3, left, inner << 4 | last, pad << 4, 0, 0)) + listed + bytes(pad)
    return Part(ROUTING, data, (lambda dst: dst[:last] + suffix) if left else None)


def unknown_route(rng: random.Random) -> Part:
    """A route without segments left has no effect, whatever its type."""
    return Part(ROUTING, bytes((1, rng.choice((1, 5, 253)), 0, *bytes(12))))


def options(rng: random.Random, *, is_home: bool = False) -> Part:
    """Options for the destination or hop by hop, in random order."""
    home = rng.randbytes(16) if is_home else None
    listed = [
        rng.choice((b"\0", b"\1\0", b"\1\2\0\0", b"\x1e\3abc")) for _ in range(rng.randint(0, 3))
    ]
    if home is not None:
        listed.insert(rng.randint(0, len(listed)), b"\xc9\x10" + home)
    data = b"".join(listed)
    data += bytes(-(2 + len(data)) % 8)
    number = OPTIONS if is_home or rng.random() < 0.5 else HOPS
    return Part(number, bytes(((2 + len(data)) // 8 - 1,)) + data, home=home)


def home(rng: random.Random) -> Part:
    return options(rng, is_home=True)


def atomic(rng: random.Random) -> Part:
    """A fragment header of a whole packet, whose reserved bits may be anything."""
    return Part(FRAGMENT, bytes((rng.randrange(256), 0, rng.choice((0, 2, 6)))) + rng.randbytes(4))


def ipv4_route(rng: random.Random) -> Part:
    """A loose or strict route; at its end it has recorded addresses in it."""
    addresses = [rng.randbytes(4) for _ in range(rng.randint(1, 4))]
    next_at = 4 * rng.randint(1, len(addresses)) if is_left(rng) else 4 + 4 * len(addresses)
    data = bytes((3 + 4 * len(addresses), next_at)) + b"".join(addresses)
    is_over = next_at > len(data)
    return Part(rng.choice((131, 137)), data, None if is_over else lambda dst: addresses[-1])


def ipv4_record(rng: random.Random) -> Part:
    """A recorded route, a timestamp, a router alert: none of them changes the destination."""
    four = rng.randbytes(4)
    return rng.choice((Part(7, b"\7\4" + four), Part(68, b"\x08\5\0" + four), Part(148, b"\4\0\0")))


def ipv4_nop(rng: random.Random) -> Part:
    return Part(1, b"")


@dataclasses.dataclass(frozen=True)
class Datagram:
    """A payload, sent in one packet or in several; for ICMPv6, `ports` is its type and code."""

    src: bytes
    dst: bytes
    parts: tuple[Part, ...]
    proto: int
    ports: bytes
    rest: bytes
    surplus: bytes = b""
    has_sum: bool = True

    @property
    def is_ipv4(self) -> bool:
        return len(self.src) == 4

    def last_dst(self) -> bytes:
        known = (
            [p for p in self.parts if p.number in (131, 137)][:1] if self.is_ipv4 else self.parts
        )
        routes = [p.final_dst for p in known if p.final_dst is not None]
        dst = self.dst
        for route in routes:
            dst = route(dst)
        return dst

    def first_src(self) -> bytes:
        return next((p.home for p in self.parts if p.home is not None), self.src)

    def pseudo(self, length: int) -> bytes:
        numbers = "!BBH" if self.is_ipv4 else "!IHBB"
        values = (0, self.proto, length) if self.is_ipv4 else (length, 0, 0, self.proto)
        return self.first_src() + self.last_dst() + struct.pack(numbers, *values)

    def l4(self) -> bytes:
        """Return the header with checksum, its payload, and the rest of the IP payload."""
        at, data = SUM_AT[self.proto], self.ports + self.rest
        if self.proto == UDP:
            data = self.ports + struct.pack("!HH", len(data), 0) + self.rest[4:]
        data = data[:at] + bytes(2) + data[at + 2 :]
        found = checksum(self.pseudo(len(data)) + data)
        if self.proto == UDP:
            found = (found or 0xFFFF) if self.has_sum else 0
        return data[:at] + struct.pack("!H", found) + data[at + 2 :] + self.surplus

    def chain(self, parts: tuple[Part, ...], last: int) -> bytes:
        numbers = [*(p.number for p in parts[1:]), last]
        return b"".join(bytes((n,)) + p.data for n, p in zip(numbers, parts, strict=False))

    def ipv4_options(self) -> bytes:
        data = b"".join(bytes((p.number,)) + p.data for p in self.parts)
        return data + bytes(-len(data) % 4)

    def ipv4_packet(self, payload: bytes, fragment: int = 0) -> bytes:
        listed = self.ipv4_options()
        length = 20 + len(listed)
        head = struct.pack("!BBHHH", 0x40 | length // 4, 0, length + len(payload), 7, fragment)
        head += bytes((64, self.proto, 0, 0)) + self.src + self.dst + listed
        return (
            MACS + b"\x08\0" + head[:10] + struct.pack("!H", checksum(head)) + head[12:] + payload
        )

    def ipv6_packet(self, payload: bytes, first: int) -> bytes:
        head = struct.pack("!IHBB", 6 << 28, len(payload), first, 64) + self.src + self.dst
        return MACS + b"\x86\xdd" + head + payload

    def packet(self) -> bytes:
        """Return it in one piece."""
        if self.is_ipv4:
            return self.ipv4_packet(self.l4(), 0x4000)
        first = self.parts[0].number if self.parts else self.proto
        return self.ipv6_packet(self.chain(self.parts, self.proto) + self.l4(), first)

    def fragments(self, size: int, before: int = 0) -> list[bytes]:
        """Return it in pieces of this size; for IPv6 with the first `before` headers in each."""
        if self.is_ipv4:
            pieces = split(self.l4(), size)
            last = len(pieces) - 1
            return [
                self.ipv4_packet(p, i * size // 8 | 0x2000 * (i < last))
                for i, p in enumerate(pieces)
            ]
        fixed, moved = self.parts[:before], self.parts[before:]
        after = moved[0].number if moved else self.proto
        pieces = split(self.chain(moved, self.proto) + self.l4(), size)
        first = fixed[0].number if fixed else FRAGMENT
        made = []
        for i, piece in enumerate(pieces):
            said = struct.pack("!BBHI", after, 0, i * size | (i < len(pieces) - 1), 9)
            made.append(self.ipv6_packet(self.chain(fixed, FRAGMENT) + said + piece, first))
        return made

    def l4_in_fragment(self, size: int, before: int = 0) -> bool:
        """Whether the first fragment has the whole fixed part of the L4 header."""
        moved = () if self.is_ipv4 else self.parts[before:]
        ahead = sum(1 + len(p.data) for p in moved)
        return ahead + max(HEADER[self.proto], 8) <= size


def split(data: bytes, size: int) -> list[bytes]:
    return [data[at : at + size] for at in range(0, len(data), size)]


IPV6_PARTS = (source_route, segment_route, rpl_route, unknown_route, options, home, atomic)
IPV4_PARTS = (ipv4_route, ipv4_record, ipv4_nop)


def ipv6_parts(rng: random.Random, most: int = 8) -> tuple[Part, ...]:
    parts = [rng.choice(IPV6_PARTS)(rng) for _ in range(rng.randint(0, most))]
    homes = [i for i, p in enumerate(parts) if p.home is not None]
    return tuple(p for i, p in enumerate(parts) if i not in homes[1:])  # at most one is allowed


def ipv4_parts(rng: random.Random) -> tuple[Part, ...]:
    parts: tuple[Part, ...] = ()
    for _ in range(rng.randint(0, 4)):
        more = (*parts, rng.choice(IPV4_PARTS)(rng))
        if sum(1 + len(p.data) for p in more) <= 40:
            parts = more
    return parts


def random_datagram(rng: random.Random, least: int = 0, most: int = 90) -> Datagram:
    """Make any of them, with a payload of this length; UDP sometimes has a surplus for IP."""
    is_ipv4 = rng.random() < 0.4
    proto = rng.choice((TCP, UDP) if is_ipv4 else (TCP, UDP, ICMP6))
    load = rng.randbytes(rng.randint(least, most))
    rest = {TCP: rng.randbytes(8) + b"\x50\x12" + rng.randbytes(6), UDP: bytes(4), ICMP6: b""}[
        proto
    ]
    ports = rng.choice((b"\x80\0\0\0", b"\x81\0\0\0")) if proto == ICMP6 else rng.randbytes(4)
    is_long = proto == UDP and rng.random() < 0.4
    return Datagram(
        src=rng.randbytes(4 if is_ipv4 else 16), dst=rng.randbytes(4 if is_ipv4 else 16),
        parts=ipv4_parts(rng) if is_ipv4 else ipv6_parts(rng), proto=proto, ports=ports,
        rest=rest + load, surplus=rng.randbytes(rng.randint(1, 9)) if is_long else b"",
        has_sum=not (proto == UDP and is_ipv4 and rng.random() < 0.2),
    )  # fmt: skip

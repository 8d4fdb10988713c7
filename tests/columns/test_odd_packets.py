"""Checksums and rewriting of rare packets, against a model that makes them again."""

from __future__ import annotations

import dataclasses
import itertools
import os
import random
import struct
from collections.abc import Iterator

import numpy as np
import pytest
from odd_packets import (
    FRAGMENT,
    HEADER,
    ICMP6,
    SUM_AT,
    UDP,
    Datagram,
    Part,
    checksum,
    random_datagram,
)
from packets import contents, load

from pydpdk import Burst, Mempool, OlFlag, TxOffload, worker

N = 32
ROUNDS = int(os.environ.get("PYDPDK_ODD_ROUNDS", "20"))
"""Of 32 packets each in each test; a longer campaign sets more."""
OFFLOAD = TxOffload.IPV4_CKSUM | TxOffload.TCP_CKSUM | TxOffload.UDP_CKSUM


def rounds(seed: int) -> Iterator[tuple[random.Random, list[Datagram]]]:
    for i in range(ROUNDS):
        rng = random.Random(seed << 32 | i)
        yield rng, [random_datagram(rng) for _ in range(N)]


def sum_at(datagram: Datagram) -> int:
    """Return where the L4 checksum lies in the packet."""
    data = datagram.packet()
    return len(data) - len(datagram.l4()) + SUM_AT[datagram.proto]


def wrong(burst: Burst) -> list[bool]:
    ip, l4 = burst.verify_checksums()
    assert not ip.any()
    return [bool(v) for v in l4]


@dataclasses.dataclass(frozen=True)
class Change:
    """New addresses and ports for each packet, written by the verbs and applied to the model."""

    src4: list[bytes]
    dst4: list[bytes]
    src6: list[bytes]
    dst6: list[bytes]
    ports: list[tuple[int, int]]

    @classmethod
    def random(cls, rng: random.Random, n: int) -> Change:
        return cls(
            *([rng.randbytes(size) for _ in range(n)] for size in (4, 4, 16, 16)),
            [(rng.randrange(65536), rng.randrange(65536)) for _ in range(n)],
        )

    def write(self, burst: Burst) -> None:
        for name, values in (("ipv4.src_addr", self.src4), ("ipv4.dst_addr", self.dst4)):
            burst.rewrite(name, np.array([int.from_bytes(v, "big") for v in values], np.uint32))
        for name, values in (("ipv6.src_addr", self.src6), ("ipv6.dst_addr", self.dst6)):
            burst.rewrite(name, np.frombuffer(b"".join(values), np.uint8).reshape(-1, 16))
        burst.rewrite("l4.src_port", np.array([p[0] for p in self.ports], np.uint16))
        burst.rewrite("l4.dst_port", np.array([p[1] for p in self.ports], np.uint16))

    def made(self, i: int, datagram: Datagram, *, has_ports: bool = True) -> Datagram:
        src, dst = (self.src4, self.dst4) if datagram.is_ipv4 else (self.src6, self.dst6)
        changed = dataclasses.replace(datagram, src=src[i], dst=dst[i])
        if datagram.proto == ICMP6 or not has_ports:
            return changed
        return dataclasses.replace(changed, ports=struct.pack("!HH", *self.ports[i]))


def test_correct_checksums_verify(pool: Mempool, burst: Burst):
    for _, datagrams in rounds(1):
        load(pool, burst, [d.packet() for d in datagrams])
        assert wrong(burst) == [False] * N


def flipped(rng: random.Random, datagram: Datagram) -> bytes:
    """Make one bit of L4 wrong, but not in UDP's length."""
    data = bytearray(datagram.packet())
    start = sum_at(datagram) - SUM_AT[datagram.proto]
    places = [*range(start, len(data) - len(datagram.surplus))]
    if datagram.proto == UDP:
        places = [at for at in places if at not in range(start + 4, start + 8)]
    data[rng.choice(places)] ^= 1 << rng.randrange(8)
    return bytes(data)


def test_a_wrong_bit_is_found(pool: Mempool, burst: Burst):
    for rng, datagrams in rounds(2):
        load(pool, burst, [flipped(rng, d) for d in datagrams])
        assert wrong(burst) == [d.has_sum for d in datagrams]


def test_bytes_behind_the_udp_length_are_not_covered(pool: Mempool, burst: Burst):
    for rng, datagrams in rounds(3):
        packets = [d.packet() for d in datagrams if d.surplus]
        load(pool, burst, [p[:-1] + rng.randbytes(1) for p in packets])
        assert wrong(burst) == [False] * len(packets)


@pytest.mark.parametrize("offset", [7, -1])
def test_impossible_udp_lengths_raise(pool: Mempool, burst: Burst, offset: int):
    """Below the header length, or above the IP payload."""
    for _, datagrams in rounds(4):
        packets = []
        for d in (d for d in datagrams if d.proto == UDP and d.has_sum):
            data, at = bytearray(d.packet()), sum_at(d) - 2
            data[at : at + 2] = struct.pack("!H", 7 if offset > 0 else len(d.l4()) + 1)
            packets.append(bytes(data))
        load(pool, burst, packets)
        assert wrong(burst) == [True] * len(packets)
        assert not burst.compute_checksums().any()
        assert contents(burst) == packets


def spoiled(datagrams: list[Datagram]) -> list[bytes]:
    packets = []
    for d in datagrams:
        data, at = bytearray(d.packet()), sum_at(d)
        data[at : at + 2] = b"\x12\x34"
        if d.is_ipv4:
            data[24:26] = b"\x56\x78"
        packets.append(bytes(data))
    return packets


def with_sum(datagrams: list[Datagram]) -> list[Datagram]:
    return [dataclasses.replace(d, has_sum=True) for d in datagrams]


def test_computed_checksums_match_the_model(pool: Mempool, burst: Burst):
    for _, datagrams in rounds(5):
        load(pool, burst, spoiled(datagrams))
        assert burst.compute_checksums().all()
        assert contents(burst) == [d.packet() for d in with_sum(datagrams)]


def finished(data: bytes, flags: int) -> bytes:
    """Return what a port makes of it that reads the IP header and sums all that follows."""
    if flags & OlFlag.TX_IP_CKSUM:
        ip = data[14 : 14 + (data[14] & 15) * 4]
        data = data[:24] + struct.pack("!H", checksum(ip[:10] + bytes(2) + ip[12:])) + data[26:]
    kind = flags & OlFlag.TX_UDP_CKSUM  # TCP's is one bit of it
    if not kind:
        return data
    is_udp = kind == OlFlag.TX_UDP_CKSUM
    is_ipv4 = bool(flags & OlFlag.TX_IPV4)
    start = 14 + (data[14] & 15) * 4 if is_ipv4 else 54
    at = start + (6 if is_udp else 16)
    l4 = data[start:at] + bytes(2) + data[at + 2 :]
    pseudo = data[26:34] if is_ipv4 else data[22:54]
    proto = data[23] if is_ipv4 else data[20]
    assert proto == (17 if is_udp else 6)
    found = checksum(pseudo + struct.pack("!II", len(l4), proto) + l4)
    return data[:at] + struct.pack("!H", found or 0xFFFF * is_udp) + data[at + 2 :]


def test_offloaded_checksums_are_correct(pool: Mempool, burst: Burst):
    """Checksums of odd packets are computed here: a port reads only the addresses in the header."""
    asked = 0
    for _, datagrams in rounds(6):
        load(pool, burst, spoiled(datagrams))
        assert burst.compute_checksums(OFFLOAD).all()
        flags = [int(burst.mbuf(i).ol_flags) for i in range(N)]
        packets = [finished(data, f) for data, f in zip(contents(burst), flags, strict=True)]
        assert packets == [d.packet() for d in with_sum(datagrams)]
        asked += sum(f & int(OlFlag.TX_UDP_CKSUM) != 0 for f in flags)
    assert asked > 0


def test_checksums_follow_what_is_rewritten(pool: Mempool, burst: Burst):
    for rng, datagrams in rounds(7):
        change = Change.random(rng, N)
        load(pool, burst, [d.packet() for d in datagrams])
        change.write(burst)
        assert contents(burst) == [change.made(i, d).packet() for i, d in enumerate(datagrams)]


def in_fragments(rng: random.Random) -> tuple[Datagram, int, int]:
    """Return a datagram that needs at least two fragments, their size, and their headers."""
    while True:
        datagram = random_datagram(rng, least=24)
        size, before = 8 * rng.randint(1, 6), rng.randint(0, 8)
        moved = datagram.parts[before:]
        if datagram.is_ipv4 or (
            all(p.number != FRAGMENT for p in moved) and len(datagram.parts) < 8
        ):
            break
    if len(datagram.l4()) <= size:
        return in_fragments(rng)
    return datagram, size, before


def test_checksums_follow_in_the_fragment_that_has_them(pool: Mempool, burst: Burst):
    """The reassembled datagram is correct, ports included."""
    for i in range(ROUNDS * 4):
        rng = random.Random(8 << 32 | i)
        datagram, size, before = in_fragments(rng)
        pieces = datagram.fragments(size, before)
        if is_lost(datagram, size, before) or len(pieces) > N:
            continue
        change = Change.random(rng, 1)
        change = Change(*([v[0]] * len(pieces) for v in dataclasses.astuple(change)))
        load(pool, burst, pieces)
        assert not any(wrong(burst))
        assert burst.compute_checksums().all()
        assert contents(burst) == pieces
        change.write(burst)
        has_ports = datagram.l4_in_fragment(size, before)
        assert contents(burst) == change.made(0, datagram, has_ports=has_ports).fragments(
            size, before
        )


def is_lost(datagram: Datagram, size: int, before: int) -> bool:
    """Whether the first fragment lacks some of the headers (RFC 7112 forbids that)."""
    moved = () if datagram.is_ipv4 else datagram.parts[before:]
    ahead = sum(1 + len(p.data) for p in moved)
    return bool(moved) and ahead + HEADER[datagram.proto] > size


def cut_into(pool: Mempool, burst: Burst, data: bytes, cuts: list[int]) -> Burst:
    """Make one packet of segments that end at these positions."""
    burst.free()
    ends = [0, *cuts, len(data)]
    burst.alloc(pool, len(ends) - 1)
    burst.fill([data[a:b] for a, b in itertools.pairwise(ends)])
    for _ in range(len(ends) - 2):
        burst.mbuf(0).chain(burst.mbuf(1))
    return burst


def test_packets_cut_at_any_byte_are_the_same(pool: Mempool, burst: Burst):
    for i in range(max(ROUNDS // 4, 2)):
        rng = random.Random(9 << 32 | i)
        datagram = random_datagram(rng, most=9)
        change, data = Change.random(rng, 1), datagram.packet()
        [damaged] = spoiled([datagram])
        for at in range(1, len(data)):
            cuts = sorted({at, rng.randrange(1, len(data))})
            cut_into(pool, burst, damaged, cuts).compute_checksums()
            assert burst.bytes(0) == with_sum([datagram])[0].packet()
            cut_into(pool, burst, data, cuts)
            assert wrong(burst) == [False]
            change.write(burst)
            assert burst.bytes(0) == change.made(0, datagram).packet()


def test_options_behind_a_malformed_one_are_not_read(pool: Mempool, burst: Burst):
    """RFC 791: an option with a length has two bytes at least."""
    rng = random.Random(11)
    broken = [Part(255, b"\1"), Part(68, b"\1"), Part(68, b"\0"), Part(7, b"\x28")]
    route = b"\x83\7\4" + rng.randbytes(4)
    udp = random_datagram(rng)
    while not (udp.is_ipv4 and udp.proto == UDP and udp.has_sum):
        udp = random_datagram(rng)
    datagrams = [dataclasses.replace(udp, parts=(Part(p.number, p.data + route),)) for p in broken]
    load(pool, burst, [d.packet() for d in datagrams])
    assert wrong(burst) == [False] * len(broken)


@worker
def acts(there, back, burst, what, ipv4, ipv6):
    there.rx(burst)
    found = 0
    if what == 0:
        ip, l4 = burst.verify_checksums()
        found = (ip | l4).sum()
        for i in range(len(burst)):
            if burst[i].udp or burst[i].tcp:
                found += 100
    elif what == 1:
        burst.compute_checksums()
    elif what == 2:
        burst.rewrite("ipv4.dst_addr", ipv4)
        burst.rewrite("ipv6.dst_addr", ipv6)
        for i in range(len(burst)):
            burst[i].rewrite("l4.dst_port", 78)
    back.tx(burst)
    return found


def test_workers_do_the_same(pair, pool: Mempool, burst: Burst):
    there, back = pair
    rng = random.Random(10)
    datagrams = [random_datagram(rng) for _ in range(N)]
    change = Change.random(rng, N)
    ipv4 = np.array([int.from_bytes(v, "big") for v in change.dst4], np.uint32)
    ipv6 = np.frombuffer(b"".join(change.dst6), np.uint8).reshape(-1, 16).copy()

    def through(packets: list[bytes], what: int) -> tuple[int, list[bytes]]:
        there.tx(load(pool, burst, packets))
        with Burst(N) as its:
            found = acts.launch(there, back, its, what, ipv4, ipv6).result()
        back.rx(burst)
        return found, contents(burst)

    packets = [d.packet() for d in datagrams]
    assert through(packets, 0) == (100 * sum(d.proto != ICMP6 for d in datagrams), packets)
    assert through(spoiled(datagrams), 1) == (0, [d.packet() for d in with_sum(datagrams)])
    assert through(packets, 2) == (0, [redirected(change, k, d) for k, d in enumerate(datagrams)])


def redirected(change: Change, i: int, datagram: Datagram) -> bytes:
    made = dataclasses.replace(datagram, dst=(change.dst4 if datagram.is_ipv4 else change.dst6)[i])
    if datagram.proto != ICMP6:
        made = dataclasses.replace(made, ports=made.ports[:2] + struct.pack("!H", 78))
    return made.packet()

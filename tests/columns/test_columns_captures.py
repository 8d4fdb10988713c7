"""Captured and random packets: columns, Scapy and DPDK's parser agree."""

from __future__ import annotations

import random
from collections import Counter

import numpy as np
import pytest
from capture_compare import compare, explained, shipped

from pydpdk import Burst, Mempool
from pydpdk.burst.columns import names

PACKETS = 2_573
DIFFERENT = {
    "ARP with lengths of its own: Scapy needs as many bytes, DPDK's struct 28": 2,
    "Scapy takes what is behind total_length for padding, rte_net_get_ptype does not": 1,
    "Scapy's own parser raises": 1,
}
L3_IPV4, L3_IPV6 = {0x10, 0x30, 0x90}, {0x40, 0xC0, 0xE0}
L4 = {0x100: "tcp?", 0x200: "udp?", 0x400: "sctp?"}
FRAGMENT = 0x300


@pytest.fixture(scope="module")
def packets() -> list[bytes]:
    return shipped()


def test_every_field_of_the_tcpdump_captures_matches_scapy(pool: Mempool, packets: list[bytes]):
    found = list(compare(packets, pool))
    assert len(found) == PACKETS
    assert sum(f.fields for f in found) > 35_000
    different = [f for f in found if f.differences]
    assert [f.differences for f in different if not explained(f)] == []
    assert Counter(explained(f) for f in different) == DIFFERENT


def test_headers_match_the_packet_type_of_dpdk(pool: Mempool, packets: list[bytes]):
    """rte_net_get_ptype: packets that it calls TCP, UDP, SCTP, IPv4 and IPv6 have these headers."""
    wanted = ["net.packet_type", "ipv4?", "ipv6?", *L4.values(), "flow.proto", "vlan?", "ether?"]
    checked = 0
    with Burst(128) as burst:
        for start in range(0, len(packets), 128):
            burst.alloc(pool, len(packets[start : start + 128]))
            burst.fill(packets[start : start + 128])
            columns = dict(zip(wanted, burst.columns[tuple(wanted)], strict=True))
            n = burst.free()
            for i in range(n):
                checked += agrees({name: column[i] for name, column in columns.items()})
    assert checked > 1_900


def agrees(has: dict[str, np.generic]) -> bool:
    """A packet whose L3 DPDK knows; it reports UDP and SCTP before it looks for their headers."""
    ptype = int(has["net.packet_type"])
    l3, l4 = ptype & 0xF0, ptype & 0xF00
    assert bool(has["ether?"]) == bool(ptype & 0xF)
    if bool(has["vlan?"]) and ptype & 0xF not in (6, 7):
        return False  # a tag that DPDK's parser does not recognise
    assert bool(has["ipv4?"]) == (l3 in L3_IPV4) or ptype & 0xF == 7
    assert not has["ipv6?"] or l3 in L3_IPV6 or ptype & 0xF in (6, 7)
    for kind, name in L4.items():
        if has[name] and l3:
            assert l4 == kind
    if l3:
        assert bool(has["tcp?"]) == (l4 == 0x100)
    return l3 != 0


def truncated(packets: list[bytes], seed: int, n: int) -> list[bytes]:
    """Cut packets, packets with changed bytes, and random ones."""
    chance = random.Random(seed)
    found = []
    for _ in range(n):
        data = bytearray(chance.choice(packets)[: chance.choice((40, 80, 200))])
        for _ in range(chance.choice((0, 0, 1, 4))):
            if data:
                data[chance.randrange(len(data))] = chance.randrange(256)
        found.append(bytes(data[: chance.randint(0, len(data))]))
    return found


def test_a_header_is_valid_only_with_all_its_bytes(pool: Mempool, packets: list[bytes]):
    """The same packets in one segment and in segments of a few bytes: the same columns."""
    some = truncated(packets, 1, 500)
    every = tuple(name for name in names() if not name.startswith("mbuf."))
    with Burst(1) as whole, Burst(1) as parts:
        for data in some:
            whole.alloc(pool, 1)
            whole.fill(data)
            chain(pool, parts, data)
            for name, one, other in zip(
                every, whole.columns[every], parts.columns[every], strict=True
            ):
                assert one.tobytes() == other.tobytes(), (name, data.hex())
            whole.free()
            parts.free()


def chain(pool: Mempool, burst: Burst, data: bytes) -> None:
    """Make a packet of segments of 1 to 13 bytes."""
    chance = random.Random(data)
    pieces, at = [], 0
    while at < len(data) or not pieces:
        n = chance.randint(1, 13)
        pieces.append(data[at : at + n])
        at += n
    with Burst(len(pieces)) as segments:
        segments.alloc(pool)
        segments.fill(pieces)
        head = segments.mbuf(0)
        for _ in pieces[1:]:
            head.chain(segments.mbuf(1))
        segments.take(np.ones(1, bool), burst)

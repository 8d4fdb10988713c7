"""Uniform packets are read by a faster path, with the same results."""

from __future__ import annotations

import random
import struct

import numpy as np
import pytest
from packets import arp, ethernet, ipv4

from pydpdk import Burst, Mempool
from pydpdk.burst.columns import names

N = 70  # two whole chunks of the C code, and a part of one
OUTER = [name for name in names() if not name.startswith(("inner_", "vxlan", "gre"))]


def usual(i: int, tcp: bool) -> bytes:
    chance = random.Random(i)
    proto = 6 if tcp else 17
    return ethernet(0x0800, ipv4(chance.randbytes(20 + i % 3), proto))


def columns_of(pool: Mempool, packets: list[bytes]) -> dict[str, np.ndarray]:
    with Burst(len(packets)) as burst:
        burst.alloc(pool, len(packets))
        burst.fill(packets)
        names_of = tuple(OUTER)
        found = dict(zip(OUTER, burst.columns[names_of], strict=True))
        burst.free()
    return found


@pytest.mark.parametrize("kinds", ["all UDP", "all TCP", "mixed", "one TCP"])
def test_columns_match_those_of_mixed_packets(eal, pool: Mempool, kinds: str):
    tcp = {
        "all UDP": [False] * N, "all TCP": [True] * N, "mixed": [i % 3 == 0 for i in range(N)],
        "one TCP": [i == 40 for i in range(N)],
    }[kinds]  # fmt: skip
    packets = [usual(i, each) for i, each in enumerate(tcp)]
    alike = columns_of(pool, packets)
    # every chunk has a different one, so that all are read one by one
    strange = ethernet(0x0806, arp())
    places = [i for i in range(2 * N) if i % 16 != 0][:N]
    spread = [strange] * (places[-1] + 1)
    for place, packet in zip(places, packets, strict=True):
        spread[place] = packet
    one_by_one = columns_of(pool, spread)
    for name, values in alike.items():
        if name not in ("mbuf.port", "mbuf.timestamp"):
            assert (values == one_by_one[name][places]).all(), name
    assert alike["udp?"].tolist() == [not each for each in tcp]
    payload = [packet[34:38] for packet in packets]
    ports = list(zip(alike["l4.src_port"].tolist(), alike["l4.dst_port"].tolist(), strict=True))
    assert ports == [struct.unpack("!HH", each) for each in payload]


def test_one_byte_less_than_a_tcp_header_is_not_usual(eal, pool: Mempool):
    whole = usual(0, tcp=True)[:54]
    found = columns_of(pool, [whole] * 32)
    assert found["tcp?"].all()
    for cut in (53, 42, 34, 33):
        found = columns_of(pool, [whole[:cut]] * 32)
        assert not found["tcp?"].any()
        assert found["ipv4?"].all() == (cut >= 34)
        assert not found["tcp.src_port"].any()

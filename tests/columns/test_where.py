"""Conditions in one line: against numpy over columns and against libpcap, on captured packets."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from capture_compare import shipped
from packets import MAC_A

import pydpdk
from pydpdk import Bpf, Burst, Mempool, Where

CAPTURED = shipped()
Numpy = Callable[[Any], Any]

CONDITIONS: dict[str, Numpy] = {
    "udp?": lambda c: c["udp?"],
    "not udp?": lambda c: ~c["udp?"],
    "udp.dst_port == 53": lambda c: c["udp?"] & (c["udp.dst_port"] == 53),
    "udp.dst_port != 53": lambda c: c["udp?"] & (c["udp.dst_port"] != 53),
    "not udp.dst_port == 53": lambda c: ~(c["udp?"] & (c["udp.dst_port"] == 53)),
    "l4.src_port < 1024": lambda c: c["l4?"] & (c["l4.src_port"] < 1024),
    "l4.src_port <= 1024": lambda c: c["l4?"] & (c["l4.src_port"] <= 1024),
    "l4.src_port > 0x400": lambda c: c["l4?"] & (c["l4.src_port"] > 1024),
    "l4.src_port >= 1024": lambda c: c["l4?"] & (c["l4.src_port"] >= 1024),
    "l4.src_port >= 0": lambda c: c["l4?"],
    "l4.src_port < 0": lambda c: c["l4?"] & False,
    "ipv4.src_addr in 10.0.0.0/8": lambda c: c["ipv4?"] & (c["ipv4.src_addr"] >> 24 == 10),
    "ipv4.src_addr == 10.0.0.1": lambda c: c["ipv4?"] & (c["ipv4.src_addr"] == 0x0A000001),
    "ipv4.src_addr in [192.168.0.0/16, 10.0.0.0..10.0.0.255, 1.1.1.1]": lambda c: c["ipv4?"]
    & ((c["ipv4.src_addr"] >> 16 == 0xC0A8) | (c["ipv4.src_addr"] >> 8 == 0x0A0000)
       | (c["ipv4.src_addr"] == 0x01010101)),
    "ipv6.dst_addr in [fe80::/10, ff02::/16]": lambda c: c["ipv6?"]
    & (((c["ipv6.dst_addr"][:, 0] == 0xFE) & (c["ipv6.dst_addr"][:, 1] >> 6 == 2))
       | ((c["ipv6.dst_addr"][:, 0] == 0xFF) & (c["ipv6.dst_addr"][:, 1] == 2))),
    "ipv6.dst_addr != ff02::1": lambda c: c["ipv6?"]
    & (c["ipv6.dst_addr"] != [0xFF, 2, *[0] * 13, 1]).any(axis=1),
    "ether.dst_addr == ff:ff:ff:ff:ff:ff": lambda c: c["ether?"]
    & (c["ether.dst_addr"] == 255).all(axis=1),
    "ether.src_addr >= 80:00:00:00:00:00": lambda c: c["ether?"]
    & (c["ether.src_addr"][:, 0] > 127),
    "tcp.tcp_flags & 0x12 == 0x02": lambda c: c["tcp?"] & (c["tcp.tcp_flags"] & 0x12 == 2),
    "vlan.vlan_tci & 0xfff in [1..99, 300..4000]": lambda c: c["vlan?"]
    & (((c["vlan.vlan_tci"] & 0xFFF >= 1) & (c["vlan.vlan_tci"] & 0xFFF <= 99))
       | ((c["vlan.vlan_tci"] & 0xFFF >= 300) & (c["vlan.vlan_tci"] & 0xFFF <= 4000))),
    "mbuf.pkt_len in 60..100": lambda c: (c["mbuf.pkt_len"] >= 60) & (c["mbuf.pkt_len"] <= 100),
    "flow.proto == 6 or net.packet_type & 0xf00 == 0x200": lambda c: (c["flow.proto"] == 6)
    | (c["net.packet_type"] & 0xF00 == 0x200),
    "flow.hash >= 0x80000000": lambda c: c["flow.hash"] >= 1 << 31,
    "inner_ipv4? and (gre? or vxlan?)": lambda c: c["inner_ipv4?"] & (c["gre?"] | c["vxlan?"]),
    "arp.arp_opcode == 1 and arp.arp_data.arp_tip in 192.168.0.0/16": lambda c: c["arp?"]
    & (c["arp.arp_opcode"] == 1) & (c["arp.arp_data.arp_tip"] >> 16 == 0xC0A8),
    "(udp? or tcp?) and not (ipv6? or ipv4.time_to_live < 64) and mbuf.pkt_len > 60": lambda c: (
        (c["udp?"] | c["tcp?"]) & ~(c["ipv6?"] | (c["ipv4?"] & (c["ipv4.time_to_live"] < 64)))
        & (c["mbuf.pkt_len"] > 60)
    ),
}  # fmt: skip

PCAP = {
    "udp and not ip6": "udp? and not ipv6?",
    "vlan": "vlan?",
    "arp": "arp?",
    "ether broadcast": "ether.dst_addr == ff:ff:ff:ff:ff:ff",
    "src net 10.0.0.0/8 and ip": "ipv4.src_addr in 10.0.0.0/8",
    "ip6 and dst net fe80::/10": "ipv6.dst_addr in fe80::/10",
    "greater 100": "mbuf.pkt_len >= 100",
    "ip and ip[8] < 64": "ipv4.time_to_live < 64",
}
"""libpcap looks at tagged packets, fragments and cut ones in another way."""


@pytest.fixture
def bursts(eal, name: str) -> Iterator[list[Burst]]:
    """Many captured packets, in bursts."""
    size = 256
    with Mempool.create(f"{name}-all", 4095, cache_size=0) as pool:
        made = [Burst.of(pool, CAPTURED[i : i + size]) for i in range(0, 2048, size)]
        yield made
        for burst in made:
            burst.free()
            burst.close()


@pytest.mark.parametrize("condition", CONDITIONS)
def test_as_numpy_over_columns(bursts: list[Burst], condition: str):
    for burst in bursts:
        expected = np.asarray(CONDITIONS[condition](burst.columns), bool)
        mask = burst.where(condition)
        assert mask.dtype == bool
        assert np.flatnonzero(mask != expected).tolist() == []
        assert (Where(condition).match(burst) == mask).all()


@pytest.mark.parametrize("expression", PCAP)
def test_as_libpcap(bursts: list[Burst], expression: str):
    found = 0
    with Bpf(expression) as bpf:
        for burst in bursts:
            expected, mask = bpf.match(burst), burst.where(PCAP[expression])
            differ = np.flatnonzero(expected != mask).tolist()
            assert [burst.bytes(i).hex() for i in differ if is_plain(burst, i)] == []
            found += int(mask.sum())
    assert found > 0


def is_plain(burst: Burst, i: int) -> bool:
    """Whether libpcap, which looks at fixed places only, sees the same headers in packet i."""
    headers = {header.name: header.fields for header in burst.packet(i).headers()}
    said = headers.get("ether", {}).get("ether_type")
    if said == 0x0800 and "fragment_offset" not in headers.get("ipv4", {"fragment_offset": 0}):
        return "vlan" not in headers
    return said != 0x0800 and "vlan" not in headers


def test_random_conditions(bursts: list[Burst]):
    rng = random.Random(5)
    burst = bursts[0]
    texts = list(CONDITIONS)
    masks = {text: np.asarray(CONDITIONS[text](burst.columns), bool) for text in texts}

    def grow(depth: int) -> tuple[str, Any]:
        if depth == 0:
            text = rng.choice(texts)
            return f"({text})", masks[text]
        if rng.random() < 0.2:
            text, mask = grow(depth - 1)
            return f"not {text}", ~mask
        (a, left), (b, right) = grow(depth - 1), grow(depth - 1)
        if rng.random() < 0.5:
            return f"({a} and {b})", left & right
        return f"({a} or {b})", left | right

    for _ in range(200):
        text, mask = grow(rng.randint(0, 4))
        assert (Where(text).match(burst) == mask).all(), text


def test_fields_in_several_segments(pool: Mempool, burst: Burst):
    with Mempool.create("short", 255, cache_size=0, data_room_size=128 + 16) as short:
        burst.append(short, CAPTURED[:8])
        with Burst.of(pool, CAPTURED[:8]) as whole:
            for condition in CONDITIONS:
                assert (burst.where(condition) == whole.where(condition)).all(), condition
            whole.free()
        burst.free()


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        ("udp.dst_prt == 53", "at character 1: column 'udp.dst_prt': there is none; near it: udp"),
        ("udp.dst_port == 10.0.0.1", "at character 17 must be a number from 0 to 65535 (got '10."),
        ("udp.dst_port == 65536", "at character 17 must be a number from 0 to 65535 (got '65536')"),
        ("udp.dst_port == -1", "at character 17 must be a name, a value or a sign (got '-')"),
        ("udp == 5", "at character 1 must be 'udp?' or a field of it (got 'udp')"),
        ("mbuf.pkt_len? == 5", "at character 15 must be 'and', 'or' or the end (got '==')"),
        ("ipv4.src_addr in 10.0.0.1/8", "10.0.0.1/8 has host bits set (got '10.0.0.1/8')"),
        ("ipv4.src_addr == 10.0.0.0/8", "must be one address, or a prefix after 'in'"),
        ("ipv4.src_addr in 10.0.0.0/33", "must be an IPv4 address, a prefix or a number"),
        ("ipv6.src_addr in fe80::/129", "must be an IPv6 address or prefix"),
        ("ether.dst_addr == 1", "must be a MAC address (got '1')"),
        ("ether.dst_addr & 5 == 3", "must be a comparison, as ether.dst_addr is an address"),
        ("flow.tuple == 3", "must be a column of numbers or addresses (got 'flow.tuple')"),
        ("udp.dst_port in 5..3", "must be an end that is not below the beginning (got '3')"),
        ("udp.dst_port in []", "must be a number from 0 to 65535 (got ']')"),
        ("udp.dst_port in [1, 2", "must be ']' (got the end)"),
        ("udp.dst_port", "must be one of == != < <= > >= in & (got the end)"),
        ("udp.dst_port == ", "must be a number from 0 to 65535 (got the end)"),
        ("(udp?", "at character 6 must be ')' (got the end)"),
        ("udp? or", "must be the name of a column, 'not' or '(' (got the end)"),
        ("udp? tcp?", "at character 6 must be 'and', 'or' or the end (got 'tcp?')"),
        ("$", "at character 1 must be a name, a value or a sign (got '$')"),
        (" ", "must be the name of a column, 'not' or '(' (got the end)"),
        ("udp? and ü", "at character 10 must be a name"),
        ("0123 == udp.dst_port", "at character 1 must be the name of a column"),
        ("udp.dst_port == 0123", "must be a number"),
        ("", "condition must be 1..4096 characters (got 0)"),
        ("udp?" + " " * 4096, "condition must be 1..4096 characters (got 4100)"),
        ("not " * 101 + "udp?", "must be at most 100 'not' and '(' inside each other"),
        ("(" * 101 + "udp?", "must be at most 100 'not' and '(' inside each other"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(burst: Burst, condition: str, message: str):
    with pytest.raises(ValueError) as caught:  # the message is below
        burst.where(condition)
    assert message in str(caught.value)


@pytest.mark.parametrize("condition", [None, 5, b"udp?", ["udp?"]])
def test_what_is_no_text(burst: Burst, condition):
    with pytest.raises(TypeError, match=r"condition must be text|unhashable"):
        burst.where(condition)
    with pytest.raises(TypeError, match="condition must be text"):
        Where(condition)


def test_what_is_no_burst(eal):
    where = Where("udp?")
    for wrong in (None, b"x", [1], np.zeros(3)):
        with pytest.raises(TypeError, match="burst must be a Burst"):
            where.match(wrong)  # type: ignore[arg-type]
    with Burst(4) as closed:
        pass
    with pytest.raises(pydpdk.ClosedError):
        where.match(closed)
    assert repr(where) == "<Where 'udp?'>"


def test_long_conditions(pool: Mempool, burst: Burst):
    burst.append(pool, MAC_A * 2 + b"\x08\0" + bytes(46))
    many = " or ".join(f"mbuf.pkt_len == {i}" for i in range(100))
    assert burst.where(many).tolist() == [True]
    ports = ", ".join(str(i) for i in range(1, 999, 2))
    assert burst.where(f"mbuf.pkt_len in [{ports}]").tolist() == [False]
    burst.free()


def test_an_empty_burst(burst: Burst):
    assert burst.where("udp?").tolist() == []

"""Filters: tcpdump expressions find what columns and Scapy find."""

from __future__ import annotations

import errno
from collections.abc import Iterator

import numpy as np
import pytest
from capture_compare import shipped

from pydpdk import Bpf, Burst, ClosedError, Eal, Mempool, NotSupportedError
from pydpdk.burst.columns import Columns


def untagged(c: Columns) -> np.ndarray:
    """IPv4 as libpcap sees it: not behind a VLAN tag."""
    return c["ipv4?"] & ~c["vlan?"]


EXPRESSIONS = {
    "ip": lambda c: c["ether.ether_type"] == 0x0800,
    "arp": lambda c: c["ether.ether_type"] == 0x0806,
    "greater 100": lambda c: c["mbuf.pkt_len"] >= 100,
    "ether[0] & 1 != 0": lambda c: c["ether.dst_addr"][:, 0] & 1 != 0,
    "ip and udp dst port 53": lambda c: untagged(c) & (c["udp.dst_port"] == 53),
    "ip6 and tcp src port 179": lambda c: c["ipv6?"] & (c["tcp.src_port"] == 179),
    "src net 10.0.0.0/8": lambda c: untagged(c) & (c["ipv4.src_addr"] >> 24 == 10),
    "ip[8] < 5": lambda c: untagged(c) & (c["ipv4.time_to_live"] < 5),
}


@pytest.fixture
def bpf(eal: Eal) -> Iterator[Bpf]:
    with Bpf("udp port 53") as made:
        yield made


@pytest.fixture
def captured(pool: Mempool) -> Iterator[Burst]:
    """Whole packets with valid headers."""
    with Burst(400) as burst:
        packets = [p for p in shipped() if len(p) >= 60][:400]
        burst.alloc(pool, len(packets))
        burst.fill(packets)
        burst.drop(np.logical_or(*burst.verify_checksums()))
        yield burst
        burst.free()


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_an_expression_finds_what_columns_find(captured: Burst, expression: str):
    """rte_bpf_exec."""
    with Bpf(expression) as bpf:
        found = bpf.match(captured)
    assert found.tolist() == EXPRESSIONS[expression](captured.columns).tolist()


def test_masks_of_some_expressions_have_both_values(captured: Burst):
    for expression in ("ip", "greater 100"):
        with Bpf(expression) as bpf:
            assert 0 < bpf.match(captured).sum() < len(captured)


def test_fields_over_segments_are_read(pool: Mempool, burst: Burst, bpf: Bpf):
    head = bytes(12) + b"\x08\0E" + bytes(8) + b"\x11" + bytes(10) + b"\0\7\0\x35\0\x08\0\0"
    for cut in range(1, len(head)):
        with Burst(2) as parts:
            parts.alloc(pool, 2)
            parts.fill([head[:cut], head[cut:]])
            parts.mbuf(0).chain(parts.mbuf(1))
            assert bpf.match(parts).tolist() == [True]
            parts.free()


def test_packets_that_end_too_early_do_not_match(pool: Mempool, burst: Burst, bpf: Bpf):
    head = bytes(12) + b"\x08\0E" + bytes(8) + b"\x11" + bytes(10) + b"\0\7\0\x35"
    burst.alloc(pool, len(head) - 7)
    burst.fill([head[:n] for n in range(len(head) - 7)])
    assert not bpf.match(burst).any()


@pytest.mark.parametrize(
    "expression", ["nonsense here", "port", "((", "udp port 99999", "", "x" * 4097, "udp\0", "é"]
)
def test_an_invalid_expression_raises(eal: Eal, expression: str):
    with pytest.raises(ValueError, match="expression"):
        Bpf(expression)


@pytest.mark.parametrize(
    "expression", ["inbound", "outbound", "ip protochain 17", "ip6 protochain 58", "ifindex 1"]
)
def test_expressions_without_dpdk_instructions_are_not_supported(eal: Eal, expression: str):
    with pytest.raises(NotSupportedError, match=f"{expression}: not supported") as raised:
        Bpf(expression)
    assert raised.value.errno == errno.ENOTSUP
    Bpf("udp").close()


def test_a_program_that_reads_what_it_never_wrote_is_not_supported(eal: Eal):
    """libpcap's own answers depend on what is in its memory: `geneve` moves what `vlan` reads."""
    for expression in (
        "not (geneve or vlan)",
        "(not ip or geneve and arp) or not (vlan or port 53)",
    ):
        with pytest.raises(NotSupportedError, match="geneve"):
            Bpf(expression)
    Bpf("geneve").close()


def test_arguments_of_a_wrong_type_raise(eal: Eal, bpf: Bpf):
    for expression in (None, 1, b"udp"):
        with pytest.raises(TypeError):
            Bpf(expression)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        bpf.match(None)  # type: ignore[arg-type]


def test_a_closed_filter_or_burst_raises(burst: Burst, bpf: Bpf):
    closed = Burst(1)
    closed.close()
    with pytest.raises(ClosedError):
        bpf.match(closed)
    bpf.close()
    bpf.close()
    with pytest.raises(ClosedError):
        bpf.match(burst)

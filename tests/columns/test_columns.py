"""Columns: a field of every packet as one array, zeros where a packet has none, and back."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from packets import FRAMES
from scapy.all import (
    GRE,
    IP,
    TCP,
    UDP,
    VXLAN,
    Ether,
    IPv6,
    IPv6ExtHdrDestOpt,
    IPv6ExtHdrFragment,
)  # fmt: skip

import pydpdk
from pydpdk import Burst, DynField, DynFlag, Mempool
from pydpdk.burst.columns import names
from pydpdk.errors import BusyError, ClosedError
from pydpdk.memory.dynfield import rx_timestamp

ETHER = Ether(dst="02:00:00:00:00:02", src="02:00:00:00:00:01")


def load(pool: Mempool, burst: Burst, *packets: object) -> Burst:
    burst.free()
    burst.alloc(pool, len(packets))
    burst.fill([bytes(p) for p in packets])
    return burst


def test_several_columns_are_filled_in_one_call(frames: Burst):
    src, port, has, length = frames.columns["ipv4.src_addr", "udp.dst_port", "udp?", "mbuf.pkt_len"]
    assert src.tolist() == [0xC6124F01, 0, 0, 0xC6124F01]
    assert port.tolist() == [2000, 2000, 0, 2000]
    assert has.tolist() == [True, True, False, True]
    assert length.tolist() == list(map(len, FRAMES))
    assert [a.dtype for a in (src, port, has, length)] == ["u4", "u2", "bool", "u4"]


def test_addresses_are_bytes(frames: Burst):
    assert frames.columns["ether.dst_addr"].shape == (4, 6)
    assert frames.columns["ether.dst_addr"][0].tobytes() == FRAMES[0][:6]
    assert frames.columns["ipv6.src_addr"][1].tobytes() == bytes(15) + b"\1"
    assert not frames.columns["ipv6.src_addr"][0].any()


def test_tags_and_arp(frames: Burst):
    assert frames.columns["vlan.vlan_tci"].tolist() == [0, 0, 0, 77]
    assert frames.columns["vlan?"].tolist() == [False, False, False, True]
    assert frames.columns["arp.arp_opcode"].tolist() == [0, 0, 1, 0]
    assert frames.columns["arp.arp_data.arp_tip"][2] == 0xC6124F02


def test_a_field_with_a_question_mark_is_a_mask_of_packets_with_the_field(frames: Burst):
    for name in ("udp.dst_port", "udp"):
        assert frames.columns[f"{name}?"].tolist() == [True, True, False, True]
    assert frames.columns["mbuf.pkt_len?"].all()
    assert not frames.columns["mbuf.hash.rss?"].any()


@pytest.mark.parametrize(
    ("outer", "header"), [(UDP(sport=1, dport=4789) / VXLAN(vni=99), "vxlan"), (GRE(), "gre")]
)
def test_a_packet_inside_a_tunnel(pool: Mempool, burst: Burst, outer: object, header: str):
    inner = Ether(dst="02:00:00:00:00:09") / IP(src="198.18.0.9") / TCP(dport=443)
    load(pool, burst, ETHER / IP(src="198.18.0.1") / outer / inner, ETHER / IP() / TCP())
    c = burst.columns
    assert c[f"{header}?"].tolist() == [True, False]
    assert c["ipv4.src_addr"][0] == 0xC6120001
    assert c["inner_ipv4.src_addr"].tolist() == [0xC6120009, 0]
    assert c["inner_tcp.dst_port"].tolist() == [443, 0]
    assert c["inner_ether.dst_addr"][0].tobytes() == b"\2\0\0\0\0\t"
    assert c["inner_flow.tuple"]["dst_port"].tolist() == [443, 0]


# from the verification suite of Microsoft's RSS specification
@pytest.mark.parametrize(
    ("packet", "with_ports", "without"),
    [
        (("66.9.149.187", 2794, "161.142.100.80", 1766), 0x51CCC178, 0x323E8FC2),
        (("199.92.111.2", 14230, "65.69.140.83", 4739), 0xC626B0EA, 0xD718262A),
        (("3ffe:2501:200:1fff::7", 2794, "3ffe:2501:200:3::1", 1766), 0x40207D3D, 0x2CC18CD5),
    ],
)
def test_the_flow_hash_matches_that_of_nics(pool, burst, packet, with_ports, without):
    """rte_softrss."""
    src, sport, dst, dport = packet
    ip = (IPv6 if ":" in src else IP)(src=src, dst=dst)
    load(pool, burst, ETHER / ip / TCP(sport=sport, dport=dport), ETHER / ip)
    assert burst.columns["flow.hash"].tolist() == [with_ports, without]


def test_the_five_tuple_is_a_record(frames: Burst):
    flow = frames.columns["flow.tuple"]
    assert flow["version"].tolist() == [4, 6, 0, 4]
    assert flow["proto"].tolist() == [17, 17, 0, 17] == frames.columns["flow.proto"].tolist()
    assert flow["src_port"].tolist() == [1000, 1000, 0, 1000]
    assert flow["src_addr"][0].tobytes() == bytes(12) + b"\xc6\x12\x4f\1"
    assert len(np.unique(flow)) == 3


def test_fragments_have_no_ports(pool: Mempool, burst: Burst):
    load(pool, burst, *(ETHER / IP(flags=f, frag=n) / UDP() for f, n in (("MF", 0), ("", 9))))
    assert burst.columns["ipv4?"].all()
    assert not burst.columns["udp?"].any()


def test_ipv6_packets_in_one_piece_have_ports_behind_a_fragment_header(pool: Mempool, burst: Burst):
    """RFC 6946: offset 0 without more fragments is no fragment."""
    kinds = [(0, 0), (0, 1), (1, 0)]
    ip = ETHER / IPv6()
    load(pool, burst, *(ip / IPv6ExtHdrFragment(offset=o, m=m) / UDP(dport=9) for o, m in kinds))
    port, has_port, has_fragment, proto = burst.columns[
        "udp.dst_port", "udp?", "ipv6_fragment_ext?", "flow.proto"
    ]
    assert port.tolist() == [9, 0, 0]
    assert has_port.tolist() == [True, False, False]
    assert has_fragment.all()
    assert proto.tolist() == [17] * 3


def test_headers_behind_eight_extension_headers_are_found(pool: Mempool, burst: Burst):
    packets = []
    for n in range(10):
        packet = ETHER / IPv6()
        for _ in range(n):
            packet /= IPv6ExtHdrDestOpt()
        packets.append(packet / UDP(dport=9))
    load(pool, burst, *packets)
    assert burst.columns["udp?"].tolist() == [n <= 8 for n in range(10)]
    assert burst.columns["ipv6?"].all()
    assert not burst.verify_checksums()[1].any()


def test_dynamic_fields_and_flags_are_columns(frames: Burst):
    field = DynField.register("columns_field", np.uint32)
    flag = DynFlag.register("columns_flag")
    frames.columns[field] = [1, 2, 3, 1 << 31]
    frames.columns[flag] = np.array([False, True, False, True])
    assert frames.columns[field].tolist() == [1, 2, 3, 1 << 31]
    assert [frames.mbuf(i)[field] for i in range(4)] == [1, 2, 3, 1 << 31]
    assert frames.columns[flag, field][0].tolist() == [False, True, False, True]
    frames.columns[flag] = False
    assert not frames.columns[flag].any()


def test_timestamps_are_those_of_packets_that_have_one(frames: Burst):
    field, flag = rx_timestamp()
    frames.mbuf(2)[field] = 12345
    assert not frames.columns["mbuf.timestamp"].any()
    frames.mbuf(2)[flag] = True
    assert frames.columns["mbuf.timestamp"].tolist() == [0, 0, 12345, 0]
    assert frames.columns["mbuf.timestamp?"].tolist() == [False, False, True, False]


def test_assigning_writes_into_packets_that_have_the_field(frames: Burst):
    before = [frames.bytes(i) for i in range(4)]
    frames.columns["udp.dst_port"] = np.array([1, 2, 3, 4], np.uint16)
    frames.columns["ipv4.time_to_live"] = 9
    frames.columns["ether.src_addr"] = b"\2\2\2\2\2\2"
    assert frames.columns["udp.dst_port"].tolist() == [1, 2, 0, 4]
    assert frames.columns["ipv4.time_to_live"].tolist() == [9, 0, 0, 9]
    assert frames.bytes(2) == before[2][:6] + b"\2" * 6 + before[2][12:]
    assert frames.bytes(0)[36:38] == b"\0\1"


def test_assigning_metadata(frames: Burst):
    frames.columns["mbuf.hash.rss"] = [1, 2, 3, 4]
    frames.columns["mbuf.packet_type"] = frames.columns["net.packet_type"]
    assert [frames.mbuf(i).rss_hash for i in range(4)] == [1, 2, 3, 4]
    assert frames.columns["mbuf.packet_type"].tolist() == [0x211, 0x241, 1, 0x216]


def test_ownership_flags_stay_when_all_flags_are_written(pool: Mempool, frames: Burst):
    with Burst(4) as clones:
        frames.clone(pool, clones)
        before = clones.columns["mbuf.ol_flags"]
        clones.columns["mbuf.ol_flags"] = np.zeros(4, np.uint64)
        assert (clones.columns["mbuf.ol_flags"] == before).all()
        clones.free()


def test_a_field_across_segments(pool: Mempool, burst: Burst):
    """Read and written across the end of a segment."""
    data = FRAMES[0]
    with Burst(3) as parts:
        parts.alloc(pool, 3)
        parts.fill([data[:28], data[28:37], data[37:]])
        head = parts.mbuf(0)
        head.chain(parts.mbuf(1))
        head.chain(parts.mbuf(1))
        parts.take(np.ones(1, bool), burst)
    assert burst.columns["ipv4.src_addr"][0] == 0xC6124F01
    burst.columns["ipv4.src_addr"] = 0x01020304
    burst.columns["udp.dst_port"] = 0x0506
    assert burst.bytes(0)[26:38] == b"\1\2\3\4\xc6\x12\x4f\2\x03\xe8\5\6"


def test_shared_memory_is_not_written(pool: Mempool, frames: Burst):
    before = [frames.bytes(i) for i in range(4)]
    with Burst(4) as clones:
        frames.clone(pool, clones)
        with pytest.raises(ValueError, match="packet 0: other mbufs see"):
            clones.columns["udp.dst_port"] = 1
        with pytest.raises(ValueError, match="packet 0: other mbufs see"):
            frames.poke(0, b"x")
        clones.free()
    assert [frames.bytes(i) for i in range(4)] == before


@pytest.mark.parametrize(
    ("name", "value", "error", "match"),
    [
        ("ipv4.time_to_live", 256, ValueError, r"0\.\.255"),
        ("ipv4.time_to_live", [1, 2], ValueError, "shape"),
        ("ipv4.time_to_live", -1, ValueError, r"0\.\.255"),
        ("ipv4.time_to_live", 1.5, TypeError, "integers"),
        ("ipv4.time_to_live", "x", TypeError, "integers"),
        ("ether.dst_addr", b"12345", ValueError, "shape"),
        ("mbuf.pkt_len", 1, ValueError, "only be read"),
        ("udp?", True, ValueError, "only be read"),
        ("flow.hash", 1, ValueError, "only be read"),
        ("udp.dstport", 1, ValueError, r"near it: .*udp\.dst_port"),
        ("udp", 1, ValueError, "only be read"),
        ("flow.hash?", 1, ValueError, "there is none"),
    ],
)
def test_values_that_do_not_fit_raise(frames: Burst, name, value, error, match):
    before = [frames.bytes(i) for i in range(4)]
    with pytest.raises(error, match=match):
        frames.columns[name] = value
    assert [frames.bytes(i) for i in range(4)] == before


@pytest.mark.parametrize("key", [1, None, b"udp.dst_port", ["udp.dst_port"], ("udp?", {})])
def test_an_invalid_name_of_a_column_raises(frames: Burst, key: object):
    with pytest.raises(TypeError, match="must"):
        frames.columns[key]


def test_bound_columns_are_filled_again(pool: Mempool, burst: Burst):
    bound = burst.columns.bind("udp.dst_port", "mbuf.pkt_len")
    assert [a.tolist() for a in bound()] == [[], []]
    load(pool, burst, *FRAMES)
    ports, _ = bound()
    assert ports.tolist() == [2000, 2000, 0, 2000]
    burst.columns["udp.dst_port"] = 5
    again, _ = bound()
    assert again.tolist() == ports.tolist() == [5, 5, 0, 5]
    load(pool, burst, *[FRAMES[0]] * 32)
    assert bound()[0].tolist() == [2000] * 32
    assert bound()[0] is bound()[0]


def test_an_array_of_one_call_is_not_changed_by_the_next(frames: Burst):
    first = frames.columns["udp.dst_port"]
    frames.columns["udp.dst_port"] = 5
    assert first.tolist() == [2000, 2000, 0, 2000]


def test_every_name_has_a_column_of_the_bursts_length(frames: Burst):
    for name in names():
        assert len(frames.columns[name]) == 4
    assert all(len(a) == 4 for a in frames.columns[tuple(names())])
    assert len(names()) > 150


def test_a_closed_burst_has_no_columns(eal: pydpdk.Eal):
    burst = Burst(4)
    bound = burst.columns.bind("udp?")
    burst.close()
    with pytest.raises(ClosedError):
        bound()
    with pytest.raises(ClosedError):
        burst.columns["ipv4.time_to_live"] = 1
    with pytest.raises(ClosedError):
        burst.peek(0, 1)


def test_two_threads_get_a_result_or_busy_error(pool: Mempool, burst: Burst):
    load(pool, burst, *FRAMES * 8)
    outcomes: list[object] = []

    def look() -> None:
        bound = burst.columns.bind(*names())
        for _ in range(300):
            try:
                outcomes.append(bound()[0].size)
            except BusyError as error:
                outcomes.append(type(error))

    threads = [threading.Thread(target=look) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(outcomes) == 600
    assert {32} <= set(outcomes) <= {32, BusyError}


def test_addresses_as_text(pool: Mempool, burst: Burst):
    burst.append(pool, [bytes(Ether() / IP() / UDP()), bytes(Ether() / IPv6() / UDP())])
    columns = burst.columns
    columns["ether.dst_addr"] = "02:00:00:00:00:0A"
    columns["ipv4.src_addr"] = "10.0.0.7"
    columns["ipv6.dst_addr"] = ["::", "2001:db8::9"]
    burst.compute_checksums()
    burst.rewrite("ipv4.dst_addr", "10.0.0.8")
    assert columns.text("ether.dst_addr") == ["02:00:00:00:00:0a"] * 2
    assert columns.text("ipv4.src_addr") == ["10.0.0.7", ""]
    assert columns.text("ipv4.dst_addr") == ["10.0.0.8", ""]
    assert columns.text("ipv6.dst_addr") == ["", "2001:db8::9"]
    assert columns.text("l4.dst_port") == ["53", "53"]
    assert columns.text("mbuf.pkt_len") == ["42", "62"]
    assert columns.text("udp?") == ["True", "True"]
    assert not burst.verify_checksums()[0].any()
    burst.free()


@pytest.mark.parametrize(
    ("name", "value", "error", "text"),
    [
        ("ipv4.src_addr", "x", ValueError, r"src_addr must be an address as 10.0.0.1 \(got 'x'\)"),
        ("udp.dst_port", "53", TypeError, "must be integers"),
        ("ether.dst_addr", ["02:00:00:00:00:01", "10.0.0.1"], ValueError, r"\(got '10.0.0.1'\)"),
        ("ipv6.src_addr", "10.0.0.1", ValueError, "must be an address as fe80::1"),
    ],
)
def test_text_that_is_no_address(pool: Mempool, burst: Burst, name, value, error, text):
    burst.append(pool, [bytes(Ether() / IP() / UDP())] * 2)
    with pytest.raises(error, match=text):
        burst.columns[name] = value
    with pytest.raises(ValueError, match="has neither numbers nor addresses"):
        burst.columns.text("flow.tuple")
    burst.free()

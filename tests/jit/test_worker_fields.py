"""Headers and fields in compiled code match those of columns."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scapy.all import Ether, IPv6
from worker_packets import N, load, through

from pydpdk import Burst, CompileError, Ring, cycles, worker
from pydpdk.burst._catalog import catalog

FIELDS = [
    "vlan.vlan_tci", "arp.arp_opcode", "arp.arp_data.arp_sip", "ipv4.src_addr", "ipv6.hop_limits",
    "ipv6.payload_len", "ipv6_fragment_ext.frag_data", "l4.dst_port", "tcp.sent_seq",
    "udp.dgram_len", "sctp.src_port", "icmp.icmp_seq_nb", "icmp6.icmp_type", "vxlan.vx_vni",
    "gre.proto", "inner_ipv4.src_addr", "inner_tcp.dst_port", "inner_udp.dst_port",
    "mbuf.pkt_len", "mbuf.nb_segs", "ether.ether_type", "vlan[1].vlan_tci",
]  # fmt: skip


def reader(field: str) -> Any:
    """Make a worker that reads a field of each packet: -1 without such a header."""
    header, _, rest = field.replace("[1]", "1").partition(".")
    scope: dict[str, Any] = {"worker": worker}
    code = f"""
def reads(there, back, burst, out):
    for i in range(there.rx(burst)):
        h = burst[i].{header}
        out[i] = h.{rest} if h else -1
    back.tx(burst)
"""
    exec(code, scope)
    return worker(scope["reads"])


@pytest.mark.parametrize("field", FIELDS)
def test_headers_read_as_in_columns(pair, pool, field: str):
    out = np.zeros(N, np.int64)
    through(pair, reader(field), pool, out)
    header = field.partition(".")[0]
    asked = (field, f"{header}?") if header != "mbuf" else (field,)
    with Burst(64) as ours:
        values, *has = load(ours, pool).columns[asked]
        has = has[0].copy() if has else np.ones(N, bool)
        expected = np.where(has, values.astype(np.int64), -1)
        ours.free()
    assert out.tolist() == expected.tolist()
    assert has.any()


def test_packets_have_every_header_of_columns():
    from pydpdk.jit.headers import HEADERS

    names = {name for name, spec in catalog().items() if "." not in name and spec.dtype == bool}
    assert {name.replace("[1]", "1") for name in names} <= set(HEADERS)


@worker
def swaps_addresses(there, back, burst, out):
    for i in range(there.rx(burst)):
        ip = burst[i].ipv6
        if ip:
            out[i, 0], out[i, 1] = ip.src_addr
            src = ip.src_addr
            ip.src_addr = ip.dst_addr
            ip.dst_addr = src
    back.tx(burst)


def test_an_address_of_ipv6_is_two_numbers(pair, pool):
    out = np.zeros((N, 2), np.uint64)
    _, packets = through(pair, swaps_addresses, pool, out)
    assert out[3].tolist() == [0xFE80 << 48, 1]
    found = Ether(packets[3])[IPv6]
    assert (found.src, found.dst) == ("2001:db8::2", "fe80::1")


@worker
def marks(there, back, burst):
    for i in range(there.rx(burst)):
        m = burst[i].mbuf
        m.port = 9
        m.hash.rss = 1000 + i
    back.tx(burst)


def test_fields_of_the_mbuf_are_written(pair, pool):
    there, back = pair
    with Burst(64) as ours, Burst(64) as its:
        there.tx(load(ours, pool))
        marks.launch(there, back, its).result()
        back.rx(ours)
        port, rss, has = ours.columns["mbuf.port", "mbuf.hash.rss", "mbuf.hash.rss?"]
        assert (set(port), has.all()) == ({9}, True)
        assert rss.tolist() == [1000 + i for i in range(N)]
        ours.free()


@worker
def writes_a_length(burst):
    burst[0].mbuf.pkt_len = 4


def test_fields_that_dpdk_owns_are_read_only(eal):
    with Burst(1) as burst, pytest.raises(CompileError, match="pkt_len cannot be written"):
        writes_a_length.launch(burst)


@worker
def clock(out):
    for i in range(len(out)):
        out[i] = cycles.rdtsc()
    return cycles.get_tsc_hz()


def test_the_clock_is_that_of_dpdk(eal):
    """rte_rdtsc and rte_get_tsc_hz."""
    out = np.zeros(3, np.int64)
    before = cycles.rdtsc()
    assert clock.launch(out).result() == cycles.get_tsc_hz() > 1_000_000
    assert before < out[0] <= out[1] <= out[2] < cycles.rdtsc()


@worker
def whole_or_nothing(ring, values, out):
    first = ring.enqueue_bulk(values)
    second = ring.enqueue_bulk(values)
    count = len(ring)
    return first, second, count, ring.dequeue_bulk(out), ring.dequeue_bulk(out)


def test_rings_of_values_take_all_or_nothing(eal, name: str):
    with Ring.create(name, 8, element="uint32") as ring:
        values, out = np.arange(5, dtype=np.uint32), np.zeros(4, np.uint32)
        assert whole_or_nothing.launch(ring, values, out).result() == (5, 0, 5, 4, 0)
        assert out.tolist() == [0, 1, 2, 3]

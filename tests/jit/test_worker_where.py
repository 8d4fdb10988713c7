"""Conditions in compiled code find the same packets as in the interpreter."""

from __future__ import annotations

import pytest
from worker_packets import N, here, through

from pydpdk import CompileError, worker

CONDITIONS = (
    "udp? and ipv4.time_to_live >= 2",
    "l4.dst_port in [53, 80, 400..500] and not vlan?",
    "ipv6.src_addr in fe80::/10 or ether.dst_addr != 02:00:00:00:00:02",
    "vxlan? and inner_l4.dst_port == 443",
)


@worker
def of_burst(there, back, burst):
    there.rx(burst)
    n = len(burst)
    first = burst.where("udp? and ipv4.time_to_live >= 2")
    second = burst.where("l4.dst_port in [53, 80, 400..500] and not vlan?")
    third = burst.where("ipv6.src_addr in fe80::/10 or ether.dst_addr != 02:00:00:00:00:02")
    fourth = burst.where("vxlan? and inner_l4.dst_port == 443")
    found = 0
    for i in range(n):
        found = found * 16 + first[i] + 2 * second[i] + 4 * third[i] + 8 * fourth[i]
        found %= 1_000_003
    burst.drop(burst.where("udp?"))
    back.tx(burst)
    return found


@worker
def of_packets(there, back, burst):
    there.rx(burst)
    found = 0
    for i in range(len(burst)):
        p = burst[i]
        bits = 0
        if p.where("udp? and ipv4.time_to_live >= 2"):
            bits += 1
        if p.where("l4.dst_port in [53, 80, 400..500] and not vlan?"):
            bits += 2
        if p.where("ipv6.src_addr in fe80::/10 or ether.dst_addr != 02:00:00:00:00:02"):
            bits += 4
        if p.where("vxlan? and inner_l4.dst_port == 443"):
            bits += 8
        found = (found * 16 + bits) % 1_000_003
    back.tx(burst)
    return found


def in_the_interpreter(burst) -> int:
    masks = [burst.where(condition) for condition in CONDITIONS]
    assert all(mask.any() and not mask.all() for mask in masks)
    found = 0
    for i in range(N):
        found = (
            found * 16 + sum(int(mask[i]) << bit for bit, mask in enumerate(masks))
        ) % 1_000_003
    return found


def test_of_a_burst(pair, pool):
    expected, _ = here(pool, in_the_interpreter)
    _, kept = here(pool, lambda burst: burst.drop(burst.where("udp?")))
    found, packets = through(pair, of_burst, pool)
    assert found == expected
    assert packets == kept


def test_of_each_packet(pair, pool):
    expected, _ = here(pool, in_the_interpreter)
    found, _ = through(pair, of_packets, pool)
    assert found == expected


@worker
def is_wrong(there, back, burst):
    burst.where("udp.dst_prt == 53")


@worker
def is_no_literal(there, back, burst, text):
    burst.where(text)


def test_what_is_wrong_is_said(pair, burst):
    with pytest.raises(CompileError, match=r"at character 1: column 'udp.dst_prt': there is none"):
        is_wrong.launch(*pair, burst)
    with pytest.raises(CompileError, match="where takes a condition as a literal"):
        is_no_literal.launch(*pair, burst, 5)

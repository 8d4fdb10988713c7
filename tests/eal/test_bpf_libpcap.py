"""Filters against libpcap's own interpreter, on packets that others wrote."""

from __future__ import annotations

import ctypes
import ctypes.util
from collections.abc import Callable

import pytest
from capture_compare import shipped

from pydpdk import Bpf, Burst, Mempool

ETHERNET, SNAPLEN, NO_MASK = 1, 262144, 0xFFFFFFFF
EXPRESSIONS = """
udp; vlan and ip; port 53; tcp port 80 or 443; net 10.0.0.0/8; not ip; greater 200; less 64
ether broadcast; ether multicast; ip multicast; icmp6; host 192.168.0.1; portrange 1000-2000
ip[0] & 0xf > 5; ip6 proto 17; udp[4:2] > 100; ip[6:2] & 0x1fff != 0; len > 100 and len < 300
tcp[tcpflags] & tcp-syn != 0; udp[1] = 53; tcp[4:4] > 0x80000000; ether[ip[8]:4] = 5
tcp[((tcp[12] & 0xf0) >> 2):4] = 0x47455420; ip[8] - 1 > 60; ip[8] * 2 = 128; ip[8] / 2 = 32
ip[8] % 2 = 1; ip[8] ^ 1 = 65; ether src 00:00:00:00:00:01; mpls; ether proto 0x88cc
"""


class Program(ctypes.Structure):
    _fields_ = (("bf_len", ctypes.c_uint), ("bf_insns", ctypes.c_void_p))


class Header(ctypes.Structure):
    _fields_ = (
        ("tv_sec", ctypes.c_long), ("tv_usec", ctypes.c_long), ("caplen", ctypes.c_uint),
        ("len", ctypes.c_uint),
    )  # fmt: skip


@pytest.fixture(scope="module")
def packets() -> list[bytes]:
    return shipped()[:1000]


@pytest.fixture(scope="module")
def libpcap(packets: list[bytes]) -> Callable[[str], list[bool]]:
    """What libpcap says of each packet."""
    lib = ctypes.CDLL(ctypes.util.find_library("pcap"))
    lib.pcap_open_dead.restype = ctypes.c_void_p
    pcap = ctypes.c_void_p(lib.pcap_open_dead(ETHERNET, SNAPLEN))

    def ask(expression: str) -> list[bool]:
        program = Program()
        mask = ctypes.c_uint(NO_MASK)
        assert not lib.pcap_compile(pcap, ctypes.byref(program), expression.encode(), 1, mask)
        found = []
        for data in packets:
            header = Header(0, 0, len(data), len(data))
            result = lib.pcap_offline_filter(ctypes.byref(program), ctypes.byref(header), data)
            found.append(result != 0)
        lib.pcap_freecode(ctypes.byref(program))
        return found

    return ask


def test_masks_are_libpcaps(eal, name: str, packets: list[bytes], libpcap):
    """rte_bpf_convert, whose loads of bytes and words at an index are mended here."""
    expressions = [e.strip() for e in EXPRESSIONS.replace("\n", ";").split(";") if e.strip()]
    with Mempool.create(name, 2047, cache_size=0) as pool, Burst(len(packets)) as burst:
        burst.alloc(pool)
        burst.fill(packets)
        found = {}
        for expression in expressions:
            with Bpf(expression) as bpf:
                found[expression] = bpf.match(burst).tolist()
        burst.free()
    different = [e for e in expressions if found[e] != libpcap(e)]
    assert different == []
    assert len([e for e in expressions if any(found[e])]) >= 24

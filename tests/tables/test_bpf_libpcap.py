"""Filters against libpcap's own interpreter, on captured packets."""

from __future__ import annotations

import ctypes
import ctypes.util
import os
import random
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
SHIFTS = """
ip[2:2] << ip[8] = 0; ip[2:2] >> ip[8] = 0; 1 << (ip[8] - 32) > 0; ip[2:2] << (ip[8] & 31) > 9
"""
BY_ZERO = """
ether[0:4] >= (31 / (ip6[6] >> 31)); not 1 / (ether[1] >> 8) = 0; len / (ether[1] / 256) = 0
ether[1] % (ether[2] >> 8) = 0 or len > 0; 7 % (ip[8] - ip[8]) = 7; 5 % (ether[1] >> 8) = 0
(len / 7) % (ether[1] >> 8) = 1; len / -(ether[1] >> 8) = 0; ether[ether[1] % (ether[2] >> 8)] = 0
len / (ip[8] & 1) > 0; ip[0:4] % (ip[8] & 3) < 2; not ether[1] / (len / 100) = 0
"""
INDICES = """
ether[ip[8] - 65] = 0; ether[ip[8] - 66:4] = 0; ether[ether[0] - 1:2] != 1; ether[0 - len] = 0
ip[len - len - 2:2] = 0x800; ip[(ip[8] >> 8) - 14] >= 0; ip[(ether[0] >> 8) - 15:2] = 0
ether[0x7fffffff] = 0; ether[0x80000000:2] = 0; ether[0xfffffffc:4] != 5; tcp[0xfffffff2:4] > 0
ether[0xffffffff] = 0 or ip; ip[0xfffffffe:2] = 0x800; tcp[0xffffffec:1] = 0x45
ether[(ether[0] >> 7) - 2] = 0; ether[ether[0:4]:4] = 0; not ether[ip[4:4]] = 0
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
    rng = random.Random(5)
    return shipped()[:1000] + [rng.randbytes(rng.randrange(1, 200)) for _ in range(100)]


@pytest.fixture(scope="module")
def libpcap(packets: list[bytes]) -> Callable[[str], list[bool]]:
    """Return what libpcap finds for each packet; nothing if it rejects the expression."""
    lib = ctypes.CDLL(ctypes.util.find_library("pcap"))
    lib.pcap_open_dead.restype = ctypes.c_void_p
    pcap = ctypes.c_void_p(lib.pcap_open_dead(ETHERNET, SNAPLEN))

    def ask(expression: str) -> list[bool]:
        program = Program()
        mask = ctypes.c_uint(NO_MASK)
        if lib.pcap_compile(pcap, ctypes.byref(program), expression.encode(), 1, mask):
            return []
        found = []
        for data in packets:
            header = Header(0, 0, len(data), len(data))
            result = lib.pcap_offline_filter(ctypes.byref(program), ctypes.byref(header), data)
            found.append(result != 0)
        lib.pcap_freecode(ctypes.byref(program))
        return found

    return ask


def test_masks_match_libpcap(eal, name: str, packets: list[bytes], libpcap):
    """rte_bpf_convert; its loads of bytes and words at an index are fixed here."""
    expressions = split(EXPRESSIONS + SHIFTS)
    found = compared(name, packets, libpcap, expressions)
    assert len([e for e in expressions if any(found[e])]) >= 24


def test_a_division_by_zero_ends_the_program_without_a_match(eal, name, packets, libpcap):
    """Also where the divisor is always 0: DPDK's verifier refuses what rte_bpf_convert makes."""
    expressions = split(BY_ZERO)
    found = compared(name, packets, libpcap, expressions)
    assert [any(found[e]) for e in expressions] == [False] * 9 + [True] * 3


def test_an_index_beyond_the_packet_ends_the_program_without_a_match(eal, name, packets, libpcap):
    """Also near 2^32, where rte_pktmbuf_read wraps around and reads 4 GB behind the packet."""
    expressions = split(INDICES)
    found = compared(name, packets, libpcap, expressions)
    assert len([e for e in expressions if any(found[e])]) >= 6


def test_arithmetic_matches_libpcap(eal, name: str, packets: list[bytes], libpcap):
    """Including shifts by more than 31, divisions by 0, and indices outside of the packet."""
    rng = random.Random(16)
    expressions = [comparison(rng) for _ in range(int(os.environ.get("PYDPDK_BPF", "150")))]
    found = compared(name, packets, libpcap, expressions)
    assert len([e for e in expressions if any(found[e]) and not all(found[e])]) >= 50


def split(expressions: str) -> list[str]:
    return [e.strip() for e in expressions.replace("\n", ";").split(";") if e.strip()]


def comparison(rng: random.Random) -> str:
    """Compare two values of packet bytes; jumps over them make programs of several branches."""
    joined = rng.choice(("", "", " and ip", " or udp", " or tcp port 80"))
    sign = rng.choice(("=", "!=", ">", "<", ">=", "<="))
    return f"{arithmetic(rng, 3)} {sign} {rng.choice((0, 1, 2, 0x80, 0x10000, 0xFFFFFFFF))}{joined}"


def arithmetic(rng: random.Random, depth: int) -> str:
    if depth == 0 or rng.random() < 0.3:
        size = rng.choice((1, 2, 4))
        header = rng.choice((*("ether",) * 5, "ip", "ip6", "tcp"))
        at = index(rng)
        return rng.choice((f"{header}[{at}:{size}]", f"(ether[{at}:1] & 63)", "len"))
    if rng.random() < 0.1:
        return f"(-{arithmetic(rng, depth - 1)})"
    sign = rng.choice(("+", "-", "*", "/", "%", "&", "|", "^", *("<<", ">>") * 3))
    constants = (1, 3, 31, 17) if sign in ("<<", ">>") else (0, 2, 7, 255, 4096, 0xFFFFFFFE)
    if sign in "/%":
        constants = constants[1:]
    right = rng.choice((rng.choice(constants), arithmetic(rng, depth - 1)))
    return f"({arithmetic(rng, depth - 1)} {sign} {right})"


def index(rng: random.Random) -> str:
    """Most are inside of the packet, some before or behind it."""
    if rng.random() < 0.1:
        return arithmetic(rng, 1)
    byte = f"ether[{rng.randrange(14)}]"
    return rng.choice(
        (*(str(rng.randrange(20)),) * 4, *(f"{byte} & 7",) * 4, f"{byte} - {rng.randrange(256)}",
         f"({byte} >> 7) - 1", f"{byte} << 24", str(rng.randrange(1 << 32)))
    )  # fmt: skip


def matched(expression: str, burst: Burst) -> list[bool]:
    try:
        with Bpf(expression) as bpf:
            return bpf.match(burst).tolist()
    except ValueError:  # libpcap, too, rejects it: a divisor is always 0, or a shift too far
        return []


def compared(
    name: str, packets: list[bytes], libpcap: Callable[[str], list[bool]], expressions: list[str]
) -> dict[str, list[bool]]:
    """Return what ours finds for each packet, after checking that libpcap finds the same."""
    with Mempool.create(name, 2047, cache_size=0) as pool, Burst(len(packets)) as burst:
        burst.alloc(pool)
        burst.fill(packets)
        found = {}
        for expression in expressions:
            found[expression] = matched(expression, burst)
        burst.free()
    n = len(packets)
    different = [e for e in expressions if found[e] != libpcap(e)[:n]]
    assert different == []
    return found

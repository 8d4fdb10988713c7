"""What compiled code may do with packets, headers, arrays and rings; what it is told otherwise."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
from scapy.layers.inet import IP, TCP, UDP, IPOption_NOP
from scapy.layers.l2 import Dot1AD, Dot1Q, Ether

from pydpdk import Burst, CompileError, Ring, Worker, worker
from pydpdk.errors import InUseError
from pydpdk.lcore import running

MACS = {"src": "02:00:00:00:00:01", "dst": "02:00:00:00:00:02"}
IPS = {"src": "10.0.0.1", "dst": "10.0.0.2", "ttl": 9}


@worker
def dissect(burst, mempool, data, length, out):
    burst.alloc(mempool, 1)
    burst.fill(data[:length])
    p = burst[0]
    if p.eth:
        out[0] = p.eth.src_addr
        out[1] = p.eth.ether_type
    if p.ipv4:
        out[2] = p.ipv4.src_addr
        out[3] = p.ipv4.time_to_live
    if p.udp:
        out[4] = p.udp.dst_port
    if p.tcp:
        out[5] = p.tcp.sent_seq
    out[6] = p.pkt_len
    out[7] = len(p)


def dissected(burst, pool, packet: bytes, length: int | None = None) -> list[int]:
    out = np.zeros(8, np.int64)
    data = np.frombuffer(packet, np.uint8).copy()
    dissect.launch(burst, pool, data, len(data) if length is None else length, out).wait()
    return out.tolist()


SHAPES = {
    "udp": Ether(**MACS) / IP(**IPS) / UDP(dport=53) / (b"x" * 20),
    "tcp": Ether(**MACS) / IP(**IPS) / TCP(seq=0xFFFF0001) / b"x",
    "vlan": Ether(**MACS) / Dot1Q(vlan=5) / IP(**IPS) / UDP(dport=53),
    "qinq": Ether(**MACS) / Dot1AD(vlan=5) / Dot1Q(vlan=6) / IP(**IPS) / UDP(dport=53),
    "options": Ether(**MACS) / IP(**IPS, options=[IPOption_NOP()] * 8) / UDP(dport=53),
    "fragment": Ether(**MACS) / IP(**IPS, frag=1) / UDP(dport=53),
    "version 6": Ether(**MACS) / IP(**IPS, version=6) / UDP(dport=53),
    "short ihl": Ether(**MACS) / IP(**IPS, ihl=4) / UDP(dport=53),
    "arp": Ether(**MACS, type=0x0806) / (b"x" * 28),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_headers_are_what_scapy_wrote(shape: str, pool, burst):
    packet = SHAPES[shape]
    found = dissected(burst, pool, bytes(packet))
    assert found[:2] == [0x020000000001, packet.type]
    is_ip = shape not in ("version 6", "short ihl", "arp")
    assert found[2:4] == ([0x0A000001, 9] if is_ip else [0, 0])
    assert found[4] == (53 if is_ip and shape not in ("tcp", "fragment") else 0)
    assert found[5] == (0xFFFF0001 if shape == "tcp" else 0)
    assert found[6:] == [len(packet)] * 2


@pytest.mark.parametrize("shape", ["udp", "qinq", "options", "tcp"])
def test_a_packet_cut_anywhere_has_the_headers_that_are_whole(shape: str, pool, burst):
    packet = bytes(SHAPES[shape])
    ip = {"udp": 14, "qinq": 22, "options": 14, "tcp": 14}[shape]
    l4 = ip + (packet[ip] & 15) * 4
    end = l4 + (20 if shape == "tcp" else 8)
    for length in range(len(packet)):
        found = dissected(burst, pool, packet, length)
        assert [bool(found[i]) for i in (0, 2)] == [length >= 14, length >= l4]
        assert bool(found[4] or found[5]) == (length >= end)


@worker
def rewrite(burst, mempool):
    burst.alloc(mempool, 2, 64)
    for i in range(2):
        p = burst[i]
        p.eth.dst_addr = 0x0A0B0C0D0E0F
        p.eth.ether_type = 0x0800
        p[14] = 0x45
        ip = p.ipv4
        ip.time_to_live = 64 + 256
        ip.fragment_offset = 0
        ip.next_proto_id = 17
        ip.dst_addr = 0xC0A80001
        p.udp.dst_port = 4000 + i
        p.set_be16(62, 0xABCD)
    return burst[1].get_be16(62)


def test_fields_are_written_where_dpdk_has_them(pool, burst, name: str):
    """The ring keeps them: what the bursts of a worker hold at its end is freed."""
    assert rewrite.launch(burst, pool).wait() == 0xABCD
    with Ring.create(name, 8, element="mbuf") as ring:
        write_to.launch(burst, pool, ring).wait()
        ring.rx(burst)
        first, second = burst.bytes(0), burst.bytes(1)
        burst.free()
    assert first[:6] == bytes(range(10, 16))
    assert (first[22], first[23], first[30:34]) == (64, 17, bytes([192, 168, 0, 1]))
    assert [struct.unpack_from(">H", p, 36)[0] for p in (first, second)] == [4000, 4001]


@worker
def write_to(burst, mempool, ring):
    burst.alloc(mempool, 2, 64)
    for i in range(2):
        p = burst[i]
        p.eth.dst_addr = 0x0A0B0C0D0E0F
        p.eth.ether_type = 0x0800
        p[14] = 0x45
        ip = p.ipv4
        ip.time_to_live = 64
        ip.fragment_offset = 0
        ip.next_proto_id = 17
        ip.dst_addr = 0xC0A80001
        p.udp.dst_port = 4000 + i
    ring.tx(burst)


@worker
def keeps(burst, mempool, ring, mask):
    burst.alloc(mempool, 8, 20)
    for i in range(8):
        burst[i][0] = i
    kept = burst.keep(mask)
    ring.tx(burst)
    return kept


def test_keep_frees_the_others_in_order(pool, burst, name: str):
    mask = np.array([1, 0, 0, 1, 1, 0, 1, 0], bool)
    with Ring.create(name, 16, element="mbuf") as ring:
        assert keeps.launch(burst, pool, ring, mask).wait() == 4
        assert pool.in_use_count == ring.rx(burst) == 4
        assert [burst.bytes(i)[0] for i in range(4)] == [0, 3, 4, 6]
        burst.free()
        with pytest.raises(ValueError, match="mask"):
            keeps.launch(burst, pool, ring, mask[:7]).wait()
    assert pool.in_use_count == 0


@worker
def values(ring, array, out):
    return ring.enqueue_burst(array), ring.dequeue_burst(out), out[2]


def test_rings_of_values_carry_arrays(eal, name: str):
    with Ring.create(name, 8, element="float64") as ring:
        array, out = np.arange(9, dtype=float), np.zeros(3)
        assert values.launch(ring, array, out).wait() == (7, 3, 2.0)
        assert ring.count == 4
        for wrong in (np.arange(4), np.zeros((2, 2)), np.zeros(8)[::2]):
            with pytest.raises(CompileError, match="contiguous array of float64"):
                values.launch(ring, wrong, out)


@worker
def reach(burst, mempool, array, what):  # noqa: C901
    burst.alloc(mempool, 2, 20)
    p = burst[0]
    if what == 0:
        return array[len(array) + 5]
    if what == 1:
        return len(burst[2])
    if what == 2:
        return p[20]
    if what == 3:
        p[-1] = 1
    if what == 4:
        return p.get_be32(17)
    if what == 5:
        p.set_be16(19, 1)
    if what == 6:
        return p.ipv4.src_addr
    if what == 7:
        p.tcp.cksum = 1
    if what == 8:
        burst.alloc(mempool, 1)
    if what == 9:
        burst.free()
        burst.alloc(mempool, 33)
    if what == 10:
        burst.fill(array)
    if what == 11:
        return 1 // (what - 11)
    return 0


REACHES = {
    0: IndexError, 1: IndexError, 2: IndexError, 3: IndexError, 4: IndexError, 5: IndexError,
    6: ValueError, 7: ValueError, 8: InUseError, 9: ValueError, 10: ValueError,
    11: ZeroDivisionError,
}  # fmt: skip


@pytest.mark.parametrize("what", REACHES)
def test_beyond_the_end_is_an_exception_not_a_crash(what: int, pool, burst):
    array = np.zeros(4096, np.uint8)
    with pytest.raises(REACHES[what]):
        reach.launch(burst, pool, array, what).wait()
    assert pool.in_use_count == 0


@worker
def unknown_verb(burst):
    while running():
        n = len(burst)
        burst.frobnicate(n)


@worker
def unknown_field(burst):
    return burst[0].ipv4.colour


@worker
def no_such_name(burst):
    x = 1
    return undefined + x  # noqa: F821


@worker
def takes_an_object(burst, thing):
    return len(burst)


@pytest.mark.parametrize(
    ("launched", "line", "message"),
    [
        (unknown_verb, "burst.frobnicate(n)", "frobnicate"),
        (unknown_field, "ipv4.colour", "colour"),
        (no_such_name, "undefined + x", "undefined"),
    ],
)
def test_a_compile_error_names_the_line(launched: Worker, line: str, message: str, burst):
    source = Path(__file__).read_text().splitlines()
    number = next(i for i, text in enumerate(source, 1) if line in text)
    with pytest.raises(CompileError, match=message) as caught:
        launched.launch(burst)
    assert str(caught.value).startswith(f"{__file__}:{number}: worker {launched.__name__}: ")


def test_arguments_that_have_no_type_there_are_refused(burst, null):
    for thing in (object(), null, {"a": 1}):
        with pytest.raises(CompileError, match="takes_an_object"):
            takes_an_object.launch(burst, thing)


def test_without_numba_the_decorator_says_what_to_install(run_script):
    out = run_script("""
        import sys
        sys.modules["numba"] = None
        try:
            @pydpdk.worker
            def mine(): pass
        except ModuleNotFoundError as error:
            print(error)
    """)
    assert "pip install 'pydpdk[jit]'" in out.stdout, out.stderr
    assert "mine" in out.stdout


def test_only_functions_of_python_can_be_compiled():
    for wrong in (len, 5, Burst, None):
        with pytest.raises(TypeError, match="written in Python"):
            worker(wrong)  # type: ignore[arg-type]

"""Mbufs of several segments (app/test/test_mbuf.c of v22.11)."""

from __future__ import annotations

import pytest

import pydpdk
from oracle.mbufs import DATA, packet, raw
from pydpdk import Burst, Mempool


def test_nb_segs_and_next_reset(pool: Mempool, burst: Burst):
    """test_nb_segs_and_next_reset: an mbuf from the pool is one segment again."""
    packet(pool, burst, b"a", b"b", b"c")
    burst.free()
    burst.alloc(pool, 32)
    assert {burst.mbuf(i).nb_segs for i in range(32)} == {1}
    assert {burst.mbuf(i).check() for i in range(32)} == {None}


@pytest.mark.parametrize(
    ("length", "segments"), [(128, 1), (64, 64), (512, 10), (250, 11), (123, 8)]
)
def test_mbuf_linearize(pool: Mempool, burst: Burst, other: Burst, length: int, segments: int):
    """test_mbuf_linearize: contiguous, with the same bytes."""
    size = -(-length // segments)
    parts = [DATA[i : min(i + size, length)] for i in range(0, length, size)]
    parts += [b""] * (segments - len(parts))
    with Burst(64) as many:
        m = packet(pool, many, *parts)
        assert m.nb_segs == segments
        assert m.linearize().tobytes() == bytes(m) == DATA[:length]
        assert (m.nb_segs, pool.in_use_count) == (1, 1)
        many.free()


def test_mbuf_linearize_needs_tailroom_and_unshared_memory(
    pool: Mempool, burst: Burst, other: Burst
):
    """test_mbuf_linearize: raises without tailroom; ours also for shared memory."""
    m = packet(pool, burst, bytes(2048), b"x")
    with pytest.raises(pydpdk.NoRoomError):
        m.linearize()
    m = packet(pool, burst, b"ab", b"cd")
    clone = m.clone(pool, other)
    for mbuf in (m, clone):
        with pytest.raises(pydpdk.DpdkError, match="seen by other mbufs"):
            mbuf.linearize()
    assert bytes(m) == bytes(clone) == b"abcd"


def test_pktmbuf_read(pool: Mempool, burst: Burst):
    """test_pktmbuf_read, test_pktmbuf_read_from_offset: parts of one segment, and their bounds."""
    m = packet(pool, burst, DATA)
    assert (m.read(), m.read(2), m.read(10, 5)) == (DATA, DATA[2:], DATA[10:15])
    assert (m.read(1464), m.read(0, 0)) == (b"", b"")
    for offset, length in (
        (0, 1465),
        (1465, 0),
        (1464, 1),
        ((1 << 32) - 1, None),
        (5, (1 << 32) - 1),
    ):
        with pytest.raises(ValueError, match="must"):
            m.read(offset, length)


def test_pktmbuf_read_from_chain(pool: Mempool, burst: Burst):
    """test_pktmbuf_read_from_chain: over segments, within one, and nothing at the end."""
    m = packet(pool, burst, b"", b"abc", b"", b"defg", b"")
    whole = b"abcdefg"
    for start in range(8):
        for end in range(start, 8):
            assert m.read(start, end - start) == whole[start:end]
    assert [view.tobytes() for view in m.segments] == [b"", b"abc", b"", b"defg", b""]


def test_chain_removes_the_tail_from_its_burst(pool: Mempool, burst: Burst, other: Burst):
    burst.alloc(pool, 3)
    burst.fill([b"a", b"b", b"c"])
    last, first = burst.mbuf(2), burst.mbuf(0)
    last.chain(first)
    assert ([burst.bytes(i) for i in range(2)], bytes(last)) == ([b"b", b"ca"], b"ca")
    with pytest.raises(pydpdk.ClosedError):
        bytes(first)
    with pytest.raises(ValueError, match="must be another packet"):
        last.chain(burst.mbuf(1))
    other.alloc(pool, 1, length=1)
    last.chain(other.mbuf(0))
    assert (len(other), last.nb_segs, last.check()) == (0, 3, None)
    for wrong in (None, burst, 1):
        with pytest.raises(TypeError):
            last.chain(wrong)


def test_chain_of_too_many_segments(pool: Mempool, burst: Burst):
    """rte_pktmbuf_chain: at most 65,535 segments; and no packet over 2 GB."""
    burst.alloc(pool, 2)
    head, tail = burst.mbuf(0), burst.mbuf(1)
    for field, value in (("nb_segs", 65535), ("pkt_len", 0x7FFF0001)):
        c = raw(head)
        good = getattr(c, field)
        setattr(c, field, value)
        with pytest.raises(pydpdk.DpdkError, match="EOVERFLOW"):
            head.chain(tail)
        setattr(c, field, good)
    head.chain(tail)

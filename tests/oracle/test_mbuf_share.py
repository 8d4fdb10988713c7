"""Mbufs that share the memory of others, and copies (app/test/test_mbuf.c of v22.11)."""

from __future__ import annotations

import threading

import numpy as np
import pytest

import pydpdk
from oracle.mbufs import packet
from pydpdk import Burst, Mempool, OlFlag


def test_pktmbuf_clone(pool: Mempool, burst: Burst, other: Burst):
    """testclone_testupdate_testdetach: each clone counts in each segment, until it is freed."""
    m = packet(pool, burst, b"first", b"second")
    assert not m.shared
    clone = m.clone(pool, other)
    assert (m.refcnt, bytes(clone), clone.data_addr) == (2, b"firstsecond", m.data_addr)
    again = clone.clone(pool, other)
    assert (m.refcnt, again.nb_segs, again.shared) == (3, 2, True)
    assert OlFlag.INDIRECT in again.ol_flags
    other.free()
    assert (m.refcnt, m.shared, pool.in_use_count) == (1, False, 2)


def test_views_of_shared_memory_are_read_only(pool: Mempool, burst: Burst, other: Burst):
    m = packet(pool, burst, b"first", b"second")
    clone = m.clone(pool, other)
    for view in (m.data, clone.data, *m.segments, *clone.segments, burst[0]):
        assert not view.flags.writeable
    del view
    for grow in (m.append, m.prepend, clone.append, clone.prepend):
        with pytest.raises(pydpdk.DpdkError, match="seen by other mbufs"):
            grow(b"x")
    with pytest.raises(ValueError, match="other mbufs see"):
        burst.fill(b"x")
    clone.adj(2)
    assert (bytes(m), bytes(clone)) == (b"firstsecond", b"rstsecond")
    other.free()
    m.data[0] = ord("F")
    assert bytes(m) == b"Firstsecond"


def test_the_clone_keeps_the_memory(pool: Mempool, burst: Burst, other: Burst):
    """testclone_testupdate_testdetach: the owner's memory stays until its last clone is freed."""
    packet(pool, burst, b"data").clone(pool, other)
    burst.free()
    assert (other.bytes(0), pool.in_use_count) == (b"data", 2)
    assert other[0].flags.writeable
    assert [m.owner for m in pool.outstanding()].count(f"{other!r}, packet 0, seen by a clone") == 1


def test_pktmbuf_copy(pool: Mempool, burst: Burst, other: Burst):
    """test_pktmbuf_copy: equal, independent of clones, with an offset and a length."""
    m = packet(pool, burst, b"abcdefgh", b"ijkl")
    copy = m.clone(pool, other).copy(pool, other)
    assert bytes(copy) == b"abcdefghijkl"
    assert (copy.nb_segs, copy.shared, OlFlag.INDIRECT in copy.ol_flags) == (1, False, False)
    assert bytes(m.copy(pool, other, offset=4)) == b"efghijkl"
    assert bytes(m.copy(pool, other, length=4)) == b"abcd"
    assert bytes(m.copy(pool, other, offset=6, length=4)) == b"ghij"
    for offset in (12, 13, 1 << 32):
        with pytest.raises(ValueError, match="offset"):
            m.copy(pool, other, offset=offset)


def test_attach_from_different_pool(
    eal: object, pool: Mempool, burst: Burst, other: Burst, name: str
):
    """test_attach_from_different_pool: attached mbufs have the owner's data, others their own."""
    with Mempool.create(f"{name}-2", 31, cache_size=0, priv_size=64) as second:
        m = packet(pool, burst, b"owner")
        other.alloc(second, 2, length=3)
        one, two = other.mbuf(0), other.mbuf(1)
        own = one.data_addr
        one.attach(m)
        two.attach(one)
        assert (bytes(one), one.data_addr, m.refcnt, two.data_addr) == (
            b"owner", m.data_addr, 3, m.data_addr)  # fmt: skip
        with pytest.raises(pydpdk.DpdkError, match="EPERM"):
            one.attach(two)
        two.detach()
        assert (two.pkt_len, m.refcnt) == (0, 2)
        burst.free()
        assert pool.in_use_count == 1
        one.detach()
        assert (pool.in_use_count, one.data_addr, one.pkt_len) == (0, own, 0)
        with pytest.raises(pydpdk.DpdkError, match="EPERM"):
            one.detach()
        other.free()


def test_refcnt_mbuf(pool: Mempool, burst: Burst):
    """test_refcnt_mbuf: clones made and freed in threads keep the count correct."""
    m = packet(pool, burst, b"shared")
    clones = [Burst(64) for _ in range(4)]
    for mine in clones:
        for _ in range(64):
            m.clone(pool, mine)
    assert m.refcnt == 257
    threads = [threading.Thread(target=mine.free) for mine in clones]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (m.refcnt, pool.in_use_count) == (1, 1)
    for mine in clones:
        mine.close()


def test_pktmbuf_clone_and_copy_of_bursts(pool: Mempool, burst: Burst, other: Burst):
    """test_pktmbuf_pool_bulk's other half: all or none."""
    burst.alloc(pool, 32)
    burst.fill([bytes([i]) * (i + 1) for i in range(32)])
    assert burst.clone(pool, other) == 32
    assert [other.bytes(i) for i in range(32)] == [burst.bytes(i) for i in range(32)]
    with pytest.raises(pydpdk.NoRoomError, match="Burst 32 of 32"):
        burst.copy(pool, other)
    other.free()
    assert burst.copy(pool, other, offset=0, length=3) == 32
    assert other.bytes(31) == bytes([31]) * 3
    other.free()
    with pytest.raises(ValueError, match="offset"):
        burst.copy(pool, other, offset=5)
    assert (len(other), pool.in_use_count) == (0, 32)
    other.alloc(pool, 1)
    other.fill(b"first")
    first = other.mbuf(0)
    with pytest.raises(pydpdk.NoRoomError, match="Burst 1 of 32"):
        burst.clone(pool, other)
    burst.keep(np.arange(32) < 31)
    assert (burst.clone(pool, other), len(other)) == (31, 32)
    assert [bytes(first), *map(other.bytes, (1, 31))] == [b"first", *map(burst.bytes, (0, 30))]
    other.free()
    with pytest.raises(ValueError, match="must be another"):
        burst.clone(pool, burst)

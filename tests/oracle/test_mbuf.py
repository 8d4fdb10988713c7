"""DPDK's own cases for mbufs (app/test/test_mbuf.c of v22.11), each through the Python names."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest

import pydpdk
from oracle.mbufs import DATA, packet, raw
from pydpdk import Burst, Mempool
from pydpdk._dpdk import ffi
from pydpdk.host import runtime as pydpdk_runtime


def test_one_pktmbuf(pool: Mempool, burst: Burst):
    """test_one_pktmbuf: append, trim, prepend, adj and their bounds."""
    burst.alloc(pool, 1)
    m = burst.mbuf(0)
    assert (m.pkt_len, m.headroom, m.tailroom) == (0, 128, 2048)
    assert m.append(DATA).tobytes() == DATA
    assert (m.pkt_len, m.data_len, m.nb_segs) == (1464, 1464, 1)
    start = m.data_addr
    with pytest.raises(pydpdk.NoRoomError):
        m.append(bytes(m.tailroom + 1))
    m.append(bytes(50))
    assert m.pkt_len == 1514
    m.trim(50)
    with pytest.raises(pydpdk.NoRoomError):
        m.trim(m.data_len + 1)
    m.prepend(bytes(20))
    assert m.data_addr == start - 20
    m.prepend(bytes(30))
    with pytest.raises(pydpdk.NoRoomError):
        m.prepend(bytes(m.headroom + 1))
    m.adj(50)
    assert m.data_addr == start
    with pytest.raises(pydpdk.NoRoomError):
        m.adj(m.data_len + 1)
    assert bytes(m) == DATA


def test_pktmbuf_pool(eal: object, name: str):
    """test_pktmbuf_pool: all mbufs can be taken, no more, and no clone from an empty pool."""
    with Mempool.create(name, 128, cache_size=0) as pool, Burst(128) as burst, Burst(1) as one:
        assert burst.alloc(pool) == 128
        with pytest.raises(pydpdk.NoRoomError):
            one.alloc(pool, 1)
        with pytest.raises(pydpdk.NoRoomError):
            burst.mbuf(0).clone(pool, one)
        assert (len(one), pool.in_use_count) == (0, 128)
        burst.free()
        assert pool.in_use_count == 0


def test_pktmbuf_pool_bulk(pool: Mempool, burst: Burst, name: str):
    """test_pktmbuf_pool_bulk: of chains over two pools, each segment returns to its own."""
    with Mempool.create(f"{name}-2", 64, cache_size=0) as second, Burst(32) as tails:
        for first, last in ((pool, second), (second, pool)):
            burst.alloc(first, 32, length=8)
            tails.alloc(last, 32, length=8)
            for i in range(32):
                burst.mbuf(i).chain(tails.mbuf(0))
            assert (len(tails), pool.in_use_count, second.in_use_count) == (0, 32, 32)
            assert burst.free() == 32
            assert (pool.in_use_count, second.in_use_count) == (0, 0)


def test_pktmbuf_alloc_bulk(eal: object, name: str):
    """test_pktmbuf_alloc_bulk, test_neg_pktmbuf_alloc_bulk: all or none around a cache of 32."""
    with Mempool.create(name, 128, cache_size=32) as pool, Burst(2048) as burst:
        for n in (0, 31, 33, 48, 64, 63, 65, 32):
            assert burst.alloc(pool, n) == n
            burst.free()
        for n in (129, 1024):
            with pytest.raises(pydpdk.NoRoomError):
                burst.alloc(pool, n)
        for n in (32 - 128, (1 << 32) - 1):
            with pytest.raises(ValueError, match="n must be"):
                burst.alloc(pool, n)
        assert pool.in_use_count == 0


def test_pktmbuf_pool_ptr(pool: Mempool, burst: Burst):
    """test_pktmbuf_pool_ptr: headroom is 128 again after a free."""
    burst.alloc(pool, 32)
    for i in range(32):
        burst.mbuf(i).prepend(bytes(64))
    burst.free()
    burst.alloc(pool, 32)
    assert [burst.mbuf(i).headroom for i in range(32)] == [128] * 32


def test_failing_mbuf_sanity_check(pool: Mempool, burst: Burst):
    """test_failing_mbuf_sanity_check: each broken field has its reason."""
    m = packet(pool, burst, b"abc", b"def")
    assert m.check() is None
    c: object = raw(m)
    for field, value, reason in (
        ("pool", ffi.NULL, "bad mbuf pool"),
        ("pkt_len", 7, "bad pkt_len"),
        ("nb_segs", 3, "bad nb_segs"),
        ("data_off", 65535, "data offset too big"),
        ("data_len", 65535, "bad data_len"),
    ):
        good = getattr(c, field)
        setattr(c, field, value)
        found = m.check()
        setattr(c, field, good)
        assert found is not None
        assert reason in found
    assert m.check() is None


def test_double_free_is_seen_in_check_mode(pool: Mempool, burst: Burst):
    """Stock DPDK does not detect a double free; foreign C code can make us do one."""
    burst.alloc(pool, 2)
    mbufs = burst._c.storage.mbufs
    good = mbufs[1]
    mbufs[1] = mbufs[0]
    with pytest.raises(pydpdk.DpdkError, match="in it twice"):
        burst.free()
    with Burst(32) as thief:
        thief.alloc(pool, 1)
        mbufs[1] = thief._c.storage.mbufs[0]
        thief.free()
        with pytest.raises(pydpdk.DpdkError, match="is free already"):
            burst.free()
    mbufs[1] = good
    burst.verify()


@pytest.mark.skipif(shutil.which("dpdk-test") is None, reason="needs dpdk-test (Debian: dpdk-dev)")
def test_c_oracle_mbuf_autotest(on_hugepages: bool):
    """DPDK's own mbuf_autotest on this machine."""
    program = shutil.which("dpdk-test")
    assert program
    prefix = f"oracle-{os.getpid()}"
    done = subprocess.run(
        [program, "--no-huge", "-m", "512", "--no-pci", "-l", "0-1", f"--file-prefix={prefix}"],
        env={**os.environ, "DPDK_TEST": "mbuf_autotest"},
        capture_output=True, text=True, timeout=110, check=False,
    )  # fmt: skip
    pydpdk_runtime.clean_up(prefix)
    assert done.returncode == 0, done.stdout[-2000:]
    assert "Test OK" in done.stdout

"""DPDK's own cases for mbufs (app/test/test_mbuf.c of v22.11), each through the Python names."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
from collections.abc import Iterator

import numpy as np
import pytest

import pydpdk
from pydpdk import Burst, Mbuf, Mempool, OlFlag
from pydpdk._dpdk import ffi
from pydpdk.host import runtime as pydpdk_runtime
from pydpdk.memory.dynfield import DynField, DynFlag, rx_timestamp, tx_timestamp
from pydpdk.memory.flags import ol_flag_names

DATA = bytes(i * 7 % 251 for i in range(1464))


@pytest.fixture
def other(pool: Mempool) -> Iterator[Burst]:
    """A second burst."""
    with Burst(32) as made:
        yield made
        made.free()


def raw(mbuf: Mbuf) -> object:
    return ffi.cast("struct rte_mbuf *", mbuf.address)


def packet(pool: Mempool, burst: Burst, *segments: bytes) -> Mbuf:
    """One packet of these segments, alone in the burst."""
    burst.free()
    burst.alloc(pool, len(segments))
    burst.fill(list(segments))
    head = burst.mbuf(0)
    for _ in segments[1:]:
        head.chain(burst.mbuf(1))
    return head


def test_one_pktmbuf(pool: Mempool, burst: Burst):
    """test_one_pktmbuf: append, trim, prepend, adj and their bounds."""
    burst.alloc(pool, 1)
    m = burst.mbuf(0)
    assert (m.pkt_len, m.headroom, m.tailroom) == (0, 128, 2048)
    m.append(1464)[:] = np.frombuffer(DATA, np.uint8)
    assert (m.pkt_len, m.data_len, m.nb_segs) == (1464, 1464, 1)
    start = m.data_addr
    with pytest.raises(pydpdk.NoRoomError):
        m.append(m.tailroom + 1)
    m.append(50)
    assert m.pkt_len == 1514
    m.trim(50)
    with pytest.raises(pydpdk.NoRoomError):
        m.trim(m.data_len + 1)
    m.prepend(20)
    assert m.data_addr == start - 20
    m.prepend(30)
    with pytest.raises(pydpdk.NoRoomError):
        m.prepend(m.headroom + 1)
    m.adj(50)
    assert m.data_addr == start
    with pytest.raises(pydpdk.NoRoomError):
        m.adj(m.data_len + 1)
    assert bytes(m) == DATA


def test_pktmbuf_clone(pool: Mempool, burst: Burst, other: Burst):
    """testclone_testupdate_testdetach: each clone counts, in each segment; frees count back."""
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
            grow(1)
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
    assert [m.holder for m in pool.outstanding()].count(
        f"{other!r}, packet 0, seen by a clone"
    ) == 1


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
    """test_attach_from_different_pool: attached mbufs see the owner, detached ones their own."""
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


def test_pktmbuf_pool(eal: object, name: str):
    """test_pktmbuf_pool: all can be taken, no more, and no clone from an empty pool."""
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
    """test_pktmbuf_pool_bulk: chains over two pools go back, each segment to its own."""
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
            with pytest.raises(ValueError, match="n="):
                burst.alloc(pool, n)
        assert pool.in_use_count == 0


def test_pktmbuf_pool_ptr(pool: Mempool, burst: Burst):
    """test_pktmbuf_pool_ptr: headroom is 128 again after a free."""
    burst.alloc(pool, 32)
    for i in range(32):
        burst.mbuf(i).prepend(64)
    burst.free()
    burst.alloc(pool, 32)
    assert [burst.mbuf(i).headroom for i in range(32)] == [128] * 32


def test_nb_segs_and_next_reset(pool: Mempool, burst: Burst):
    """test_nb_segs_and_next_reset: what comes from the pool is one segment again."""
    packet(pool, burst, b"a", b"b", b"c")
    burst.free()
    burst.alloc(pool, 32)
    assert {burst.mbuf(i).nb_segs for i in range(32)} == {1}
    assert {burst.mbuf(i).check() for i in range(32)} == {None}


def test_refcnt_mbuf(pool: Mempool, burst: Burst):
    """test_refcnt_mbuf: clones made and freed in threads lose no count."""
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


def test_mbuf_linearize_needs_tailroom_and_memory_of_its_own(
    pool: Mempool, burst: Burst, other: Burst
):
    """test_mbuf_linearize: refused without tailroom; ours also where others see the memory."""
    m = packet(pool, burst, bytes(2048), b"x")
    with pytest.raises(pydpdk.NoRoomError):
        m.linearize()
    m = packet(pool, burst, b"ab", b"cd")
    clone = m.clone(pool, other)
    for mbuf in (m, clone):
        with pytest.raises(pydpdk.DpdkError, match="seen by other mbufs"):
            mbuf.linearize()
    assert bytes(m) == bytes(clone) == b"abcd"


def test_tx_offload(pool: Mempool, burst: Burst):
    """test_tx_offload: each length comes back as it was set."""
    m = packet(pool, burst, bytes(1500))
    lengths = {"l2_len": 0x43, "l3_len": 0x1A8, "l4_len": 0xA3, "tso_segsz": 0x2F1,
               "outer_l2_len": 0x2D, "outer_l3_len": 0x154}  # fmt: skip
    m.set_tx_offload(0, **lengths)
    assert m.tx_lengths._asdict() == lengths
    for field, bits in (("l2_len", 7), ("l3_len", 9), ("l4_len", 8), ("tso_segsz", 16),
                        ("outer_l2_len", 7), ("outer_l3_len", 9)):  # fmt: skip
        with pytest.raises(ValueError, match=field):
            m.set_tx_offload(0, **{field: 1 << bits})
    with pytest.raises(TypeError, match="l5_len"):
        m.set_tx_offload(0, l5_len=1)


V4 = OlFlag.TX_IPV4
L4 = {"l2_len": 14, "l3_len": 20, "l4_len": 20}


@pytest.mark.parametrize(
    ("flags", "lengths"),
    [
        (OlFlag.TX_IPV6 | OlFlag.TX_IP_CKSUM, {"l2_len": 14, "l3_len": 40}),
        (OlFlag.TX_TCP_CKSUM, L4),
        (OlFlag.TX_TCP_SEG, L4),
        (V4 | OlFlag.TX_IP_CKSUM | OlFlag.TX_TCP_SEG, L4),
        (V4 | OlFlag.TX_TCP_SEG, {**L4, "tso_segsz": 512}),
        (OlFlag.TX_OUTER_IP_CKSUM, {"outer_l2_len": 14, "outer_l3_len": 20}),
        (V4 | OlFlag.TX_IP_CKSUM, {"l2_len": 14, "l3_len": 19}),
        (V4 | OlFlag.TX_IPV6 | OlFlag.TX_TCP_CKSUM, L4),
        (OlFlag.INDIRECT, {}),
        (1 << 63, {}),
    ],
)  # fmt: skip
def test_mbuf_validate_tx_offload_refuses(
    pool: Mempool, burst: Burst, flags: int, lengths: dict[str, int]
):
    """test_mbuf_validate_tx_offload: flags without what they need; and ours beyond DPDK's."""
    m = packet(pool, burst, bytes(100))
    with pytest.raises(ValueError, match="no sound TX offload"):
        m.set_tx_offload(flags, **lengths)
    assert (m.ol_flags, set(m.tx_lengths)) == (OlFlag(0), {0})


def test_mbuf_validate_tx_offload_takes(pool: Mempool, burst: Burst):
    """test_mbuf_validate_tx_offload: no flags, and flags with all they need."""
    m = packet(pool, burst, bytes(100))
    m.set_tx_offload(V4 | OlFlag.TX_IP_CKSUM | OlFlag.TX_TCP_SEG, **L4, tso_segsz=512)
    assert m.ol_flags == V4 | OlFlag.TX_IP_CKSUM | OlFlag.TX_TCP_SEG
    m.set_tx_offload(0)
    assert m.ol_flags == OlFlag(0)


def test_offloads_never_speak_of_headers_beyond_the_first_segment(
    pool: Mempool, burst: Burst, other: Burst
):
    flags = V4 | OlFlag.TX_UDP_CKSUM
    m = packet(pool, burst, bytes(41), bytes(100))
    with pytest.raises(ValueError, match="first segment"):
        m.set_tx_offload(flags, l2_len=14, l3_len=20)
    m = packet(pool, burst, bytes(42))
    m.set_tx_offload(flags, l2_len=14, l3_len=20)
    for cut in (m.adj, m.trim):
        with pytest.raises(pydpdk.DpdkError, match="TX offloads"):
            cut(1)
    assert m.copy(pool, other).ol_flags == flags
    assert m.copy(pool, other, length=41).ol_flags == OlFlag(0)
    burst.fill(bytes(41))
    assert m.ol_flags == OlFlag(0)


def test_get_ol_flag_list():
    """test_get_rx_ol_flag_list, test_get_tx_ol_flag_name: DPDK's names; none for other bits."""
    assert ol_flag_names(0) == []
    assert ol_flag_names(OlFlag.RX_VLAN | OlFlag.RX_RSS_HASH) == [
        "RTE_MBUF_F_RX_VLAN", "RTE_MBUF_F_RX_RSS_HASH"]  # fmt: skip
    assert ol_flag_names(OlFlag.TX_UDP_CKSUM) == ["RTE_MBUF_F_TX_UDP_CKSUM"]
    assert ol_flag_names(OlFlag.TX_TCP_CKSUM | OlFlag.TX_IPV4) == [
        "RTE_MBUF_F_TX_TCP_CKSUM", "RTE_MBUF_F_TX_IPV4"]  # fmt: skip
    assert ol_flag_names(1 << 30) == ["bit 30"]
    with pytest.raises(ValueError, match="flags"):
        ol_flag_names(1 << 64)


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
        with pytest.raises(ValueError, match="is allowed"):
            m.read(offset, length)


def test_pktmbuf_read_from_chain(pool: Mempool, burst: Burst):
    """test_pktmbuf_read_from_chain: over segments, within one, and nothing at the end."""
    m = packet(pool, burst, b"", b"abc", b"", b"defg", b"")
    whole = b"abcdefg"
    for start in range(8):
        for end in range(start, 8):
            assert m.read(start, end - start) == whole[start:end]
    assert [view.tobytes() for view in m.segments] == [b"", b"abc", b"", b"defg", b""]


def test_chain_takes_the_tail_out_of_its_burst(pool: Mempool, burst: Burst, other: Burst):
    burst.alloc(pool, 3)
    burst.fill([b"a", b"b", b"c"])
    last, first = burst.mbuf(2), burst.mbuf(0)
    last.chain(first)
    assert ([burst.bytes(i) for i in range(2)], bytes(last)) == ([b"b", b"ca"], b"ca")
    with pytest.raises(pydpdk.ClosedError):
        bytes(first)
    with pytest.raises(ValueError, match="this very packet"):
        last.chain(burst.mbuf(1))
    other.alloc(pool, 1, length=1)
    last.chain(other.mbuf(0))
    assert (len(other), last.nb_segs, last.check()) == (0, 3, None)
    for wrong in (None, burst, 1):
        with pytest.raises(TypeError):
            last.chain(wrong)


def test_chain_of_too_many_segments(pool: Mempool, burst: Burst):
    """rte_pktmbuf_chain: 65,535 segments, no more; and no packet of over 2 GB."""
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


@pytest.fixture
def memory() -> np.ndarray:
    return np.zeros(1 << 20, np.uint8)


def test_pktmbuf_ext_pinned_buf(
    eal: object, pool: Mempool, burst: Burst, other: Burst, memory: np.ndarray, name: str
):
    """test_pktmbuf_ext_pinned_buffer: alloc, clone, copy and bulk over memory of the user."""
    with Mempool.create_extbuf(f"{name}-ext", memory, data_room_size=2176) as ext:
        assert ext.external
        assert not pool.external
        assert ext.n in ((1 << 20) // 2176, ((1 << 20) - 4096) // 2176)  # whole pages only
        burst.alloc(ext, 32)
        burst.fill(b"outside")
        m = burst.mbuf(3)
        offset = m.data_addr - memory.ctypes.data
        assert memory[offset : offset + 7].tobytes() == b"outside"
        assert OlFlag.EXTERNAL in m.ol_flags
        m.data[0] = ord("O")
        clone = m.clone(pool, other)
        assert (bytes(clone), clone.data_addr, m.shared, clone.shared) == (
            b"Outside", m.data_addr, True, True)  # fmt: skip
        copy, inside = m.copy(pool, other), m.copy(ext, other)
        assert [OlFlag.EXTERNAL in c.ol_flags for c in (copy, inside)] == [False, True]
        assert (bytes(copy), bytes(inside), inside.check()) == (b"Outside", b"Outside", None)
        with pytest.raises(ValueError, match="clones need a pool"):
            m.clone(ext, other)
        with pytest.raises(ValueError, match="clones need a pool"):
            other.clone_of(burst, ext)
        burst.free()
        assert (other.bytes(0), ext.in_use_count) == (b"Outside", 2)
        view = other[0]
        with pytest.raises(pydpdk.InUseError, match="2 of its"):
            ext.close()
        del view
        other.free()
        with pytest.raises(ValueError, match="cannot resize"):
            memory.resize(1 << 21, refcheck=True)


def test_memory_of_a_pool_stays_while_views_live(eal: object, burst: Burst, name: str):
    ext = Mempool.create_extbuf(name, np.zeros(1 << 18, np.uint8))
    burst.alloc(ext, 2, length=4)
    view = burst[0].copy()
    kept = burst[1]
    with pytest.raises(pydpdk.InUseError, match="view is alive"):
        ext.close()
    assert kept.tobytes() == view.tobytes()
    del kept
    burst.free()
    ext.close()


def test_memory_of_a_pool_can_be_used_again(eal: object, memory: np.ndarray, name: str):
    """test_external_mem.c: registered twice EEXIST; unregistered with the pool."""
    with Mempool.create_extbuf(name, memory), pytest.raises(pydpdk.NameTakenError):
        Mempool.create_extbuf(f"{name}-2", memory)
    Mempool.create_extbuf(f"{name}-2", memory).close()


@pytest.mark.parametrize(
    "wrong",
    [None, 5, b"readonly" * 4096, "text", np.zeros(100, np.uint8),
     np.zeros((64, 4096), np.uint8)[:, ::2]],
)  # fmt: skip
def test_memory_of_a_pool_must_be_writable_pages(eal: object, name: str, wrong: object):
    with pytest.raises((TypeError, ValueError)):
        Mempool.create_extbuf(name, wrong)


def test_memory_of_a_pool_must_have_room(eal: object, memory: np.ndarray, name: str):
    for options in (
        {"n": 1000},
        {"n": 0},
        {"cache_size": 513},
        {"data_room_size": 127},
        {"priv_size": 3},
    ):
        with pytest.raises(ValueError, match=next(iter(options))):
            Mempool.create_extbuf(name, memory, **options)
    Mempool.create_extbuf(name, memory, n=10).close()


def test_mbuf_dyn_field(pool: Mempool, burst: Burst):
    """test_mbuf_dyn: the same again is the same place; other sizes are taken; bad ones refused."""
    first = DynField.register("test-a", np.uint16)
    assert DynField.register("test-a", np.uint16).offset == first.offset
    with pytest.raises(pydpdk.NameTakenError):
        DynField.register("test-a", np.uint32)
    second = DynField.register("test-b", np.uint32)
    assert second.offset != first.offset
    assert second.offset % 4 == first.offset % 2 == 0
    assert DynField.lookup("test-a").offset == first.offset
    m = packet(pool, burst, b"x")
    m[first], m[second] = 0xABCD, 0x12345678
    assert (m[first], m[second], m[DynField.lookup("test-b")]) == (0xABCD, 0x12345678, 0x12345678)
    with pytest.raises(pydpdk.NotFoundError):
        DynField.lookup("test-none")
    for dtype in ("V256", object, "V0"):
        with pytest.raises((ValueError, TypeError)):
            DynField.register("test-c", dtype)
    with pytest.raises(ValueError, match="align"):
        DynField.register("test-c", np.uint16, align=3)
    with pytest.raises(ValueError, match="own"):
        DynField.register("rte_mine", np.uint16)
    with pytest.raises(OverflowError):
        m[first] = 1 << 16


def test_mbuf_dyn_flag(pool: Mempool, burst: Burst):
    """test_mbuf_dyn: the same flag again is the same bit, readable and writable."""
    flag, other = DynFlag.register("test-flag"), DynFlag.register("test-flag-2")
    assert DynFlag.register("test-flag").bitnum == flag.bitnum == DynFlag.lookup("test-flag").bitnum
    assert other.bitnum != flag.bitnum
    m = packet(pool, burst, b"x")
    m[flag] = True
    assert (m[flag], m[other], int(m.ol_flags)) == (True, False, flag.mask)
    m[flag] = False
    assert int(m.ol_flags) == 0
    with pytest.raises(ValueError, match="may be changed"):
        m.ol_flags = flag.mask


def test_fields_made_up_reach_nothing(pool: Mempool, burst: Burst):
    """A place comes from DPDK alone, and DPDK's own fields may hold a driver's pointers."""
    m = packet(pool, burst, b"x")
    for kind in (DynField, DynFlag):
        with pytest.raises(pydpdk.NotFoundError):
            kind("test-made-up")
    field = DynField.register("test-a", np.uint16)
    with pytest.raises(ValueError, match="has 2 bytes"):
        DynField("test-a", np.uint64)
    for offset in (0, 8, 64, 127, 128, 1 << 31):
        field._offset = offset
        with pytest.raises(pydpdk.DpdkError, match="EINVAL"):
            m[field] = 1
        with pytest.raises(pydpdk.DpdkError, match="EINVAL"):
            m[field]
    field._name = "rte_made_up"
    with pytest.raises(ValueError, match="only be read"):
        m[field] = 1
    flag = DynFlag.register("test-flag")
    for bit in (0, 22, 41, 62, 64, 200):
        flag._bitnum = bit
        with pytest.raises(pydpdk.DpdkError, match="EINVAL"):
            m[flag] = True


def test_timestamps(pool: Mempool, burst: Burst):
    """rte_mbuf_dyn_rx_timestamp_register: one field for both directions, a flag for each."""
    (field, flag), (again, tx_flag) = rx_timestamp(), tx_timestamp()
    assert field.offset == again.offset == DynField.lookup(field.name).offset
    assert flag.bitnum != tx_flag.bitnum
    m = packet(pool, burst, b"x")
    m[field], m[flag] = (1 << 63) + 5, True
    assert (int(m[field]), m[flag]) == ((1 << 63) + 5, True)


def test_pktmbuf_clone_and_copy_of_bursts(pool: Mempool, burst: Burst, other: Burst):
    """test_pktmbuf_pool_bulk's other half: all or none."""
    burst.alloc(pool, 32)
    burst.fill([bytes([i]) * (i + 1) for i in range(32)])
    assert other.clone_of(burst, pool) == 32
    assert [other.bytes(i) for i in range(32)] == [burst.bytes(i) for i in range(32)]
    with pytest.raises(pydpdk.InUseError):
        other.copy_of(burst, pool)
    other.free()
    assert other.copy_of(burst, pool, offset=0, length=3) == 32
    assert other.bytes(31) == bytes([31]) * 3
    other.free()
    with pytest.raises(ValueError, match="offset"):
        other.copy_of(burst, pool, offset=5)
    assert (len(other), pool.in_use_count) == (0, 32)
    with pytest.raises(ValueError, match="this very"):
        burst.clone_of(burst, pool)


def test_double_free_is_seen_in_check_mode(pool: Mempool, burst: Burst):
    """Freeing an mbuf twice is undetected by stock DPDK; another's C code can make us do it."""
    burst.alloc(pool, 2)
    slots = burst._c.slots.mbufs
    good = slots[1]
    slots[1] = slots[0]
    with pytest.raises(pydpdk.DpdkError, match="in it twice"):
        burst.free()
    with Burst(32) as thief:
        thief.alloc(pool, 1)
        slots[1] = thief._c.slots.mbufs[0]
        thief.free()
        with pytest.raises(pydpdk.DpdkError, match="is free already"):
            burst.free()
    slots[1] = good
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
    pydpdk_runtime.sweep(prefix)
    assert done.returncode == 0, done.stdout[-2000:]
    assert "Test OK" in done.stdout

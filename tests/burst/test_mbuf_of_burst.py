"""One packet of a burst: its space, its description, and its end."""

import io
import struct

import numpy as np
import pytest

from pydpdk import Burst, Mempool, OlFlag
from pydpdk.errors import ClosedError, DpdkError, NoRoomError

HEADROOM = 128


def test_verbs_and_their_limits(pool: Mempool, burst: Burst):
    """test_one_pktmbuf (app/test/test_mbuf.c)."""
    burst.alloc(pool, 1)
    mbuf = burst.mbuf(0)
    assert (mbuf.pkt_len, mbuf.nb_segs, mbuf.refcnt) == (0, 1, 1)
    assert (mbuf.headroom, mbuf.tailroom) == (HEADROOM, 2048)
    assert len(mbuf.append(bytes(1464))) == 1464
    mbuf.data[:] = 0x66
    assert (mbuf.pkt_len, mbuf.data_len) == (1464, 1464)
    with pytest.raises(NoRoomError, match="tailroom 584"):
        mbuf.append(bytes(mbuf.tailroom + 1))
    assert len(mbuf.append(bytes(50))) == 1514
    assert len(mbuf.trim(50)) == 1464
    with pytest.raises(NoRoomError):
        mbuf.trim(1465)
    assert len(mbuf.prepend(bytes(20))) == 1484
    assert len(mbuf.prepend(bytes(30))) == 1514
    assert mbuf.headroom == HEADROOM - 50
    with pytest.raises(NoRoomError, match="headroom 78"):
        mbuf.prepend(bytes(HEADROOM - 49))
    assert len(mbuf.adj(50)) == 1464
    assert mbuf.headroom == HEADROOM
    with pytest.raises(NoRoomError):
        mbuf.adj(1465)
    assert bytes(mbuf) == b"\x66" * 1464


def test_all_of_headroom_and_tailroom_can_be_used(pool: Mempool, burst: Burst):
    burst.alloc(pool, 1)
    mbuf = burst.mbuf(0)
    mbuf.prepend(bytes(HEADROOM))
    assert len(mbuf.append(bytes(2048))) == len(mbuf) == 2176
    assert (mbuf.headroom, mbuf.tailroom) == (0, 0)
    assert len(mbuf.adj(2176)) == 0


def test_a_freed_mbuf_is_reset(pool: Mempool, burst: Burst):
    """test_pktmbuf_pool_ptr."""
    burst.alloc(pool, 32)
    for i in range(32):
        burst.mbuf(i).prepend(bytes(100))
    burst.free()
    burst.alloc(pool, 32)
    assert {(burst.mbuf(i).headroom, burst.mbuf(i).pkt_len) for i in range(32)} == {(HEADROOM, 0)}


def test_a_packet_has_a_buffer(pool: Mempool, burst: Burst):
    """Its bytes where they lie, for whatever takes bytes."""
    burst.alloc(pool, 2)
    burst.fill([b"abcdefgh", b""])
    mbuf, empty = burst.mbuf(0), burst.mbuf(1)
    with memoryview(mbuf) as view:
        assert (view.format, view.shape, view.readonly) == ("B", (8,), False)
        view[0] = ord("A")
        assert np.frombuffer(view, np.uint8).ctypes.data == mbuf.data_addr
    assert bytes(mbuf) == bytes(memoryview(mbuf)) == np.frombuffer(mbuf, "S8")[0] == b"Abcdefgh"
    assert np.asarray(mbuf).tolist() == list(b"Abcdefgh")
    assert (struct.unpack_from(">H", mbuf, 6), b"".join([mbuf, empty])) == ((0x6768,), b"Abcdefgh")
    assert (bytes(memoryview(empty)), io.BytesIO(b"12").readinto(mbuf)) == (b"", 2)
    assert empty.append(mbuf).tobytes() == b"12cdefgh"


def test_the_buffer_of_shared_memory_is_read_only(pool: Mempool, burst: Burst):
    burst.alloc(pool, 1)
    burst.fill(b"abcd")
    mbuf = burst.mbuf(0)
    clone = mbuf.clone(pool, burst)
    with memoryview(mbuf) as view, memoryview(clone) as other:
        assert view.readonly and other.readonly and view == other == b"abcd"
    with pytest.raises((BufferError, TypeError, ValueError)):
        io.BytesIO(b"12").readinto(clone)
    assert bytes(mbuf) == b"abcd"


def test_a_packet_of_several_segments_has_no_buffer(pool: Mempool, burst: Burst):
    """A part of a packet is never taken for all of it."""
    burst.alloc(pool, 1)
    burst.fill(bytes(3000))
    mbuf = burst.mbuf(0)
    with pytest.raises(BufferError, match="in 2 segments"):
        memoryview(mbuf)
    assert bytes(mbuf) == bytes(3000)
    burst.free()
    for call in (memoryview, np.frombuffer):
        with pytest.raises(ClosedError):
            call(mbuf)  # type: ignore[operator]


@pytest.mark.parametrize("verb", ["append", "prepend"])
def test_bytes_are_put_at_both_ends(pool: Mempool, burst: Burst, verb: str):
    burst.alloc(pool, 1)
    burst.fill(b"abcdefgh")
    mbuf = burst.mbuf(0)
    put = getattr(mbuf, verb)
    for data in (b"12", bytearray(b"34"), memoryview(b"5678")[::2], np.frombuffer(b"9", np.uint8),
                 np.full((2, 2), ord("0"), np.uint8), b"", mbuf.data[:2]):  # fmt: skip
        before, added = bytes(mbuf), bytes(data)
        after = before + added if verb == "append" else added + before
        assert put(data).tobytes() == after == bytes(mbuf)
    for wrong in (1, -1, None, "text", [1, 2], np.zeros(2, np.uint16), np.zeros(1), object()):
        with pytest.raises(TypeError, match=r"data must be"):
            put(wrong)
    for length in (65535, 65536, 1 << 20):
        with pytest.raises(NoRoomError, match=f"{length} bytes, with headroom"):
            put(bytes(length))
    assert bytes(mbuf) == after


def test_a_packet_with_tx_offloads_gets_no_bytes_in_front(pool: Mempool, burst: Burst):
    """As with `Burst.prepend`: the lengths of its headers would be wrong."""
    burst.alloc(pool, 1, length=64)
    mbuf = burst.mbuf(0)
    mbuf.set_tx_offload(OlFlag.TX_IPV4 | OlFlag.TX_IP_CKSUM, l2_len=14, l3_len=20)
    with pytest.raises(DpdkError, match="set_tx_offload"):
        mbuf.prepend(b"x")
    with pytest.raises(ValueError, match="no TX offloads"):
        burst.prepend(b"x")
    mbuf.append(b"y")
    mbuf.set_tx_offload(0)
    mbuf.prepend(b"x")
    assert burst.lengths.tolist() == [66]


@pytest.mark.parametrize("verb", ["adj", "trim"])
@pytest.mark.parametrize("length", [-1, 65536, 1 << 40])
def test_length_out_of_range_raises(pool: Mempool, burst: Burst, verb: str, length: int):
    burst.alloc(pool, 1, length=64)
    with pytest.raises(ValueError, match="length"):
        getattr(burst.mbuf(0), verb)(length)
    with pytest.raises(NoRoomError):
        getattr(burst.mbuf(0), verb)(65535)
    assert burst.lengths.tolist() == [64]


def test_metadata_of_a_new_packet(pool: Mempool, burst: Burst):
    burst.alloc(pool, 1)
    mbuf = burst.mbuf(0)
    assert (mbuf.port, mbuf.rss_hash, mbuf.packet_type, int(mbuf.ol_flags)) == (None, None, 0, 0)


def test_vlan_is_settable_within_16_bits(pool: Mempool, burst: Burst):
    burst.alloc(pool, 1)
    mbuf = burst.mbuf(0)
    mbuf.vlan_tci = 0xFFFF
    assert mbuf.vlan_tci == 0xFFFF
    for bad in (-1, 65536):
        with pytest.raises(ValueError, match="vlan_tci"):
            mbuf.vlan_tci = bad


def test_flags_that_drivers_trust_raise(pool: Mempool, burst: Burst):
    burst.alloc(pool, 1)
    mbuf = burst.mbuf(0)
    mbuf.ol_flags = OlFlag.RX_VLAN | OlFlag.TX_VLAN
    assert mbuf.ol_flags == OlFlag.RX_VLAN | OlFlag.TX_VLAN
    for bad in (1 << 62, 1 << 61, OlFlag.TX_TCP_SEG, -1, 1 << 70):
        with pytest.raises(ValueError, match="ol_flags"):
            mbuf.ol_flags = bad
    assert mbuf.ol_flags == OlFlag.RX_VLAN | OlFlag.TX_VLAN


def test_an_mbuf_that_was_sent_raises(pool: Mempool, burst: Burst):
    burst.alloc(pool, 1)
    mbuf = burst.mbuf(0)
    burst.free()
    burst.alloc(pool, 1)
    uses = [lambda: mbuf.data, lambda: mbuf.pkt_len, lambda: mbuf.append(b"x"), lambda: bytes(mbuf)]
    for use in uses:
        with pytest.raises(ClosedError, match="sent, enqueued or freed"):
            use()
    assert repr(mbuf) == "<Mbuf given away>"

"""One packet of a burst: its space, its description, and its end."""

import pytest

from pydpdk import Burst, Mempool, OlFlag
from pydpdk.errors import ClosedError, NoRoomError

HEADROOM = 128


def test_verbs_and_their_limits(pool: Mempool, burst: Burst):
    """test_one_pktmbuf (app/test/test_mbuf.c)."""
    burst.alloc(pool, 1)
    mbuf = burst.mbuf(0)
    assert (mbuf.pkt_len, mbuf.nb_segs, mbuf.refcnt) == (0, 1, 1)
    assert (mbuf.headroom, mbuf.tailroom) == (HEADROOM, 2048)
    assert len(mbuf.append(1464)) == 1464
    mbuf.data[:] = 0x66
    assert (mbuf.pkt_len, mbuf.data_len) == (1464, 1464)
    with pytest.raises(NoRoomError, match="tailroom 584"):
        mbuf.append(mbuf.tailroom + 1)
    assert len(mbuf.append(50)) == 1514
    assert len(mbuf.trim(50)) == 1464
    with pytest.raises(NoRoomError):
        mbuf.trim(1465)
    assert len(mbuf.prepend(20)) == 1484
    assert len(mbuf.prepend(30)) == 1514
    assert mbuf.headroom == HEADROOM - 50
    with pytest.raises(NoRoomError, match="headroom 78"):
        mbuf.prepend(HEADROOM - 49)
    assert len(mbuf.adj(50)) == 1464
    assert mbuf.headroom == HEADROOM
    with pytest.raises(NoRoomError):
        mbuf.adj(1465)
    assert bytes(mbuf) == b"\x66" * 1464


def test_all_of_headroom_and_tailroom_can_be_used(pool: Mempool, burst: Burst):
    burst.alloc(pool, 1)
    mbuf = burst.mbuf(0)
    mbuf.prepend(HEADROOM)
    assert len(mbuf.append(2048)) == len(mbuf) == 2176
    assert (mbuf.headroom, mbuf.tailroom) == (0, 0)
    assert len(mbuf.adj(2176)) == 0


def test_a_freed_mbuf_is_reset(pool: Mempool, burst: Burst):
    """test_pktmbuf_pool_ptr."""
    burst.alloc(pool, 32)
    for i in range(32):
        burst.mbuf(i).prepend(100)
    burst.free()
    burst.alloc(pool, 32)
    assert {(burst.mbuf(i).headroom, burst.mbuf(i).pkt_len) for i in range(32)} == {(HEADROOM, 0)}


@pytest.mark.parametrize("verb", ["append", "prepend", "adj", "trim"])
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
    uses = [lambda: mbuf.data, lambda: mbuf.pkt_len, lambda: mbuf.append(1), lambda: bytes(mbuf)]
    for use in uses:
        with pytest.raises(ClosedError, match="sent, enqueued or freed"):
            use()
    assert repr(mbuf) == "<Mbuf given away>"

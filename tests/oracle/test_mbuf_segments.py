"""More of test_mbuf.c: segments freed one by one, data of any bytes, names of all flags."""

from pydpdk import Burst, Mempool, OlFlag
from pydpdk.memory.flags import ol_flag_names

DATA_LEN = 1464  # MBUF_TEST_DATA_LEN


def test_segments_are_freed_one_by_one(pool: Mempool, burst: Burst, name: str):
    """test_pktmbuf_free_segment: those that a clone still shares stay, the others are freed."""
    burst.alloc(pool, 2, length=8)
    head = burst.mbuf(0)
    head.chain(burst.mbuf(1))
    with Mempool.create(f"{name}-clones", 63, cache_size=0) as clones, Burst(2) as other:
        burst.clone(clones, other)
        assert (pool.in_use_count, clones.in_use_count) == (2, 2)
        burst.free()
        assert (pool.in_use_count, clones.in_use_count) == (2, 2)
        other.free()
        assert (pool.in_use_count, clones.in_use_count) == (0, 0)


def test_data_of_any_bytes(pool: Mempool, burst: Burst):
    """test_pktmbuf_with_non_ascii_data: 0xff throughout, in one segment, and shown."""
    burst.alloc(pool, 1)
    m = burst.mbuf(0)
    assert m.pkt_len == 0
    m.append(b"\xff" * DATA_LEN)
    assert (m.pkt_len, m.data_len, m.nb_segs) == (DATA_LEN, DATA_LEN, 1)
    assert burst.bytes(0) == b"\xff" * DATA_LEN
    assert str(DATA_LEN) in repr(m)


def test_every_flag_has_dpdks_name():
    """test_get_rx_ol_flag_name, test_get_tx_ol_flag_name: each bit alone."""
    named = [flag for flag in OlFlag if flag.name and flag.name.startswith(("RX_", "TX_"))]
    assert len(named) > 25
    for flag in named:
        assert ol_flag_names(flag) == [f"RTE_MBUF_F_{flag.name}"]


def test_flags_together_are_the_names_of_each():
    """test_get_rx_ol_flag_list, test_get_tx_ol_flag_list; SCTP shares its bits with UDP."""
    for side in ("RX_", "TX_"):
        flags = [
            f for f in OlFlag if f.name and f.name.startswith(side) and f != OlFlag.TX_SCTP_CKSUM
        ]
        assert sorted(ol_flag_names(sum(flags))) == sorted(f"RTE_MBUF_F_{f.name}" for f in flags)

"""Metadata of mbufs: offloads, flags and dynamic fields (app/test/test_mbuf.c)."""

from __future__ import annotations

import numpy as np
import pytest

import pydpdk
from oracle.mbufs import packet
from pydpdk import Burst, Mempool, OlFlag
from pydpdk.memory.dynfield import DynField, DynFlag, rx_timestamp, tx_timestamp
from pydpdk.memory.flags import ol_flag_names

V4 = OlFlag.TX_IPV4
L4 = {"l2_len": 14, "l3_len": 20, "l4_len": 20}


def test_tx_offload(pool: Mempool, burst: Burst):
    """test_tx_offload: each length reads back as it was set."""
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
def test_mbuf_validate_tx_offload_rejects(
    pool: Mempool, burst: Burst, flags: int, lengths: dict[str, int]
):
    """test_mbuf_validate_tx_offload: flags without what they need; ours beyond those of DPDK."""
    m = packet(pool, burst, bytes(100))
    with pytest.raises(ValueError, match="no sound TX offload"):
        m.set_tx_offload(flags, **lengths)
    assert (m.ol_flags, set(m.tx_lengths)) == (OlFlag(0), {0})


def test_mbuf_validate_tx_offload_accepts(pool: Mempool, burst: Burst):
    """test_mbuf_validate_tx_offload: no flags, and flags with all they need."""
    m = packet(pool, burst, bytes(100))
    m.set_tx_offload(V4 | OlFlag.TX_IP_CKSUM | OlFlag.TX_TCP_SEG, **L4, tso_segsz=512)
    assert m.ol_flags == V4 | OlFlag.TX_IP_CKSUM | OlFlag.TX_TCP_SEG
    m.set_tx_offload(0)
    assert m.ol_flags == OlFlag(0)


def test_offloads_never_cover_headers_beyond_the_first_segment(
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


def test_mbuf_dyn_field(pool: Mempool, burst: Burst):
    """test_mbuf_dyn: the same field has the same place; other sizes work; bad ones raise."""
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


def test_invented_fields_raise(pool: Mempool, burst: Burst):
    """A place comes only from DPDK; DPDK's own fields may hold pointers of a driver."""
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

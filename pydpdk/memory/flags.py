"""Offload flags of mbufs, with the values that the C compiler found."""

from __future__ import annotations

from enum import IntFlag

from pydpdk._dpdk import ffi, lib
from pydpdk.errors import check_range


class OlFlag(IntFlag):
    """`Mbuf.ol_flags`: DPDK's `RTE_MBUF_F_*` without the prefix."""

    RX_VLAN = lib.RTE_MBUF_F_RX_VLAN
    RX_RSS_HASH = lib.RTE_MBUF_F_RX_RSS_HASH
    RX_FDIR = lib.RTE_MBUF_F_RX_FDIR
    RX_L4_CKSUM_BAD = lib.RTE_MBUF_F_RX_L4_CKSUM_BAD
    RX_IP_CKSUM_BAD = lib.RTE_MBUF_F_RX_IP_CKSUM_BAD
    RX_OUTER_IP_CKSUM_BAD = lib.RTE_MBUF_F_RX_OUTER_IP_CKSUM_BAD
    RX_VLAN_STRIPPED = lib.RTE_MBUF_F_RX_VLAN_STRIPPED
    RX_IP_CKSUM_GOOD = lib.RTE_MBUF_F_RX_IP_CKSUM_GOOD
    RX_L4_CKSUM_GOOD = lib.RTE_MBUF_F_RX_L4_CKSUM_GOOD
    RX_IEEE1588_PTP = lib.RTE_MBUF_F_RX_IEEE1588_PTP
    RX_IEEE1588_TMST = lib.RTE_MBUF_F_RX_IEEE1588_TMST
    RX_FDIR_ID = lib.RTE_MBUF_F_RX_FDIR_ID
    RX_FDIR_FLX = lib.RTE_MBUF_F_RX_FDIR_FLX
    RX_QINQ_STRIPPED = lib.RTE_MBUF_F_RX_QINQ_STRIPPED
    RX_LRO = lib.RTE_MBUF_F_RX_LRO
    RX_SEC_OFFLOAD = lib.RTE_MBUF_F_RX_SEC_OFFLOAD
    RX_SEC_OFFLOAD_FAILED = lib.RTE_MBUF_F_RX_SEC_OFFLOAD_FAILED
    RX_QINQ = lib.RTE_MBUF_F_RX_QINQ
    TX_UDP_SEG = lib.RTE_MBUF_F_TX_UDP_SEG
    TX_QINQ = lib.RTE_MBUF_F_TX_QINQ
    TX_TCP_SEG = lib.RTE_MBUF_F_TX_TCP_SEG
    TX_TCP_CKSUM = lib.RTE_MBUF_F_TX_TCP_CKSUM
    TX_SCTP_CKSUM = lib.RTE_MBUF_F_TX_SCTP_CKSUM
    TX_UDP_CKSUM = lib.RTE_MBUF_F_TX_UDP_CKSUM
    TX_IP_CKSUM = lib.RTE_MBUF_F_TX_IP_CKSUM
    TX_IPV4 = lib.RTE_MBUF_F_TX_IPV4
    TX_IPV6 = lib.RTE_MBUF_F_TX_IPV6
    TX_VLAN = lib.RTE_MBUF_F_TX_VLAN
    TX_OUTER_IP_CKSUM = lib.RTE_MBUF_F_TX_OUTER_IP_CKSUM
    TX_OUTER_IPV4 = lib.RTE_MBUF_F_TX_OUTER_IPV4
    TX_OUTER_IPV6 = lib.RTE_MBUF_F_TX_OUTER_IPV6
    EXTERNAL = lib.RTE_MBUF_F_EXTERNAL
    INDIRECT = lib.RTE_MBUF_F_INDIRECT


def ol_flag_names(flags: int) -> list[str]:
    """Return DPDK's names of the offload flags that are set; `bit N` for one without a name.

    Notes
    -----
    Wraps  rte_get_rx_ol_flag_name, rte_get_tx_ol_flag_name (rte_mbuf.h)
    """
    left = check_range("flags", flags, 0, (1 << 64) - 1)
    found = [flag for flag in _WIDE if left & flag == flag]
    for flag in found:
        left &= ~flag
    found += [1 << bit for bit in range(64) if left >> bit & 1]
    return [_name_of(flag) for flag in sorted(found)]


# values of several bits, whose single bits mean something else
_WIDE = [lib.RTE_MBUF_F_TX_UDP_CKSUM]


def _name_of(flag: int) -> str:
    for ask in (lib.rte_get_rx_ol_flag_name, lib.rte_get_tx_ol_flag_name):
        name = ask(flag)
        if name != ffi.NULL:
            return str(ffi.string(name).decode())
    return f"bit {flag.bit_length() - 1}"

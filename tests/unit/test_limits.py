"""The numbers that files and arguments are checked against are those of this DPDK."""

import pytest

from pydpdk import limits
from pydpdk._dpdk import ffi, lib
from pydpdk.config import budget

OF_DPDK = {
    "CACHE_LINE": lib.RTE_CACHE_LINE_SIZE,
    "MAX_LCORE": lib.RTE_MAX_LCORE,
    "MAX_NODES": lib.RTE_MAX_NUMA_NODES,
    "MEMZONE_NAME": lib.RTE_MEMZONE_NAMESIZE - 1,
    "MEMPOOL_NAME": lib.RTE_MEMPOOL_NAMESIZE - 1,
    "OPS_NAME": lib.RTE_MEMPOOL_OPS_NAMESIZE - 1,
    "RING_NAME": lib.RTE_RING_NAMESIZE - 1,
    "PORT_NAME": lib.RTE_ETH_NAME_MAX_LEN - 1,
    "MAX_OBJECTS": lib.RTE_RING_SZ_MASK - 1,
    "MAX_RING": (lib.RTE_RING_SZ_MASK + 1) // 2,
    "HEADROOM": lib.RTE_PKTMBUF_HEADROOM,
    "DATA_ROOM": lib.RTE_MBUF_DEFAULT_BUF_SIZE,
    "PRIV_ALIGN": lib.RTE_MBUF_PRIV_ALIGN,
    "MAX_QUEUES": lib.RTE_MAX_QUEUES_PER_PORT,
    "DEFAULT_DESC": lib.RTE_ETH_DEV_FALLBACK_RX_RINGSIZE,
    "MIN_MTU": lib.RTE_ETHER_MIN_MTU,
    "MAX_CACHE": lib.RTE_MEMPOOL_CACHE_MAX_SIZE,
}
IN_16_BITS = {"MAX_ROOM", "MAX_DESC", "MAX_MTU", "MAX_PRIV"}
OURS = {"DEFAULT_CACHE"}


@pytest.mark.parametrize("name", sorted(OF_DPDK))
def test_a_limit_is_that_of_dpdk(name: str):
    assert getattr(limits, name) == OF_DPDK[name]


def test_every_limit_is_compared():
    assert {name for name in vars(limits) if name.isupper() and name[0] != "_"} == (
        set(OF_DPDK) | IN_16_BITS | OURS
    )


def test_numbers_in_16_bits():
    for name in IN_16_BITS - {"MAX_PRIV"}:
        assert getattr(limits, name) == (1 << 16) - 1
    assert limits.MAX_PRIV == (1 << 16) - limits.PRIV_ALIGN
    assert lib.RTE_ETH_DEV_FALLBACK_TX_RINGSIZE == limits.DEFAULT_DESC


def test_sizes_of_the_estimate_of_memory():
    assert ffi.sizeof("struct rte_mbuf") == budget._MBUF
    assert ffi.sizeof("struct rte_ring") == budget._RING_HEADER

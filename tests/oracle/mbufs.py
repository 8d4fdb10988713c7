"""Packets in mbufs, for the tests of this folder."""

from pydpdk import Burst, Mbuf, Mempool
from pydpdk._dpdk import ffi

DATA = bytes(i * 7 % 251 for i in range(1464))


def raw(mbuf: Mbuf) -> object:
    return ffi.cast("struct rte_mbuf *", mbuf.address)


def packet(pool: Mempool, burst: Burst, *segments: bytes) -> Mbuf:
    """Make one packet of these segments, alone in the burst."""
    burst.free()
    burst.alloc(pool, len(segments))
    burst.fill(list(segments))
    head = burst.mbuf(0)
    for _ in segments[1:]:
        head.chain(burst.mbuf(1))
    return head

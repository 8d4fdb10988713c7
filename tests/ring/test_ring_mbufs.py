"""Rings of mbufs: mbufs change owner, in order, and none is lost."""

import numpy as np
import pytest

from pydpdk import Burst, Eal, Mempool, Ring
from pydpdk.errors import ClosedError, InUseError


@pytest.fixture
def mbuf_ring(pool: Mempool, name: str):
    with Ring.create(f"{name}-ring", 16, element="mbuf") as made, Burst(64) as rest:
        yield made
        while made.rx(rest):
            rest.free()


def test_kinds_cannot_be_mixed(name: str, mbuf_ring: Ring, burst: Burst):
    with Ring.create(name, 16) as ring:
        for move in (ring.tx, ring.rx):
            with pytest.raises(TypeError, match="carries uint64"):
                move(burst)
    with pytest.raises(TypeError, match="carries mbufs"):
        mbuf_ring.enqueue_burst(np.zeros(1, np.uint64))
    with pytest.raises(TypeError, match="carries mbufs"):
        mbuf_ring.dequeue_burst(np.zeros(1, np.uint64))


def test_mbufs_come_out_in_order_and_unchanged(mbuf_ring: Ring, pool: Mempool, burst: Burst):
    packets = [bytes([i]) * (i + 1) for i in range(10)]
    burst.alloc(pool, 10)
    burst.fill(packets)
    assert mbuf_ring.tx(burst) == 10
    assert (len(burst), len(mbuf_ring), pool.in_use_count) == (0, 10, 10)
    assert mbuf_ring.rx(burst, n=4) == 4
    assert [burst.bytes(i) for i in range(4)] == packets[:4]
    burst.free()
    assert mbuf_ring.rx(burst) == 6
    assert [burst.bytes(i) for i in range(6)] == packets[4:]


def test_a_full_ring_leaves_the_rest_in_the_burst(mbuf_ring: Ring, pool: Mempool, burst: Burst):
    burst.alloc(pool, 20)
    burst.fill([bytes([i]) for i in range(20)])
    assert mbuf_ring.tx(burst, bulk=True) == 0
    assert len(burst) == 20
    assert mbuf_ring.tx(burst) == 15
    assert [burst.bytes(i)[0] for i in range(5)] == [15, 16, 17, 18, 19]
    assert mbuf_ring.tx(burst) == 0
    assert len(burst) == 5


def test_bulk_rx_takes_exactly_n_or_none(mbuf_ring: Ring, pool: Mempool, burst: Burst):
    burst.alloc(pool, 3)
    mbuf_ring.tx(burst)
    assert mbuf_ring.rx(burst, n=4, bulk=True) == 0
    assert mbuf_ring.rx(burst, n=3, bulk=True) == 3


def test_rx_into_a_full_burst_raises(mbuf_ring: Ring, pool: Mempool, burst: Burst):
    burst.alloc(pool, 1)
    with pytest.raises(InUseError, match="still holds mbufs"):
        mbuf_ring.rx(burst)


def test_rx_of_more_than_the_burst_holds_raises(mbuf_ring: Ring, burst: Burst):
    for n in (33, -1, 1 << 40):
        with pytest.raises(ValueError, match=r"0\.\.32 mbufs"):
            mbuf_ring.rx(burst, n=n)


def test_close_raises_while_mbufs_are_in_the_ring(eal: Eal, name: str, pool: Mempool, burst: Burst):
    ring = Ring.create(name, 16, element="mbuf")
    burst.alloc(pool, 3)
    ring.tx(burst)
    with pytest.raises(InUseError, match="3 mbufs are in it"):
        ring.close()
    ring.close(force=True)
    assert pool.in_use_count == 0


def test_lookup_of_a_foreign_ring_needs_its_element_kind(device, burst: Burst):
    device("net_ring_other")
    with pytest.raises(ValueError, match="not made by pydpdk"):
        Ring.lookup("ETH_RXTX0_net_ring_other")
    ring = Ring.lookup("ETH_RXTX0_net_ring_other", element="mbuf")
    assert ring.rx(burst) == 0
    ring.close()
    with pytest.raises(ClosedError):
        ring.rx(burst)

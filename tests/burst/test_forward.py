"""Forward: a polling round in one call into C."""

import pytest

from pydpdk import Burst, Forward, Mempool
from pydpdk.errors import ClosedError, InUseError


def test_forward_between_rings(device, pool: Mempool, burst: Burst):
    """net_ring passes on the same mbufs (test_pmd_ring.c): it receives what it sends."""
    port = device("net_ring_fwd")
    port.configure(mempool=pool)
    port.start()
    burst.alloc(pool, 8)
    burst.fill([bytes([i] * 6 + [99] * 6 + [0, 0]) for i in range(8)])
    port.tx_queues[0].tx(burst)
    hops = [(port.rx_queues[0], port.tx_queues[0])]
    assert Forward(burst, hops, "macswap").step() == 8
    assert Forward(burst, hops).step() == 8
    assert len(burst) == 0
    assert port.rx_queues[0].rx(burst) == 8
    assert [burst.bytes(i) for i in range(8)] == [
        bytes([99] * 6 + [i] * 6 + [0, 0]) for i in range(8)
    ]
    burst.free()
    assert Forward(burst, hops).step() == 0
    rxq, txq = hops[0]
    assert (rxq.packets, txq.packets, txq.dropped) == (24, 24, 0)
    port.stop()


def test_forward_frees_what_the_port_did_not_take(device, pool: Mempool, name: str):
    """A full net_ring of 1,023 entries takes nothing."""
    full, source = device("net_ring_full"), device("net_null_src")
    big = Mempool.create(name, 2047, cache_size=0)
    for port in (full, source):
        port.configure(mempool=big)
        port.start()
    with Burst(1000) as burst:
        assert Forward(burst, [(source.rx_queues[0], full.tx_queues[0])] * 2).step() == 2000
        assert big.in_use_count == full.tx_queues[0].packets < 2000
        assert full.tx_queues[0].dropped == 2000 - full.tx_queues[0].packets
        while full.rx_queues[0].rx(burst):
            burst.free()
    for port in (full, source):
        port.close()
    big.close()


def test_forward_with_wrong_arguments_raises(device, pool: Mempool, burst: Burst):
    port = device("net_null_fwd")
    port.configure(mempool=pool)
    rx, tx = port.rx_queues[0], port.tx_queues[0]
    with pytest.raises(ClosedError):
        Forward(burst, [(rx, tx)]).step()
    port.start()
    with pytest.raises(ValueError, match="mode"):
        Forward(burst, [(rx, tx)], "sideways")  # type: ignore[arg-type]
    for hop in ((tx, rx), (None, tx), (rx, None), (port, port), (burst, tx)):
        with pytest.raises(TypeError):
            Forward(burst, [hop])  # type: ignore[list-item]
    for hops in ([], [(rx, tx)] * 1025):
        with pytest.raises(ValueError, match=r"1\.\.1024"):
            Forward(burst, hops)
    with pytest.raises(TypeError):
        Forward(port, [(rx, tx)])  # type: ignore[arg-type]
    burst.alloc(pool, 1)
    with pytest.raises(InUseError):
        Forward(burst, [(rx, tx)]).step()

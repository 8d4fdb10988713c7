"""Workers that several tests launch. Numba compiles them, so they have no annotations."""

from pydpdk import lcore, worker
from pydpdk.lcore import running


@worker
def macswap(rxq, txq, burst, counters):
    while lcore.running():
        counters[0] += rxq.rx(burst)
        burst.swap_macs()
        counters[1] += txq.tx(burst)
        counters[2] += burst.free()
    return counters[0]


@worker
def never_asks(rxq, burst, counters):
    while True:
        counters[0] += rxq.rx(burst)
        burst.free()


@worker
def sends_for_ever(txq, mempool, burst, counters):
    while True:
        burst.alloc(mempool)
        counters[0] += txq.tx(burst)
        burst.free()


@worker
def raises(rxq, burst, after):
    seen = 0
    while running():
        seen += rxq.rx(burst)
        if seen >= after:
            raise ValueError("seen enough")
        burst.free()


@worker
def takes_all(mempool, bursts):
    for burst in bursts:
        burst.alloc(mempool)


@worker
def counts_empty_pools(mempool, first, second):
    first.alloc(mempool)
    misses = 0
    for _ in range(3):
        try:
            second.alloc(mempool, 1)
        except Exception:
            misses += 1
    return misses


@worker
def sends(txq, mempool, burst, packet, n, counters):
    for _ in range(n):
        burst.alloc(mempool)
        burst.fill(packet)
        counters[0] += txq.tx(burst)
        counters[1] += burst.free()


@worker
def to_ring(ring, mempool, burst, n):
    sent = 0
    while running() and sent < n:
        burst.alloc(mempool, length=60)
        for i in range(len(burst)):
            burst[i].set_be32(0, sent + i)
        while len(burst) and running():
            sent += ring.tx(burst)
    return sent


@worker
def from_ring(ring, burst, n):
    got = 0
    while running() and got < n:
        for i in range(ring.rx(burst)):
            if burst[i].get_be32(0) != got:
                raise ValueError("out of order")
            got += 1
        burst.free()
    return got


@worker
def holds(ring, burst, counters):
    counters[0] = ring.rx(burst)
    while running():
        counters[1] += 1


@worker
def hops(pairs, burst, counters):
    while running():
        for rxq, txq in pairs:
            counters[0] += rxq.rx(burst)
            txq.tx(burst)
            burst.free()


@worker
def retries(txq, mempool, burst, counters):
    while running():
        burst.alloc(mempool)
        while len(burst) and running():
            counters[0] += txq.tx(burst)
            counters[1] += 1


@worker
def polls(rxq, burst, counters):
    while running():
        counters[0] += rxq.rx(burst)
        counters[1] += 1
        burst.free()


@worker
def retries_for_ever(txq, mempool, burst, counters):
    burst.alloc(mempool)
    while True:
        while len(burst):
            counters[0] += txq.tx(burst)
        burst.alloc(mempool)


@worker
def moves_values_for_ever(ring, array, counters):
    while True:
        counters[0] += 1 + ring.enqueue_burst(array)

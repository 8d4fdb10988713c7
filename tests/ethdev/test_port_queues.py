"""Bursts through the queues of ports, from one thread and from several."""

import threading
import time

import pytest
from waiting import LIMIT

from pydpdk import Burst, Mempool, Port
from pydpdk.errors import (
    BusyError,
    ClosedError,
    InUseError,
)


def test_a_port_fills_bursts(null: Port, pool: Mempool, burst: Burst):
    null.configure(mempool=pool)
    null.start()
    assert null.rx_queues[0].rx(burst) == 32
    assert burst.lengths.tolist() == [60] * 32
    assert burst.mbuf(0).port == null.port_id
    assert null.tx_queues[0].tx(burst) == 32
    assert len(burst) == 0
    assert (null.rx_queues[0].packets, null.tx_queues[0].packets) == (32, 32)
    assert (null.stats().ipackets, null.stats().opackets) == (32, 32)
    null.reset_stats()
    assert (null.stats().ipackets, null.stats().opackets) == (0, 0)


def test_rx_into_a_burst_with_packets_raises(null: Port, pool: Mempool, burst: Burst):
    null.configure(mempool=pool)
    null.start()
    null.rx_queues[0].rx(burst)
    with pytest.raises(InUseError, match="still holds mbufs"):
        null.rx_queues[0].rx(burst)


@pytest.mark.parametrize("bad", [None, 5, "burst", [1]])
def test_queues_accept_only_bursts(null: Port, pool: Mempool, bad: Burst):
    null.configure(mempool=pool)
    null.start()
    for move in (
        null.rx_queues[0].rx,
        null.tx_queues[0].tx,
        lambda b: null.rx_queues[0].rx(null.tx_queues[0]),
    ):
        with pytest.raises(TypeError):
            move(bad)


def test_a_ring_port_receives_what_it_sent(loop: Port, pool: Mempool, burst: Burst):
    """test_pmd_ring.c: the same mbufs in the same order."""
    packets = [bytes([i]) * (i + 1) for i in range(32)]
    burst.alloc(pool)
    burst.fill(packets)
    addresses = [burst[i].ctypes.data for i in range(32)]
    assert loop.tx_queues[0].tx(burst) == 32
    assert loop.rx_queues[0].rx(burst) == 32
    assert [burst.bytes(i) for i in range(32)] == packets
    assert [burst[i].ctypes.data for i in range(32)] == addresses
    burst.free()
    assert loop.rx_queues[0].rx(burst) == 0


def test_tx_keeps_the_unsent_in_order(loop: Port, name: str):
    """A net_ring has 1,024 entries, of which 1,023 can be used."""
    with Mempool.create(name, 2047, cache_size=0) as pool, Burst(1100) as burst:
        burst.alloc(pool)
        burst.fill([i.to_bytes(2, "big") for i in range(1100)])
        sent = loop.tx_queues[0].tx(burst)
        assert (sent, len(burst)) == (1023, 77)
        assert [int.from_bytes(burst.bytes(i), "big") for i in range(77)] == list(range(1023, 1100))
        assert loop.tx_queues[0].tx(burst) == 0
        assert len(burst) == 77
        burst.free()
        while loop.rx_queues[0].rx(burst):
            burst.free()


def test_tx_raises_while_a_view_is_alive(loop: Port, pool: Mempool, burst: Burst):
    burst.alloc(pool, 1, length=64)
    view = burst[0]
    with pytest.raises(InUseError, match="1 packets"):
        loop.tx_queues[0].tx(burst)
    del view
    assert loop.tx_queues[0].tx(burst) == 1
    loop.rx_queues[0].rx(burst)


def test_several_queues(device, pool: Mempool, burst: Burst):
    port = device("net_ring_q")
    port.configure(mempool=pool, nb_rx_queues=3, nb_tx_queues=3)
    port.start()
    assert [q.queue_id for q in port.rx_queues] == [q.queue_id for q in port.tx_queues] == [0, 1, 2]
    for i, queue in enumerate(port.tx_queues):
        burst.alloc(pool, 1)
        burst.fill([bytes([i])])
        queue.tx(burst)
    for i in (2, 0, 1):
        assert port.rx_queues[i].rx(burst) == 1
        assert burst.bytes(0) == bytes([i])
        burst.free()


def test_a_port_stops_while_a_thread_polls_it(loop: Port, burst: Burst):
    """The thread sees the end; `stop` never waits: it ends or names the thread inside."""
    seen: list[Exception] = []
    polled = threading.Event()

    def poll() -> None:
        try:
            while True:
                loop.rx_queues[0].rx(burst)
                polled.set()
        except ClosedError as error:
            seen.append(error)

    thread = threading.Thread(target=poll)
    thread.start()
    assert polled.wait(LIMIT)
    deadline = time.monotonic() + LIMIT
    while loop.state == "started" and time.monotonic() < deadline:
        try:
            loop.stop()
        except BusyError:
            continue
    thread.join(LIMIT)
    assert loop.state == "stopped"
    assert len(seen) == 1


def test_two_threads_on_one_queue_lose_nothing(loop: Port, name: str):
    """Each call succeeds or raises BusyError: whatever was sent is received once."""
    total, busy = 20_000, 0
    out: list[int] = []

    def send(pool: Mempool, first: int) -> None:
        nonlocal busy
        left = list(range(first, first + total // 2))
        with Burst(32) as burst:
            while left or burst:
                if not burst:
                    chunk, left = left[:32], left[32:]
                    burst.alloc(pool, len(chunk))
                    burst.fill([i.to_bytes(4, "big") for i in chunk])
                try:
                    loop.tx_queues[0].tx(burst)
                except BusyError:
                    busy += 1

    def receive() -> None:
        with Burst(64) as burst:
            deadline = time.monotonic() + LIMIT
            while len(out) < total and time.monotonic() < deadline:
                try:
                    n = loop.rx_queues[0].rx(burst)
                except BusyError:
                    continue
                out.extend(int.from_bytes(burst.bytes(i), "big") for i in range(n))
                burst.free()

    with Mempool.create(name, 4095, cache_size=0) as pool:
        threads = [threading.Thread(target=send, args=(pool, i * total // 2)) for i in range(2)]
        threads += [threading.Thread(target=receive) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(LIMIT)
    assert sorted(out) == list(range(total))


# devices that come and go

"""Compiled workers on lcores: they move packets, can be observed, stop when asked, lose nothing."""

from __future__ import annotations

import time
from concurrent.futures import CancelledError
from pathlib import Path

import numpy as np
import pytest
import workers
from waiting import LIMIT, until

from pydpdk import Burst, LeakWarning, Mempool, Memzone, Port, Ring, lcore
from pydpdk.errors import BusyError, ClosedError, InUseError, NoRoomError

FRAME = np.frombuffer(bytes([1] * 6 + [2] * 6 + [8, 0]) + bytes(46), np.uint8)


@pytest.fixture
def source(null: Port, pool: Mempool) -> Port:
    """A started net_null port: packets without end."""
    null.configure(mempool=pool)
    null.start()
    return null


@pytest.fixture
def counters() -> np.ndarray:
    return np.zeros(4, np.int64)


def test_a_worker_rewrites_and_sends_what_it_receives(loop: Port, pool, burst, counters):
    """net_ring passes on the same mbufs: the worker receives what it sends, swapped."""
    burst.alloc(pool, 8)
    burst.fill(FRAME.tobytes())
    loop.tx_queues[0].tx(burst)
    with Burst(32) as its:
        with workers.macswap.launch(loop.rx_queues[0], loop.tx_queues[0], its, counters) as job:
            until(lambda: counters[0] > 100_000)
        assert job.result() == counters[0] == counters[1]
        assert len(its) == 0
        assert loop.rx_queues[0].rx(its) == 8
        swapped = bytes([2] * 6 + [1] * 6)
        assert {its.bytes(i)[:12] for i in range(8)} <= {swapped, FRAME.tobytes()[:12]}
        its.free()
    assert counters[2] == 0
    assert loop.rx_queues[0].packets == counters[0] + 8


def test_counters_are_readable_while_a_worker_runs(source, pool, counters):
    """It does not take the GIL: Python runs beside it, even on one CPU."""
    with Burst(32) as its:
        seen = [0]
        job = workers.macswap.launch(source.rx_queues[0], source.tx_queues[0], its, counters)
        for _ in range(3):
            until(lambda: counters[0] > seen[-1])
            seen.append(int(counters[0]))
        assert job.running()
        job.cancel()
        assert job.result() >= seen[-1]


def test_a_worker_that_never_asks_is_stopped_in_its_poll(source, pool, counters):
    """After 50 ms in which it could have ended by itself."""
    with Burst(32) as its:
        job = workers.never_asks.launch(source.rx_queues[0], its, counters)
        until(lambda: counters[0])
        start, ran = time.monotonic(), time.process_time()
        assert job.cancel()
        with pytest.raises(CancelledError, match="never_asks"):
            job.result(LIMIT)
        assert job.cancelled()
        assert time.monotonic() - start > 0.04
        assert time.process_time() - ran < 0.1


def test_a_worker_that_only_sends_is_stopped_too(source, pool, counters):
    with Burst(32) as its:
        job = workers.sends_for_ever.launch(source.tx_queues[0], pool, its, counters)
        until(lambda: counters[0] > 0)
        job.cancel()
        with pytest.raises(CancelledError):
            job.exception(LIMIT)
    assert pool.in_use_count == 0


def test_the_state_of_a_worker_may_lie_in_a_memzone(source, pool, name):
    with Memzone.reserve(name, 4096) as zone, Burst(32) as its:
        state = zone.as_array(np.int64)
        state[:] = 0
        with workers.macswap.launch(source.rx_queues[0], source.tx_queues[0], its, state):
            until(lambda state=state: state[0] > 0)
            with pytest.raises(InUseError, match="view"):
                zone.close()
        del state


def test_an_exception_is_raised_and_the_mbufs_are_returned(source, pool):
    with Burst(32) as its:
        job = workers.raises.launch(source.rx_queues[0], its, 320)
        with pytest.raises(ValueError, match="seen enough") as caught:
            job.result()
        (note,) = caught.value.__notes__
        assert note.startswith(f"in the worker raises on lcore {job.lcore_id}, {workers.__file__}:")
        lines = Path(workers.__file__).read_text().splitlines()
        assert "seen enough" in lines[int(note.rpartition(":")[2]) - 1]
        named = {(e.frame.code.path.name, e.frame.code.name) for e in caught.traceback}
        assert ("workers.py", "raises") in named
        assert len(its) == 0
    assert pool.in_use_count == 0


def test_an_empty_pool_raises_in_a_worker_too(pool: Mempool):
    with Burst(500) as first, Burst(500) as second:
        with pytest.raises(NoRoomError, match="too few mbufs left") as caught:
            workers.takes_all.launch(pool, (first, second)).result()
        assert f"{workers.__file__}:" in caught.value.__notes__[0]
        assert pool.in_use_count == 0
        with Burst(511) as all_of_them:
            assert workers.counts_empty_pools.launch(pool, all_of_them, first).result() == 3
        assert pool.in_use_count == 0


def test_a_full_tx_queue_leaves_the_rest_in_the_burst(device, name: str, counters):
    """A net_ring takes 1,023."""
    port = device("net_ring_full")
    with Mempool.create(name, 2047, cache_size=0) as big, Burst(100) as its:
        port.configure(mempool=big)
        port.start()
        workers.sends.launch(port.tx_queues[0], big, its, FRAME, 15, counters).result()
        assert list(counters[:2]) == [1023, 477]
        assert big.in_use_count == 1023
        port.close()


@pytest.mark.parametrize("launched", ["macswap", "never_asks"])
def test_a_lost_port_ends_a_worker_with_an_error(source, pool, counters, launched: str):
    with Burst(32) as its:
        tx = (source.tx_queues[0],) if launched == "macswap" else ()
        job = getattr(workers, launched).launch(source.rx_queues[0], *tx, its, counters)
        until(lambda: counters[0] > 0)
        source.close(force=True)
        with pytest.raises(ClosedError, match="the port was stopped"):
            job.result()
        assert pool.in_use_count == 0


def test_closing_a_leased_object_names_the_worker(source, pool, counters):
    with Burst(32) as its:
        job = workers.macswap.launch(source.rx_queues[0], source.tx_queues[0], its, counters)
        by = f"used by <Job 'macswap' on lcore {job.lcore_id} runs>"
        for call in (source.close, source.stop, its.close):
            with pytest.raises(InUseError, match=by):
                call()
        with pytest.raises(InUseError):
            pool.close()
        with pytest.raises(BusyError):
            its.free()
        with Burst(1) as other:
            with pytest.raises(BusyError, match="RxQueue"):
                source.rx_queues[0].rx(other)
            with pytest.raises(BusyError, match=r"in use by <Job 'macswap'"):
                workers.never_asks.launch(source.rx_queues[0], other, counters)
        job.close()
        source.rx_queues[0].rx(its)
        its.free()
        source.stop()


def test_a_forced_close_of_a_pool_ends_the_worker_that_uses_it(eal, name: str, counters):
    """Its mbufs are reclaimed first, and the worker has them."""
    mine = Mempool.create(name, 63, cache_size=0)
    with Burst(8) as its, Burst(8) as given, Ring.create(f"{name}r", 64, element="mbuf") as ring:
        given.alloc(mine)
        ring.tx(given)
        job = workers.holds.launch(ring, its, counters)
        until(lambda: counters[0] == 8)
        with pytest.warns(LeakWarning, match="closed by force"):
            mine.close(force=True)
        assert job.done()
        assert job.result() is None


def test_packets_go_from_worker_to_worker_through_a_ring(eal, pool, name: str):
    with (
        Ring.create(name, 256, element="mbuf", producer="single", consumer="single") as ring,
        Burst(32) as one,
        Burst(32) as other,
    ):
        taker = workers.from_ring.launch(ring, other, 64_000)
        giver = workers.to_ring.launch(ring, pool, one, 64_000)
        with pytest.raises(InUseError, match=r"used by <Job 'from_ring'.*<Job 'to_ring'"):
            ring.close()
        assert giver.result(LIMIT) == taker.result(LIMIT) == 64_000


def test_several_queues_on_several_lcores(device, pool, counters):
    port = device("net_null_many,size=60")
    port.configure(mempool=pool, nb_rx_queues=4, nb_tx_queues=4)
    port.start()
    pairs = tuple(zip(port.rx_queues, port.tx_queues, strict=True))
    more = np.zeros(4, np.int64)
    with Burst(32) as one, Burst(32) as other:
        jobs = [
            workers.hops.launch(pairs[:2], one, counters),
            workers.hops.launch(pairs[2:], other, more),
        ]
        until(lambda: counters[0] and more[0])
        for job in jobs:
            job.close()
    assert [queue.packets > 0 for queue in port.rx_queues] == [True] * 4
    assert sum(queue.packets for queue in port.rx_queues) == counters[0] + more[0]


def test_bursts_and_queues_that_are_not_open_raise(source, pool, counters):
    gone = Burst(8)
    gone.close()
    with pytest.raises(ClosedError):
        workers.never_asks.launch(source.rx_queues[0], gone, counters)
    queue = source.rx_queues[0]
    source.stop()
    with Burst(8) as its:
        with pytest.raises(ClosedError, match="must be started"):
            workers.never_asks.launch(queue, its, counters)
        its.alloc(pool, 1)
        its.free()


def test_live_views_of_its_packets_raise(source, pool, counters):
    """In check mode, as for sending them."""
    with Burst(8) as its:
        its.alloc(pool, 1, length=10)
        view = its[0]
        with pytest.raises(InUseError, match="views alive"):
            workers.never_asks.launch(source.rx_queues[0], its, counters)
        del view
        its.free()


def test_a_program_that_ends_stops_its_worker(run_script):
    out = run_script("""
        import numpy as np
        import workers
        init(lcores=f"0@{LCORE},1@{LCORE}", vdevs=("net_null0",))
        pool = Mempool.create("p", 511, cache_size=0)
        port = Port.lookup("net_null0")
        port.configure(mempool=pool)
        port.start()
        counters = np.zeros(2, np.int64)
        burst = Burst(32)
        job = workers.never_asks.launch(port.rx_queues[0], burst, counters)
        until(lambda: counters[0])
        print("polls")
    """)
    assert (out.returncode, out.stdout) == (0, "polls\n"), out.stderr


def test_a_worker_is_launched_not_called():
    with pytest.raises(TypeError, match=r"macswap\.launch"):
        workers.macswap()
    assert repr(workers.macswap) == "<Worker 'macswap'>"


def test_the_same_function_runs_interpreted(source, pool, counters):
    with Burst(32) as its:
        job = lcore.launch(
            workers.macswap.function, source.rx_queues[0], source.tx_queues[0], its, counters
        )
        until(lambda: counters[0] > 0)
        job.cancel()
        assert job.result() == counters[0]

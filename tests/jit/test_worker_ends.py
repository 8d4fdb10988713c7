"""However a loop ends, compiled or interpreted: no mbuf is lost, and the user gets the reason."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from concurrent.futures import CancelledError
from contextlib import suppress
from typing import Any

import numpy as np
import pytest
import workers
from waiting import LIMIT, until

from pydpdk import Burst, Mempool, Port, Ring, Worker, lcore
from pydpdk.errors import ClosedError, InUseError, NoRoomError

Launch = Callable[..., Any]


def compiled(worker: Worker, *args: Any) -> Any:
    return worker.launch(*args)


def interpreted(worker: Worker, *args: Any) -> Any:
    return lcore.launch(worker.function, *args)


BOTH = pytest.mark.parametrize("launch", [compiled, interpreted])


@pytest.fixture
def counters() -> np.ndarray:
    return np.zeros(4, np.int64)


@pytest.fixture
def source(null: Port, pool: Mempool) -> Port:
    null.configure(mempool=pool)
    null.start()
    return null


@pytest.fixture
def full(device, name: str):
    """A net_ring port, which takes 1,023 packets, and a pool with more."""
    port = device("net_ring_ends")
    with Mempool.create(name, 4095, cache_size=0) as pool:
        port.configure(mempool=pool)
        port.start()
        yield port.tx_queues[0], pool
        port.close()
        assert pool.in_use_count == 0


@BOTH
def test_a_loop_that_raises_loses_nothing(launch: Launch, source: Port, pool: Mempool):
    with Burst(32) as its:
        with pytest.raises(ValueError, match="seen enough"):
            launch(workers.raises, source.rx_queues[0], its, 320).result()
        assert pool.in_use_count == len(its) == (0 if launch is compiled else 32)
        its.free()
    assert pool.in_use_count == 0


@BOTH
def test_a_loop_that_runs_out_of_mbufs_loses_nothing(launch: Launch, pool: Mempool):
    with Burst(500) as first, Burst(500) as second:
        with pytest.raises(NoRoomError):
            launch(workers.takes_all, pool, (first, second)).result()
        assert pool.in_use_count == len(first) == (0 if launch is compiled else 500)
        assert len(second) == 0
        first.free()
    assert pool.in_use_count == 0


@BOTH
def test_a_loop_with_a_full_tx_queue_loses_nothing(launch: Launch, full, counters):
    txq, pool = full
    with Burst(100) as its:
        job = launch(workers.retries, txq, pool, its, counters)
        until(lambda: counters[0] == 1023 and counters[1] > 2000)
        job.close()
        assert counters[0] == 1023
        assert pool.in_use_count - len(its) == 1023
        its.free()


@BOTH
def test_a_loop_whose_port_is_removed_raises_and_loses_nothing(
    launch: Launch, source: Port, pool: Mempool, counters
):
    with Burst(32) as its:
        job = launch(workers.macswap, source.rx_queues[0], source.tx_queues[0], its, counters)
        until(lambda: counters[0] > 0)
        source.close(force=True)
        with pytest.raises(ClosedError):
            job.result(LIMIT)
        assert counters[0] == counters[1] + counters[2] + len(its) or launch is compiled
        its.free()
    assert pool.in_use_count == 0


def test_an_interpreted_loop_raises_after_its_port_is_stopped(source, pool, counters):
    with Burst(32) as its:
        job = interpreted(workers.macswap, source.rx_queues[0], source.tx_queues[0], its, counters)
        until(lambda: counters[0] > 0)
        source.stop()
        with pytest.raises(ClosedError):
            job.result(LIMIT)
        its.free()
    assert pool.in_use_count == 0


def test_stop_raises_while_a_compiled_loop_uses_the_port(source, pool, counters):
    with Burst(32) as its:
        job = compiled(workers.macswap, source.rx_queues[0], source.tx_queues[0], its, counters)
        with pytest.raises(InUseError, match="used by <Job 'macswap'"):
            source.stop()
        job.close()
        source.stop()
    assert pool.in_use_count == 0


@BOTH
@pytest.mark.net_admin
def test_a_loop_without_a_link_polls_on_and_loses_nothing(
    launch: Launch, device, pool: Mempool, counters, name: str, veth: str
):
    """DPDK reports no error: the port receives nothing more."""
    near = f"{veth}1"
    port = device(f"net_af_packet_{name[-8:]},iface={near}")
    port.configure(mempool=pool)
    port.start()
    with Burst(32) as its:
        job = launch(workers.polls, port.rx_queues[0], its, counters)
        until(lambda: counters[1] > 100)
        subprocess.run(["ip", "link", "del", near], check=True)
        polls = int(counters[1])
        until(lambda: counters[1] > polls + 100)
        assert job.running()
        job.cancel()
        job.result(LIMIT)
        assert len(its) == 0
    port.close()
    assert pool.in_use_count == 0


def stops(job: Any, ready: Callable[[], Any]) -> None:
    """Check that it ends in 0.1 s of CPU time: on a busy machine that takes longer."""
    until(ready)
    start = time.process_time()
    job.cancel()
    with suppress(CancelledError):  # of one that never asks running()
        job.result(LIMIT)
    assert time.process_time() - start < 0.1


@pytest.mark.parametrize("name_of", ["macswap", "never_asks"])
def test_a_loop_stops_with_large_bursts(source, counters, name_of: str):
    with Burst(400) as its:
        tx = (source.tx_queues[0],) if name_of == "macswap" else ()
        job = getattr(workers, name_of).launch(source.rx_queues[0], *tx, its, counters)
        stops(job, lambda: counters[0])


@pytest.mark.parametrize("name_of", ["retries", "retries_for_ever"])
def test_a_loop_stops_with_a_full_tx_queue(full, counters, name_of: str):
    txq, pool = full
    with Burst(100) as its:
        job = getattr(workers, name_of).launch(txq, pool, its, counters)
        stops(job, lambda: counters[0] == 1023)
        assert pool.in_use_count == 1023


def test_a_loop_stops_without_packets(eal, counters, name: str):
    """A loop that only moves values checks for the stop in these calls."""
    with Ring.create(name, 8, element="int64") as ring:
        array = np.arange(3)
        job = workers.moves_values_for_ever.launch(ring, array, counters)
        stops(job, lambda: counters[0])

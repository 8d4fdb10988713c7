"""Threads on one ring, as test_ring_stress.h with lcores; and Python threads on one CPU."""

import os
import threading
import time

import numpy as np
import pytest

from oracle.rings import DTYPES, values
from pydpdk import Eal, Ring

MANY = ("rts", "multi", "hts")  # single is for one thread


def run(n_threads: int, work) -> None:
    threads = [threading.Thread(target=work, args=(i,)) for i in range(n_threads)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not any(thread.is_alive() for thread in threads)


@pytest.mark.parametrize("sync", MANY)
@pytest.mark.parametrize("esize", [8, 20])
def test_elements_circulate_between_threads(eal: Eal, name: str, sync: str, esize: int):
    """test_ring_mpmc_stress, test_ring_rts_stress, test_ring_hts_stress: all take and put back."""
    dtype = DTYPES[esize]
    data = values(dtype, 200)
    faults = []

    def work(me: int) -> None:
        out = np.zeros(17, dtype)
        for _ in range(500):
            n = ring.dequeue_burst(out)
            if ring.enqueue_bulk(out[:n].copy()) != n:
                faults.append(me)

    with Ring.create(name, 512, element=dtype, producer=sync, consumer=sync) as ring:
        ring.enqueue_bulk(data)
        run(4, work)
        out = np.zeros(512, dtype)
        assert ring.dequeue_burst(out) == 200
    assert faults == []
    assert sorted(v.tobytes() for v in out[:200]) == sorted(v.tobytes() for v in data)


def test_threads_on_one_cpu_do_not_spin_for_a_slice(eal: Eal, name: str):
    """By default. A `multi` ring spins for most of its CPU time here."""
    spun, ran = [0.0] * 4, [0.0] * 4

    def work(me: int) -> None:
        out, cpu = np.zeros(256, np.uint64), time.thread_time
        end = time.monotonic() + 1
        while time.monotonic() < end:
            for move in (ring.enqueue_burst, ring.dequeue_burst) * 20:
                start = cpu()
                move(out)
                took = cpu() - start
                spun[me] += took if took > 0.5e-3 else 0
        ran[me] = cpu()

    before = os.sched_getaffinity(0)
    with Ring.create(name, 8192) as ring:
        assert (ring.producer, ring.consumer) == ("rts", "rts")
        os.sched_setaffinity(0, {min(before)})
        try:
            run(4, work)
        finally:
            os.sched_setaffinity(0, before)
    assert sum(spun) < 0.5 * sum(ran)

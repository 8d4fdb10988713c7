"""DPDK's cases for lcores and threads (test_lcores.c, test_threads.c, test_func_reentrancy.c ...).

Here the lcores' ids, their CPUs, and threads that are no lcores; the C oracles run beside.
"""

import os
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from oracle.dpdk_test import run_autotest
from pydpdk import Burst, Eal, Mempool, Memzone, ObjectPool, Ring, init, lcore
from pydpdk.errors import BusyError, DpdkError, NameTakenError

THREADS = 8


@pytest.mark.parametrize("autotest", ["lcores_autotest", "threads_autotest", "per_lcore_autotest"])
def test_the_c_oracles_for_lcores(autotest: str, on_hugepages: bool):
    run_autotest(autotest, hugepages=on_hugepages)


@pytest.mark.hugepages
def test_the_c_oracle_for_reentrancy():
    """Its hashes and tries do not fit into --no-huge memory."""
    run_autotest("func_reentrancy_autotest", hugepages=True)


def together(work: Callable[[int], None]) -> None:
    """Run it in threads that start at the same moment."""
    barrier = threading.Barrier(THREADS)

    def run(me: int) -> None:
        barrier.wait(60)
        work(me)

    threads = [threading.Thread(target=run, args=(i,)) for i in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not any(thread.is_alive() for thread in threads)


def test_the_main_thread_is_an_lcore(eal: Eal):
    """test_per_lcore: rte_lcore_id differs in each lcore."""
    main, *workers = lcore.walk()
    seen = [lcore.launch(lcore.current, lcore_id=one.lcore_id).result() for one in workers]
    assert seen == [one.lcore_id for one in workers]
    assert main.main
    assert lcore.current() == main.lcore_id
    assert main.socket_id in lcore.socket_ids()
    assert 0 <= main.lcore_id < lcore.MAX_LCORE


def test_a_busy_lcore_takes_no_second_launch(eal: Eal):
    """test_per_lcore_delay: -EBUSY while the first one sleeps, and all are launched."""
    workers = [one.lcore_id for one in lcore.walk() if not one.main]
    jobs = [lcore.launch(time.sleep, 0.1, lcore_id=worker) for worker in workers]
    for worker in workers:
        with pytest.raises(BusyError):
            lcore.launch(time.sleep, 0.1, lcore_id=worker)
    for job in jobs:
        job.result()


def test_threads_are_no_lcores(eal: Eal):
    """test_non_eal_lcores, before any thread registers: LCORE_ID_ANY, for any number of threads."""
    seen: list[int | None] = []
    together(lambda _: seen.append(lcore.current()))
    assert seen == [None] * THREADS
    assert lcore.current() is not None
    assert len(list(lcore.walk())) == 1 + 2  # tests/conftest.py


def test_threads_that_are_no_lcores_use_pools_and_rings(eal: Eal, pool: Mempool, name: str):
    """test_ctrl_thread: a thread that is no lcore has no cache; all else works for it."""
    failed: list[Exception] = []

    def work(me: int) -> None:
        try:
            with Burst(8) as burst:
                for _ in range(50):
                    assert burst.alloc(pool, 8, length=60) == 8
                    assert ring.tx(burst) == 8
                    ring.rx(burst)
                    burst.free()
        except Exception as error:
            failed.append(error)

    with Ring.create(name, 128, element="mbuf") as ring:
        together(work)
        with Burst(128) as rest:
            ring.rx(rest)
            rest.free()
    assert failed == []
    assert (pool.cache_counts, pool.in_use_count) == ({}, 0)


def test_lcores_are_walked_in_order(run_script):
    """rte_get_next_lcore and rte_get_main_lcore: those of the list, in order, one is main."""
    cpu = min(os.sched_getaffinity(0))
    done = run_script(f"""
        from pydpdk import lcore
        with init(lcores="9@{cpu},2@{cpu},127@{cpu}", main_lcore=9):
            print([(one.lcore_id, one.main) for one in lcore.walk()], lcore.current())
    """)
    assert done.stdout == "[(2, False), (9, True), (127, False)] 9\n", done.stderr


def test_affinity_is_read_as_set(eal: Eal):
    """test_thread_affinity: also restored after the polling loop."""
    before = os.sched_getaffinity(0)
    with eal.pinned():
        assert os.sched_getaffinity(0) == eal.main_cpus
    assert os.sched_getaffinity(0) == before


def test_threads_made_by_a_pinned_one_inherit_its_cpu(eal: Eal):
    """test_thread_attributes_affinity: inherited, as by pthreads; threads made later are free."""
    seen: list[Any] = []

    def look() -> None:
        thread = threading.Thread(target=lambda: seen.append(os.sched_getaffinity(0)))
        thread.start()
        thread.join(60)

    with eal.pinned():
        look()
    look()
    assert seen == [eal.main_cpus, os.sched_getaffinity(0)]


def test_the_eal_starts_once_from_any_thread(eal: Eal):
    """test_eal_init_once: -1 again, from every lcore; here EALREADY, from every thread."""
    numbers: list[int | None] = []

    def work(me: int) -> None:
        try:
            init()
        except DpdkError as error:
            numbers.append(error.errno)

    together(work)
    work(0)
    assert numbers == [114] * (THREADS + 1)


KINDS: dict[str, Callable[[str], Any]] = {
    "ring": lambda name: Ring.create(name, 64),
    "mempool": lambda name: Mempool.create(name, 63, cache_size=0),
    "objects": lambda name: ObjectPool.create(name, 63, "u8"),
    "memzone": lambda name: Memzone.reserve(name, 64),
}


@pytest.mark.parametrize("kind", KINDS)
def test_of_threads_that_create_the_same_name_one_succeeds(eal: Eal, name: str, kind: str):
    """test_func_reentrancy: ring_create_lookup, mempool_create_lookup; all find the one object."""
    made, rejected = [], []

    def work(me: int) -> None:
        for i in range(10):
            try:
                made.append(KINDS[kind](f"{name}-{i}"))
            except NameTakenError as error:
                rejected.append(error)

    together(work)
    try:
        assert (len(made), len(rejected)) == (10, 10 * (THREADS - 1))
        assert {one.name for one in made} == {f"{name}-{i}" for i in range(10)}
        for one in made:
            assert type(one).lookup(one.name) is one
    finally:
        for one in made:
            one.close()

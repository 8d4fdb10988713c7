"""Processes that are killed in the middle of their work, and what recovery makes of it."""

import os
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from children import Child, Children
from waiting import cpu_time, until

from pydpdk import Burst, Eal, Mempool, ObjectPool, Ring
from pydpdk._core import hooks
from pydpdk.process.recover import recover, recover_from

pytestmark = pytest.mark.hugepages
CPU = min(os.sched_getaffinity(0))
PRELUDE = f"""
import numpy as np
def attach(lcore):
    return pydpdk.init(file_prefix=PREFIX, proc_type="secondary", lcores=f"{{lcore}}@{CPU}",
                       log_level="error")
"""

Start = Callable[[str], Child]


@pytest.fixture(autouse=True)
def recovered_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the primary from recovering on its own: the tests check what recovery finds."""
    monkeypatch.setattr(hooks, "recovery", None)


@pytest.fixture
def start(eal: Eal, children: Children) -> Iterator[Start]:
    """Start a secondary; it says when it is ready."""

    def make(code: str) -> Child:
        return children.script(code, prefix=eal.file_prefix, prelude=PRELUDE)

    yield make
    children.close(eal.file_prefix)
    recover()


def died(child: Child) -> None:
    assert child.wait() == -signal.SIGKILL


def test_recovery_returns_the_mbufs_of_a_killed_process(pool: Mempool, start: Start):
    child = start(f"""
        attach(20)
        burst = Burst(64)
        burst.alloc(Mempool.lookup({pool.name!r}), 50)
        die()
    """)
    died(child)
    assert pool.in_use_count == 50
    done = recover()
    assert done.processes == (child.pid,)
    assert done.mbufs == {pool.name: 50}
    assert done.inexact == ""
    assert pool.in_use_count == 0


def test_recovery_waits_for_the_end_of_a_dying_process(pool: Mempool, start: Start):
    child = start(f"""
        attach(20)
        burst = Burst(64)
        burst.alloc(Mempool.lookup({pool.name!r}), 50)
        say("ready")
        signal.pause()
    """)
    child.until_ready()
    child.kill()
    done = recover_from(child.pid, 0)
    assert done is not None
    assert done.mbufs == {pool.name: 50}
    assert recover_from(child.pid, 0) is None


def test_the_next_process_on_an_lcore_takes_over_its_cache(eal: Eal, name: str, start: Start):
    with Mempool.create(name, 255, cache_size=64, ops_name="lf_stack") as pool:
        code = f"""
            attach(20)
            with Burst(64) as burst:
                burst.alloc(Mempool.lookup({name!r}), 64)
                burst.free()
            die()
        """
        for _ in range(2):
            died(start(code))
        assert len(recover().processes) == 2
        with Burst(255) as burst:
            assert burst.alloc(pool, 255) == 255
            burst.verify()
            burst.free()


def test_recovery_removes_files_of_dead_processes_from_the_runtime_directory(
    eal: Eal, pool: Mempool, start: Start
):
    child = start("attach(20); die()")
    died(child)
    assert recover().processes == (child.pid,)
    assert [path for path in eal.runtime_dir.iterdir() if str(child.pid) in path.name] == []


@pytest.mark.parametrize("sync", ["single", "hts"])
def test_a_death_during_zero_copy_does_not_block_the_ring(name: str, start: Start, sync: str):
    with Ring.create(name, 64, producer=sync, consumer=sync) as ring:
        child = start(f"""
            attach(20)
            with Ring.lookup({name!r}).enqueue_zc(5) as block:
                block.first[:] = 1
                die()
        """)
        died(child)
        assert [(u.ring, u.side, u.n) for u in recover().undone] == [(name, "producer", 5)]
        assert ring.enqueue_burst(np.arange(63, dtype=np.uint64)) == 63


def test_a_call_that_spins_for_a_dead_process_goes_on_after_recovery(name: str, start: Start):
    """In a third process, whose call is far from its end when recovery begins."""
    with Ring.create(name, 64, producer="hts", consumer="hts") as ring:
        child = start(f"""
            attach(20)
            with Ring.lookup({name!r}).enqueue_zc(5):
                die()
        """)
        died(child)
        waiter = start(f"""
            attach(21)
            ring = Ring.lookup({name!r})
            say("ready")
            ring.enqueue_burst(np.arange(3, dtype=np.uint64))
            say("done")
            sys.stdin.read()
        """)
        waiter.until_ready()
        spun = cpu_time(f"/proc/{waiter.pid}")
        until(lambda: cpu_time(f"/proc/{waiter.pid}") > spun + 0.1)
        assert recover().processes == (child.pid,)
        assert waiter.line() == "done"
        assert len(ring) == 3


def test_recovery_returns_the_plain_objects_of_a_killed_process(eal: Eal, name: str, start: Start):
    with ObjectPool.create(name, 100, "u8", ops_name="lf_stack") as objects:
        kept = objects.get(3)
        child = start(f"attach(20); kept = ObjectPool.lookup({name!r}).get(40); die()")
        died(child)
        assert recover().objects == {name: 40}
        assert sorted(objects.outstanding()) == sorted(kept)
        objects.put(kept)


def test_a_process_that_leaves_flushes_its_caches(eal: Eal, name: str, start: Start):
    with Mempool.create(name, 255, cache_size=64, ops_name="lf_stack") as pool:
        child = start(f"""
            eal = attach(20)
            with Burst(64) as burst:
                burst.alloc(Mempool.lookup({name!r}), 64)
                burst.free()
            eal.close()
        """)
        assert child.wait() == 0
        with Burst(255) as burst:
            assert burst.alloc(pool, 255) == 255
            burst.free()


def test_recovery_beside_a_foreign_program_returns_only_what_is_certain(
    eal: Eal, pool: Mempool, start: Start
):
    watcher = start("""
        from pydpdk.explorer import attach as look
        with look(PREFIX):
            say("ready")
            signal.pause()
    """)
    watcher.until_ready()
    child = start(f"""
        attach(20)
        burst = Burst(64)
        burst.alloc(Mempool.lookup({pool.name!r}), 50)
        die()
    """)
    died(child)
    done = recover()
    assert done.mbufs == {pool.name: 50}
    assert str(watcher.pid) in done.inexact
    watcher.kill()
    assert recover().inexact == ""
    assert pool.in_use_count == 0


def test_only_the_primary_recovers(eal: Eal, start: Start):
    child = start("""
        attach(20)
        try:
            from pydpdk.process.recover import recover, recover_from
            recover()
        except pydpdk.SecondaryError as error:
            say(error)
    """)
    assert "the devices belong to the primary process" in child.line()
    child.wait()


@pytest.mark.parametrize("ops", ["ring_mp_mc", "ring_mt_hts", "stack", "lf_stack"])
def test_a_death_at_any_moment_of_pool_operations_loses_no_mbuf(
    eal: Eal, name: str, start: Start, ops: str
):
    """No other process uses the pool meanwhile, so no survivor spins, whatever the ops."""
    with (
        Mempool.create(name, 1023, cache_size=32, ops_name=ops) as pool,
        Ring.create(f"{name}-ring", 128, element="mbuf", producer="rts", consumer="rts") as ring,
    ):
        for _ in range(3):
            child = start(f"""
                attach(20)
                pool, ring = Mempool.lookup({name!r}), Ring.lookup({name + "-ring"!r})
                burst, clones = Burst(64), Burst(64)
                say("ready")
                while True:
                    burst.alloc(pool, 60)
                    burst.clone(pool, clones)
                    ring.tx(burst)
                    burst.free()
                    clones.free()
                    ring.rx(burst)
                    burst.free()
            """)
            child.until_ready()
            time.sleep(random.uniform(0, 0.05))
            child.kill()
            died(child)
            assert recover().processes == (child.pid,)
            drain(ring)
            assert pool.in_use_count == 0
            assert pool.outstanding() == []


def drain(ring: Ring) -> None:
    with Burst(64) as burst:
        while ring.rx(burst):
            burst.free()


def test_recovery_while_the_primary_works(eal: Eal, name: str, start: Start):
    stop = threading.Event()

    def work(pool: Mempool) -> None:
        with Burst(64) as burst:
            while not stop.is_set():
                burst.alloc(pool, 64)
                burst.free()

    with Mempool.create(name, 1023, cache_size=32, ops_name="lf_stack") as pool:
        worker = threading.Thread(target=work, args=(pool,))
        worker.start()
        try:
            child = start(f"""
                attach(20)
                burst = Burst(64)
                burst.alloc(Mempool.lookup({name!r}), 50)
                die()
            """)
            died(child)
            assert recover().mbufs[name] >= 50  # and those in the cache of its lcore
        finally:
            stop.set()
            worker.join()
        assert pool.in_use_count == 0

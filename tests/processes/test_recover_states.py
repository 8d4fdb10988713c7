"""Every state that a dead process leaves: made here, in the memory of one EAL, then recovered.

The dead process is an entry in the process table with the PID of a process that has ended. Its
objects are ours: the storage of bursts moves to its list, reservations stay unfinished.
"""

import errno
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack

import numpy as np
import pytest
from dead_process import Dead, find_table, zone_address

from pydpdk import Burst, BusyError, DpdkError, Eal, Mempool, ObjectPool, Ring
from pydpdk._dpdk import ffi, lib
from pydpdk.process.recover import recover


@pytest.fixture(params=["ring_mp_mc", "ring_mt_hts", "stack", "lf_stack"])
def any_pool(eal: Eal, name: str, request) -> Iterator[Mempool]:
    with Mempool.create(f"{name}-any", 511, cache_size=32, ops_name=request.param) as made:
        yield made


def cached(pool: Mempool) -> int:
    lens = ffi.new("uint32_t[]", lib.RTE_MAX_LCORE)
    lib.pyd_pool_caches(pool.handle, lens, lib.RTE_MAX_LCORE)
    return sum(lens)


def test_recover_says_that_there_is_nothing_to_recover(eal: Eal):
    done = recover()
    assert not done
    assert str(done) == "nothing to recover"


def test_mbufs_of_bursts_return_to_the_pool(any_pool: Mempool, dead: Dead):
    burst = Burst(32)
    burst.alloc(any_pool, 20)
    dead.inherits(burst)
    done = recover()
    assert done.processes == (dead.pid,)
    assert done.mbufs == {any_pool.name: 20}
    assert any_pool.in_use_count == 0
    assert dead.c.pid == 0
    assert f"20 mbufs back in {any_pool.name!r}" in str(done)


def test_a_call_that_died_halfway_loses_no_mbuf(any_pool: Mempool, dead: Dead):
    """The mbufs have left the pool, and are in no list yet."""
    burst = Burst(32)
    burst.alloc(any_pool, 20)
    burst._c.storage.n = 0
    dead.inherits(burst, inside=True)
    assert recover().mbufs == {any_pool.name: 20}
    assert any_pool.in_use_count == 0


def test_returned_mbufs_are_reset(pool: Mempool, dead: Dead):
    burst = Burst(32)
    burst.alloc(pool, 32, length=1000)
    burst.fill([b"x" * 3000] * 32)
    dead.inherits(burst)
    recover()
    with Burst(511) as all_of_them:
        all_of_them.alloc(pool, 511)
        for i in range(511):
            assert all_of_them.mbuf(i).nb_segs == 1
            assert all_of_them.mbuf(i).refcnt == 1
        all_of_them.verify()
        all_of_them.free()


def test_chains_return_to_the_pool(pool: Mempool, dead: Dead):
    burst = Burst(32)
    burst.alloc(pool, 8)
    burst.fill([b"x" * 5000] * 8)
    out = pool.in_use_count
    assert out == 24
    dead.inherits(burst)
    assert recover().mbufs == {pool.name: 24}


def test_chains_of_live_processes_stay(pool: Mempool, burst: Burst, dead: Dead):
    burst.alloc(pool, 2)
    burst.fill([b"x" * 5000] * 2)
    assert recover(everything=True).mbufs == {}
    assert burst.bytes(1) == b"x" * 5000


def test_memory_of_a_dead_clone_is_no_longer_shared(pool: Mempool, burst: Burst, dead: Dead):
    burst.alloc(pool, 4, length=10)
    clones = Burst(32)
    burst.clone(pool, clones)
    dead.inherits(clones)
    done = recover()
    assert done.mbufs == {pool.name: 4}
    assert done.recounted == {pool.name: 4}
    burst[0][:] = 1  # no other mbuf shares it: it may be written
    burst.free()
    assert pool.in_use_count == 0


def test_memory_of_a_live_clone_stays_until_the_clone_is_freed(
    pool: Mempool, burst: Burst, dead: Dead
):
    originals = Burst(32)
    originals.alloc(pool, 4, length=10)
    originals.fill(b"0123456789")
    originals.clone(pool, burst)
    dead.inherits(originals)
    done = recover()
    assert done.mbufs == {}
    assert done.recounted == {pool.name: 4}
    assert burst.bytes(3) == b"0123456789"
    burst.free()
    assert pool.in_use_count == 0


def test_mbufs_in_rings_stay(pool: Mempool, name: str, burst: Burst, dead: Dead):
    with Ring.create(name, 64, element="mbuf") as ring:
        burst.alloc(pool, 16, length=5)
        ring.tx(burst)
        assert recover().mbufs == {}
        assert ring.rx(burst) == 16
        assert list(burst.lengths) == [5] * 16


def test_lcore_caches_of_dead_processes_are_flushed(any_pool: Mempool, dead: Dead):
    with Burst(32) as burst:
        burst.alloc(any_pool, 32)
        burst.free()
    assert cached(any_pool) > 0
    for word in range(16):  # the lcore belonged to the dead process
        dead.c.lcores[word], dead.me.lcores[word] = dead.me.lcores[word], 0
    lcores = list(dead.c.lcores)
    recover()
    for word in range(16):
        dead.me.lcores[word] = lcores[word]
    assert cached(any_pool) == 0
    assert any_pool.in_use_count == 0
    with Burst(511) as burst:
        assert burst.alloc(any_pool, 511) == 511
        burst.verify()
        burst.free()


def stack_words(pool: Mempool):
    return ffi.cast("uint64_t *", zone_address(f"STK_MP_{pool.name}"))


def test_lost_nodes_of_a_stack_are_relinked(eal: Eal, name: str, dead: Dead):
    with Mempool.create(name, 511, cache_size=0, ops_name="lf_stack") as pool, Burst(8) as burst:
        burst.alloc(pool, 5)
        words = stack_words(pool)
        used, free = (next(i for i in range(64) if words[i] == n) for n in (506, 5))
        words[free] = 0  # length, after the two words of the top: 5 nodes popped, then death
        words[free - 2] = 0
        assert recover().relinked == {name: 5}
        assert words[used] == 506
        burst.free()
        assert pool.in_use_count == 0


def test_a_wrong_length_of_a_stack_is_fixed(eal: Eal, name: str, dead: Dead):
    with Mempool.create(name, 511, cache_size=0, ops_name="lf_stack") as pool:
        words = stack_words(pool)
        used = max(i for i in range(64) if words[i] == 511)  # the first is the capacity
        words[used] = 504
        assert recover().relinked == {name: 1}
        assert pool.in_use_count == 0


def beside_foreign() -> dict[str, tuple[int, int]]:
    """Recover as if foreign programs shared the memory; return (returned, in doubt), by pool."""
    out = ffi.new("struct pyd_recovery *")
    assert lib.pyd_recover(out, True, False, 1000) == 0
    assert not out.exact
    found = {
        ffi.string(pool.name).decode(): (pool.returned, pool.in_doubt)
        for pool in out.pools[0 : out.n_pools]
    }
    lib.pyd_recovery_free(out)
    return found


@pytest.mark.parametrize("exact", [True, False])
def test_plain_objects_of_dead_processes_return_to_the_pool(
    eal: Eal, name: str, dead: Dead, exact: bool
):
    with ObjectPool.create(name, 100, "u8", cache_size=16) as objects:
        theirs, ours = objects.get(10), objects.get(5)
        owners = lib.pyd_objects_owners(objects.handle)
        assert {owners[int(i)] for i in theirs} == {1 + next(
            i for i in range(128) if find_table().processes[i].pid == dead.me.pid
        )}  # fmt: skip
        for i in theirs:
            owners[int(i)] = dead.index + 1
        if exact:
            assert recover().objects == {name: 10}
        else:
            assert beside_foreign()[name] == (10, 0)
        assert sorted(objects.outstanding()) == sorted(ours)
        objects.put(ours)
        assert objects.in_use_count == 0
        find_table().doubt = 0


def test_beside_foreign_programs_only_what_is_certain_is_returned(pool: Mempool, dead: Dead):
    sure, unsure = Burst(32), Burst(32)
    sure.alloc(pool, 10)
    unsure.alloc(pool, 7)
    dead.inherits(sure)
    dead.inherits(unsure, inside=True)
    assert beside_foreign()[pool.name] == (10, 7)
    # the foreign programs are gone, and `everything` was not requested
    assert recover().mbufs == {pool.name: 7}
    assert pool.in_use_count == 0


def test_the_error_names_a_process_that_stays_in_its_critical_section(
    eal: Eal, pool: Mempool, dead: Dead
):
    with subprocess.Popen(["sleep", "30"]) as sleeper:
        other = next(p for p in dead.table.processes if not p.pid)
        other.pid, other.self.inside = sleeper.pid, 1
        try:
            with pytest.raises(BusyError, match=f"process {sleeper.pid} stays inside a call"):
                recover(timeout=0.1)
            assert dead.table.stopped_by == 0
        finally:
            sleeper.kill()
            sleeper.wait()
            other.pid = other.self.inside = 0


def test_the_error_names_what_was_rolled_back_before_it(eal: Eal, name: str, dead: Dead):
    """Threads that spin for a dead process's operation go on, also where another stays inside."""
    command = [sys.executable, "-S", "-c", "while True: pass"]
    with (
        Ring.create(name, 64, producer="hts") as ring,
        subprocess.Popen(command) as spinner,
    ):
        dead.reserves(ring, "producer")
        other = next(p for p in dead.table.processes if not p.pid)
        other.pid, other.self.inside, other.self.tid = spinner.pid, 1, spinner.pid
        try:
            operation = f"undone: producer of hts ring {name!r}, 3 elements"
            with pytest.raises(BusyError, match=f"no object was returned; {operation}:"):
                recover(timeout=0.3)
            assert ring.enqueue_burst(np.arange(9, dtype=np.uint64)) == 9
        finally:
            spinner.kill()
            spinner.wait()
            other.pid = other.self.inside = other.self.tid = 0


@pytest.mark.parametrize("exact", [True, False])
def test_more_pools_than_any_table_are_recovered(eal: Eal, name: str, dead: Dead, exact: bool):
    with ExitStack() as stack:
        pools = [
            stack.enter_context(Mempool.create(f"{name}{i}", 1, cache_size=0)) for i in range(600)
        ]
        for pool in pools:
            burst = Burst(1)
            burst.alloc(pool, 1)
            dead.inherits(burst)
        wanted = {pool.name: 1 for pool in pools}
        if exact:
            assert recover().mbufs == wanted
        else:
            assert {n for n, (returned, _) in beside_foreign().items() if returned} == set(wanted)
        assert [pool.in_use_count for pool in pools] == [0] * 600


def leak(pool: Mempool, n: int) -> None:
    """Lose mbufs as a driver does that keeps them: no pool, ring or burst has them."""
    with Burst(n) as burst:
        burst.alloc(pool, n)
        burst._c.n = burst._c.storage.n = 0


def test_mbufs_that_a_closed_port_kept_come_back_to_its_pool_alone(
    eal: Eal, name: str, pool: Mempool, burst: Burst
):
    burst.alloc(pool, 5)
    with Mempool.create(f"{name}-other", 63, cache_size=0) as other:
        leak(pool, 9)
        leak(other, 3)
        assert lib.pyd_take_back(pool.handle, 1000) == 9
        assert lib.pyd_take_back(pool.handle, 1000) == 0
        assert (pool.in_use_count, other.in_use_count) == (5, 3)
        assert lib.pyd_take_back(other.handle, 1000) == 3
    burst.free()


def test_nothing_is_taken_back_before_a_recovery(pool: Mempool, dead: Dead):
    leak(pool, 9)
    assert lib.pyd_take_back(pool.handle, 1000) == -errno.EAGAIN
    assert pool.in_use_count == 9
    assert dead.c.pid == dead.pid
    assert recover().mbufs == {pool.name: 9}
    assert lib.pyd_take_back(pool.handle, 1000) == 0


def test_a_waiting_thread_learns_that_the_recovering_process_died(
    pool: Mempool, burst: Burst, dead: Dead
):
    dead.table.stopped_by = dead.index + 1
    with pytest.raises(DpdkError) as failed:
        burst.alloc(pool, 1)
    assert failed.value.errno == errno.EOWNERDEAD
    dead.table.stopped_by = 0
    assert burst.alloc(pool, 1) == 1


def test_a_stopped_call_goes_on_afterwards(pool: Mempool, burst: Burst, dead: Dead):
    me = next(i for i in range(128) if dead.table.processes[i].pid == dead.me.pid)
    dead.table.stopped_by = me + 1
    taking = threading.Thread(target=burst.alloc, args=(pool, 9))
    taking.start()
    taking.join(0.1)
    assert taking.is_alive()
    assert len(burst) == 0
    dead.table.stopped_by = 0
    taking.join(60)
    assert len(burst) == 9

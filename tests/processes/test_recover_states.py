"""What a dead process left in every state: made here, in the memory of one EAL, then recovered.

The dead one is a place in the ledger with the PID of a process that has ended. What it held is
taken from us: bursts change their place in the ledger's lists, reservations stay unfinished.
"""

import errno
import subprocess
import sys
import threading
from collections.abc import Iterator

import numpy as np
import pytest

from pydpdk import Burst, BusyError, DpdkError, Eal, Mempool, ObjectPool, Ring
from pydpdk._dpdk import ffi, lib
from pydpdk._lifetime import address_of
from pydpdk.memory.memzone import memzones
from pydpdk.process.recover import recover

SYNCS = ("single", "multi", "rts", "hts")


def zone_address(name: str) -> int:
    return next(zone.addr for zone in memzones() if zone.name == name)


def find_ledger():
    return ffi.cast("struct pyd_ledger *", zone_address("pydpdk"))


class Dead:
    """A place in the ledger of a process that has ended."""

    def __init__(self, pid: int) -> None:
        self.ledger = find_ledger()
        self.index = next(i for i in range(1, 128) if not self.ledger.processes[i].pid)
        self.c = self.ledger.processes[self.index]
        self.c.pid, self.c.started = pid, 1
        self.pid = pid
        self.me = next(p for p in self.ledger.processes if p.pid and p.pid != pid)

    def inherits(self, burst: Burst, *, inside: bool = False) -> None:
        """Give it a burst of ours, mbufs and all."""
        slots, wanted = self.me.slots, burst._c.slots
        before = ffi.NULL
        while slots != wanted:
            before, slots = slots, slots.next
        if before == ffi.NULL:
            self.me.slots = slots.next
        else:
            before.next = slots.next
        slots.next, self.c.slots = self.c.slots, slots
        slots.inside = inside
        burst._abandon()

    def reserves(self, ring: Ring, side: str) -> None:
        """Leave a reservation of 3 elements on this side unfinished, as of this process."""
        block = ring.enqueue_zc(3) if side == "producer" else ring.dequeue_zc(3)
        block.__enter__()
        assert block.n == 3
        c_side = getattr(ring._c, side)
        c_side.zc = c_side.reserved = 0
        c_side.gate.open = 1
        block._open = False
        for claim in self.me.claims:
            claim.ring = 0
        block.first = block.second = ring._none


@pytest.fixture
def dead(eal: Eal) -> Iterator[Dead]:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    made = Dead(ended.pid)
    yield made
    if made.c.pid == made.pid:
        made.c.pid = 0
    made.ledger.pause = 0


@pytest.fixture(params=["ring_mp_mc", "ring_mt_hts", "stack", "lf_stack"])
def any_pool(eal: Eal, name: str, request) -> Iterator[Mempool]:
    with Mempool.create(f"{name}-any", 511, cache_size=32, ops_name=request.param) as made:
        yield made


def half_done(ring: Ring, sync: str, side: str) -> None:
    """Move a side's head on by 2, as an operation does before it copies."""
    words = ffi.cast("uint32_t *", ring.handle)
    size = (lib.pyd_ring_memory(ring.handle) - address_of(ring.handle)) // 4
    # what this side has moved so far; both counts of a relaxed side are 1
    moved = 13 if side == "producer" else 9
    at = [i for i in range(size) if words[i] == moved]
    assert len(at) == 2, at
    if sync == "rts":
        tail, head = at
        assert words[head - 1] == words[tail - 1] == 1
        words[head - 1] += 1
    else:
        head, _tail = at
    words[head] += 2


def cached(pool: Mempool) -> int:
    lens = ffi.new("uint32_t[]", lib.RTE_MAX_LCORE)
    lib.pyd_pool_caches(pool.handle, lens, lib.RTE_MAX_LCORE)
    return sum(lens)


def test_nothing_to_recover_is_said(eal: Eal):
    done = recover()
    assert not done
    assert str(done) == "nothing to recover"


def test_bursts_come_back(any_pool: Mempool, dead: Dead):
    burst = Burst(32)
    burst.alloc(any_pool, 20)
    dead.inherits(burst)
    done = recover()
    assert done.processes == (dead.pid,)
    assert done.mbufs == {any_pool.name: 20}
    assert any_pool.in_use_count == 0
    assert dead.c.pid == 0
    assert f"20 mbufs back in {any_pool.name!r}" in str(done)


def test_a_call_that_died_on_the_way_loses_nothing(any_pool: Mempool, dead: Dead):
    """The mbufs have left the pool, and are in no list yet."""
    burst = Burst(32)
    burst.alloc(any_pool, 20)
    burst._c.slots.n = 0
    dead.inherits(burst, inside=True)
    assert recover().mbufs == {any_pool.name: 20}
    assert any_pool.in_use_count == 0


def test_what_is_given_back_is_as_new(pool: Mempool, dead: Dead):
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


def test_chains_come_back(pool: Mempool, dead: Dead):
    burst = Burst(32)
    burst.alloc(pool, 8)
    burst.fill([b"x" * 5000] * 8)
    out = pool.in_use_count
    assert out == 24
    dead.inherits(burst)
    assert recover().mbufs == {pool.name: 24}


def test_living_chains_stay(pool: Mempool, burst: Burst, dead: Dead):
    burst.alloc(pool, 2)
    burst.fill([b"x" * 5000] * 2)
    assert recover(everything=True).mbufs == {}
    assert burst.bytes(1) == b"x" * 5000


def test_memory_that_a_dead_clone_saw_is_the_owners_again(pool: Mempool, burst: Burst, dead: Dead):
    burst.alloc(pool, 4, length=10)
    clones = Burst(32)
    clones.clone_of(burst, pool)
    dead.inherits(clones)
    done = recover()
    assert done.mbufs == {pool.name: 4}
    assert done.recounted == {pool.name: 4}
    burst[0][:] = 1  # nobody else sees it: it may be written
    burst.free()
    assert pool.in_use_count == 0


def test_memory_that_a_living_clone_sees_stays_until_it_goes(
    pool: Mempool, burst: Burst, dead: Dead
):
    originals = Burst(32)
    originals.alloc(pool, 4, length=10)
    originals.fill(b"0123456789")
    burst.clone_of(originals, pool)
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


def test_the_lcore_caches_of_the_dead_are_emptied(any_pool: Mempool, dead: Dead):
    with Burst(32) as burst:
        burst.alloc(any_pool, 32)
        burst.free()
    assert cached(any_pool) > 0
    for word in range(16):  # the lcore was the dead one's
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


@pytest.mark.parametrize("side", ["producer", "consumer"])
@pytest.mark.parametrize("sync", SYNCS)
def test_half_done_operations_are_undone(name: str, dead: Dead, sync: str, side: str):
    with Ring.create(name, 64, producer=sync, consumer=sync) as ring:
        assert ring.enqueue_burst(np.arange(13, dtype=np.uint64)) == 13
        assert ring.dequeue_burst(np.zeros(9, np.uint64)) == 9
        half_done(ring, sync, side)
        done = recover()
        assert [(u.ring, u.side, u.sync, u.n) for u in done.undone] == [(name, side, sync, 2)]
        assert str(done.undone[0]) == f"{side} of {sync} ring {name!r}, 2 elements"
        # of a relaxed side, what a consumer was about to take counts as taken
        left = [11, 12] if (sync, side) == ("rts", "consumer") else [9, 10, 11, 12]
        assert ring.count == len(left)
        assert ring.enqueue_burst(np.array([77, 78], np.uint64)) == 2
        more = np.zeros(8, np.uint64)
        n = ring.dequeue_burst(more)
        assert more[:n].tolist() == [*left, 77, 78]


@pytest.mark.parametrize("side", ["producer", "consumer"])
@pytest.mark.parametrize("sync", ["single", "hts"])
def test_reservations_of_the_dead_are_given_up(name: str, dead: Dead, sync: str, side: str):
    with Ring.create(name, 64, producer=sync, consumer=sync) as ring:
        ring.enqueue_burst(np.arange(5, dtype=np.uint64))
        dead.reserves(ring, side)
        assert [(u.side, u.n) for u in recover().undone] == [(side, 3)]
        out = np.zeros(8, np.uint64)
        assert ring.enqueue_burst(np.array([9], np.uint64)) == 1
        assert ring.dequeue_burst(out) == 6
        assert out[:6].tolist() == [0, 1, 2, 3, 4, 9]


def test_reservations_of_the_living_stay(name: str, dead: Dead):
    with Ring.create(name, 64, producer="hts", consumer="hts") as ring:
        with ring.enqueue_zc(3) as block:
            assert recover().undone == ()
            block.first[:] = 6
        assert ring.count == 3


def test_who_waits_for_a_dead_reservation_is_let_go(name: str, dead: Dead):
    """It spins inside DPDK, so the world does not come to rest until it is."""
    with Ring.create(name, 64, producer="hts", consumer="hts") as ring:
        dead.reserves(ring, "producer")
        waiting = threading.Thread(target=ring.enqueue_burst, args=(np.arange(4, dtype="u8"),))
        waiting.start()
        waiting.join(0.05)
        assert waiting.is_alive()
        done = recover()
        waiting.join(5)
        assert not waiting.is_alive()
        assert [(u.side, u.n) for u in done.undone] == [("producer", 3)]
        assert ring.count == 4


def stack_words(pool: Mempool):
    return ffi.cast("uint64_t *", zone_address(f"STK_MP_{pool.name}"))


def test_nodes_that_a_stack_lost_are_found(eal: Eal, name: str, dead: Dead):
    with Mempool.create(name, 511, cache_size=0, ops_name="lf_stack") as pool, Burst(8) as burst:
        burst.alloc(pool, 5)
        words = stack_words(pool)
        used, free = (next(i for i in range(64) if words[i] == n) for n in (506, 5))
        words[free] = 0  # its length, and its top two words in front: 5 nodes popped, then death
        words[free - 2] = 0
        assert recover().mended == {name: 5}
        assert words[used] == 506
        burst.free()
        assert pool.in_use_count == 0


def test_a_length_ahead_of_its_stack_is_mended(eal: Eal, name: str, dead: Dead):
    with Mempool.create(name, 511, cache_size=0, ops_name="lf_stack") as pool:
        words = stack_words(pool)
        used = max(i for i in range(64) if words[i] == 511)  # the first is its capacity
        words[used] = 504
        assert recover().mended == {name: 1}
        assert pool.in_use_count == 0


@pytest.mark.parametrize("exact", [True, False])
def test_plain_objects_of_the_dead_come_back(eal: Eal, name: str, dead: Dead, exact: bool):
    with ObjectPool.create(name, 100, "u8", cache_size=16) as objects:
        theirs, ours = objects.get(10), objects.get(5)
        owners = lib.pyd_objects_owners(objects.handle)
        assert {owners[int(i)] for i in theirs} == {1 + next(
            i for i in range(128) if find_ledger().processes[i].pid == dead.me.pid
        )}  # fmt: skip
        for i in theirs:
            owners[int(i)] = dead.index + 1
        if exact:
            assert recover().objects == {name: 10}
        else:
            out = ffi.new("struct pyd_recovery *")
            assert lib.pyd_recover(out, True, False, 1000) == 0
            assert sum(row.returned for row in out.pools) == 10
        assert sorted(objects.outstanding()) == sorted(ours)
        objects.put(ours)
        assert objects.in_use_count == 0
        find_ledger().doubt = 0


def test_with_foreign_programs_only_what_is_certain_comes_back(pool: Mempool, dead: Dead):
    sure, unsure = Burst(32), Burst(32)
    sure.alloc(pool, 10)
    unsure.alloc(pool, 7)
    dead.inherits(sure)
    dead.inherits(unsure, inside=True)
    out = ffi.new("struct pyd_recovery *")
    assert lib.pyd_recover(out, True, False, 1000) == 0
    row = next(r for r in out.pools if ffi.string(r.name).decode() == pool.name)
    assert (out.exact, row.returned, row.in_doubt) == (0, 10, 7)
    # they are gone, and nobody asked for `everything`
    assert recover().mbufs == {pool.name: 7}
    assert pool.in_use_count == 0


def test_a_process_that_stays_inside_is_named(eal: Eal, pool: Mempool, dead: Dead):
    with subprocess.Popen(["sleep", "30"]) as sleeper:
        other = next(p for p in dead.ledger.processes if not p.pid)
        other.pid, other.self.inside = sleeper.pid, 1
        try:
            with pytest.raises(BusyError, match=f"process {sleeper.pid} stays inside a call"):
                recover(timeout_s=0.1)
            assert dead.ledger.pause == 0
        finally:
            sleeper.kill()
            sleeper.wait()
            other.pid = other.self.inside = 0


def test_who_waits_learns_that_the_repairer_died(pool: Mempool, burst: Burst, dead: Dead):
    dead.ledger.pause = dead.index + 1
    with pytest.raises(DpdkError) as failed:
        burst.alloc(pool, 1)
    assert failed.value.errno == errno.EOWNERDEAD
    dead.ledger.pause = 0
    assert burst.alloc(pool, 1) == 1


def test_a_paused_call_goes_on_afterwards(pool: Mempool, burst: Burst, dead: Dead):
    me = next(i for i in range(128) if dead.ledger.processes[i].pid == dead.me.pid)
    dead.ledger.pause = me + 1
    taking = threading.Thread(target=burst.alloc, args=(pool, 9))
    taking.start()
    taking.join(0.1)
    assert taking.is_alive()
    assert len(burst) == 0
    dead.ledger.pause = 0
    taking.join(5)
    assert len(burst) == 9

"""Operations and reservations that a dead process left unfinished in rings."""

import threading

import numpy as np
import pytest
from dead_process import Dead
from waiting import cpu_time, until

from pydpdk import Ring
from pydpdk._core.lifetime import address_of
from pydpdk._dpdk import ffi, lib
from pydpdk.process.recover import recover

SYNCS = ("single", "multi", "rts", "hts")


def half_done(ring: Ring, sync: str, side: str) -> None:
    """Advance a side's head by 2, as an operation does before it copies."""
    words = ffi.cast("uint32_t *", ring.handle)
    size = (lib.pyd_ring_memory(ring.handle) - address_of(ring.handle)) // 4
    # the position of this side so far; both counters of a relaxed side are 1
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


@pytest.mark.parametrize("side", ["producer", "consumer"])
@pytest.mark.parametrize("sync", SYNCS)
def test_half_done_operations_are_rolled_back(name: str, dead: Dead, sync: str, side: str):
    with Ring.create(name, 64, producer=sync, consumer=sync) as ring:
        assert ring.enqueue_burst(np.arange(13, dtype=np.uint64)) == 13
        assert ring.dequeue_burst(np.zeros(9, np.uint64)) == 9
        half_done(ring, sync, side)
        done = recover()
        assert [(u.ring, u.side, u.sync, u.n) for u in done.undone] == [(name, side, sync, 2)]
        assert str(done.undone[0]) == f"{side} of {sync} ring {name!r}, 2 elements"
        # elements that a relaxed consumer was about to take count as taken
        left = [11, 12] if (sync, side) == ("rts", "consumer") else [9, 10, 11, 12]
        assert len(ring) == len(left)
        assert ring.enqueue_burst(np.array([77, 78], np.uint64)) == 2
        more = np.zeros(8, np.uint64)
        n = ring.dequeue_burst(more)
        assert more[:n].tolist() == [*left, 77, 78]


@pytest.mark.parametrize("side", ["producer", "consumer"])
@pytest.mark.parametrize("sync", ["single", "hts"])
def test_reservations_of_dead_processes_are_rolled_back(
    name: str, dead: Dead, sync: str, side: str
):
    with Ring.create(name, 64, producer=sync, consumer=sync) as ring:
        ring.enqueue_burst(np.arange(5, dtype=np.uint64))
        dead.reserves(ring, side)
        assert [(u.side, u.n) for u in recover().undone] == [(side, 3)]
        out = np.zeros(8, np.uint64)
        assert ring.enqueue_burst(np.array([9], np.uint64)) == 1
        assert ring.dequeue_burst(out) == 6
        assert out[:6].tolist() == [0, 1, 2, 3, 4, 9]


def test_reservations_of_live_processes_stay(name: str, dead: Dead):
    with Ring.create(name, 64, producer="hts", consumer="hts") as ring:
        with ring.enqueue_zc(3) as block:
            assert recover().undone == ()
            block.first[:] = 6
        assert len(ring) == 3


def test_a_thread_that_waits_for_a_dead_reservation_goes_on(name: str, dead: Dead):
    """The waiting thread spins inside DPDK, so the world does not stop before the rollback."""
    with Ring.create(name, 64, producer="hts", consumer="hts") as ring:
        dead.reserves(ring, "producer")
        waiting = threading.Thread(target=ring.enqueue_burst, args=(np.arange(4, dtype="u8"),))
        waiting.start()
        until(lambda: cpu_time(f"/proc/self/task/{waiting.native_id}") > 0.05)
        done = recover()
        waiting.join(60)
        assert not waiting.is_alive()
        assert [(u.side, u.n) for u in done.undone] == [("producer", 3)]
        assert len(ring) == 4

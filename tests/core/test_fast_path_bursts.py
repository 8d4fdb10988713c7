"""The fast path of the burst verbs: when it is taken, and that the fallback does the rest."""

import inspect
import sys
import threading
from types import MethodDescriptorType

import numpy as np
import pytest
from fallback import ran

from pydpdk import (
    Burst,
    BusyError,
    ClosedError,
    Forward,
    InUseError,
    Mempool,
    NoRoomError,
    ObjectPool,
    Port,
    Ring,
)
from pydpdk._core.objects import checked_of
from pydpdk.burst import trace
from pydpdk.ethdev.queue import RxQueue, TxQueue

VERBS = (Burst.alloc, Burst.swap_macs, RxQueue.rx, TxQueue.tx, Ring.rx, Ring.tx, Forward.step)


def short(method, *arguments, **options):
    result, fallback = ran(method, *arguments, **options)
    assert not fallback, f"{method} ran in Python"
    return result


def fallback(method, *arguments, **options):
    result, fallback = ran(method, *arguments, **options)
    assert fallback, f"{method} did not run in Python"
    return result


@pytest.fixture
def mbufs(eal):
    with Ring.create("short-mbufs", 64, element="mbuf") as ring:
        yield ring


def test_verbs_of_bursts_run_no_python(loop: Port, pool: Mempool, burst: Burst, mbufs: Ring):
    rxq, txq = loop.rx_queues[0], loop.tx_queues[0]
    assert rxq.take() and txq.take()  # else the first call does this
    assert short(burst.alloc, pool, 8, length=60) == 8
    burst.fill(bytes(range(60)))
    assert short(burst.swap_macs) is None
    assert short(mbufs.tx, burst) == 8
    assert short(mbufs.rx, burst) == 8
    assert short(txq.tx, burst) == 8
    assert short(Forward(burst, [(rxq, txq)], "macswap").step) == 8
    assert short(rxq.rx, burst) == 8
    assert {burst.bytes(i) for i in range(8)} == {bytes(range(60))}


def test_fast_path_and_fallback_do_the_same(pool: Mempool, burst: Burst, mbufs: Ring):
    for path in (short, fallback):
        alloc, tx, rx = Burst.alloc, Ring.tx, Ring.rx
        if path is fallback:
            alloc, tx, rx = map(checked_of, (alloc, tx, rx))
        for arguments, n in [((), 32), ((3,), 3), ((0,), 0)]:
            assert path(alloc, burst, pool, *arguments) == n
            assert (path(tx, mbufs, burst), len(mbufs), len(burst)) == (n, n, 0)
            assert (path(rx, mbufs, burst), len(mbufs), len(burst)) == (n, 0, n)
            burst.free()
        assert path(alloc, burst, pool, 2, length=61) == 2
        assert burst.lengths.tolist() == [61, 61]
        burst.free()
        assert path(alloc, burst, pool, length=7) == 32
        assert set(burst.lengths.tolist()) == {7}
        burst.free()


def test_with_live_views_the_fallback_runs(loop: Port, pool: Mempool, burst: Burst, mbufs: Ring):
    assert loop.rx_queues[0].take() and loop.tx_queues[0].take()
    for send in (loop.tx_queues[0].tx, mbufs.tx):
        burst.alloc(pool, 2, length=60)
        view = burst[0]
        with pytest.raises(InUseError, match="copy what you keep"):
            send(burst)
        assert len(burst) == 2
        del view
        assert fallback(send, burst) == 2
    assert short(loop.rx_queues[0].rx, burst) == 2
    assert short(loop.tx_queues[0].tx, burst) == 2
    assert loop.rx_queues[0].rx(burst) == 2
    burst.free()
    mbufs.rx(burst)


def test_in_check_mode_free_runs_the_fallback(pool: Mempool, burst: Burst):
    assert checked_of(Burst.free) is Burst.free
    burst.alloc(pool, 1)
    view = burst.view(0)
    with pytest.raises(InUseError):
        burst.free()
    del view


def test_without_check_mode_free_takes_the_fast_path(run_script):
    done = run_script(
        """
        import sys
        from pydpdk._core.objects import checked_of
        eal = init()
        pool, burst = Mempool.create("p", 127, cache_size=0), Burst(32)
        assert checked_of(Burst.free) is not Burst.free
        seen = []
        burst.alloc(pool)
        sys.setprofile(lambda frame, event, _: seen.append(event))
        n = burst.free()
        sys.setprofile(None)
        print(n, seen.count("call"), len(burst), pool.in_use_count)
        Burst(4).close()
        burst.close()
        try:
            burst.free()
        except pydpdk.ClosedError:
            print("closed")
        eal.close()
        """,
        PYDPDK_CHECK="0",
    )
    assert (done.stdout, done.returncode) == ("32 0 0 0\nclosed\n", 0), done.stderr


@pytest.mark.parametrize("n", [-1, 33, 1 << 31, (1 << 32) - 1, 1 << 32, 1 << 80])
def test_alloc_of_a_number_that_does_not_fit_raises(pool: Mempool, burst: Burst, n):
    with pytest.raises(ValueError, match=r"0\.\.32"):
        burst.alloc(pool, n)
    assert pool.in_use_count == 0


@pytest.mark.parametrize("length", [-1, 2049, 65536, 1 << 32, 1 << 80])
def test_alloc_of_a_length_that_does_not_fit_raises(pool: Mempool, burst: Burst, length):
    assert pool.room == 2048
    with pytest.raises(ValueError, match=r"0\.\.2048"):
        burst.alloc(pool, 1, length=length)
    with pytest.raises(TypeError):
        burst.alloc(pool, 1, width=1)
    assert pool.in_use_count == 0


def test_arguments_of_another_class_raise(loop: Port, pool: Mempool, burst: Burst, mbufs: Ring):
    with ObjectPool.create("kinds", 7, "u8") as objects, Ring.create("kinds", 16) as values:
        for wrong in (
            None,
            1,
            "burst",
            mbufs,
            values,
            pool,
            objects,
            loop.rx_queues[0],
            loop,
            burst._c,
        ):
            for verb in (loop.rx_queues[0].rx, loop.tx_queues[0].tx, mbufs.rx, mbufs.tx):
                with pytest.raises(TypeError, match=r"a Burst \(got"):
                    verb(wrong)
            if wrong is not pool:
                with pytest.raises(TypeError, match="must be a Mempool"):
                    burst.alloc(wrong)
        for verb in (values.tx, values.rx):
            with pytest.raises(TypeError, match="use enqueue and dequeue"):
                verb(burst)


def test_a_verb_of_another_class_raises(loop: Port, pool: Mempool, burst: Burst, mbufs: Ring):
    """Each would pass a C function a struct that it does not know."""
    ids = np.zeros(1, np.intp)
    with ObjectPool.create("kinds", 7, "u8") as objects:
        for verb, *arguments in [
            (Ring.enqueue_bulk, objects, ids),
            (ObjectPool.get, mbufs, 1),
            (Ring.tx, loop.tx_queues[0], burst),
            (Burst.swap_macs, Forward(burst, [(loop.rx_queues[0], loop.tx_queues[0])])),
            (Burst.alloc, pool, pool),
            (Forward.step, burst),
            (RxQueue.rx, loop.tx_queues[0], burst),
            (TxQueue.tx, loop.rx_queues[0], burst),
        ]:
            with pytest.raises((TypeError, AttributeError)):
                verb(*arguments)
    for verb in VERBS:
        for arguments in [(), (None,), (None, burst), (burst, burst, burst, burst, burst)]:
            with pytest.raises((TypeError, AttributeError)):
                verb(*arguments)


def test_errors_of_the_fast_path_are_raised_by_the_fallback(
    loop: Port, pool: Mempool, burst: Burst, mbufs: Ring
):
    rxq, txq, gone = loop.rx_queues[0], loop.tx_queues[0], Burst(4)
    burst.alloc(pool)
    for fill in (rxq.rx, mbufs.rx):
        with pytest.raises(InUseError, match="still holds"):
            fill(burst)
    burst.free()
    with pytest.raises(NoRoomError), Burst(512) as large:
        large.alloc(pool)
    gone.close()
    for verb in (rxq.rx, txq.tx, mbufs.rx, mbufs.tx):
        with pytest.raises(ClosedError):
            verb(gone)
    with pytest.raises(ClosedError):
        gone.alloc(pool)
    mbufs.close()
    loop.stop()
    for verb in (rxq.rx, txq.tx, mbufs.rx, mbufs.tx):
        with pytest.raises(ClosedError):
            verb(burst)


def test_an_interrupted_round_serves_no_hop_twice(device, pool: Mempool, burst: Burst):
    """The fallback goes on where the fast path stopped."""
    open_, shut = device("net_null_open"), device("net_null_shut")
    for port in (open_, shut):
        port.configure(mempool=pool)
    open_.start()
    first, second = (open_.rx_queues[0], open_.tx_queues[0]), (shut.rx_queues[0], shut.tx_queues[0])
    forward = Forward(burst, [first, second])
    for n in (32, 64):
        with pytest.raises(ClosedError):
            forward.step()
        assert open_.rx_queues[0].packets == n
    shut.start()
    assert shut.rx_queues[0].take() and shut.tx_queues[0].take()
    assert short(forward.step) == 64
    assert (open_.rx_queues[0].packets, shut.tx_queues[0].packets) == (96, 32)


def test_a_second_thread_gets_busy_error(pool: Mempool, burst: Burst):
    done, busy = [], []

    def use() -> None:
        for _ in range(300):
            try:
                done.append(burst.swap_macs())
            except BusyError:
                busy.append(1)

    burst.alloc(pool, length=60)
    threads = [threading.Thread(target=use) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(done) + len(busy) == 900
    assert burst.free() == 32


def test_tracing_records_the_fast_path(pool: Mempool, burst: Burst):
    trace()
    try:
        assert not isinstance(Burst.alloc, MethodDescriptorType)
        burst.alloc(pool, 3)
        assert {m.taken.where.partition(":")[0].split()[0] for m in pool.outstanding()} == {
            "Burst.alloc"
        }
    finally:
        trace(False)
    assert isinstance(Burst.alloc, MethodDescriptorType)


def test_no_reference_is_lost_or_leaked(loop: Port, pool: Mempool, burst: Burst, mbufs: Ring):
    things = (burst, pool, mbufs, loop.rx_queues[0], loop.tx_queues[0])
    forward = Forward(burst, [(loop.rx_queues[0], loop.tx_queues[0])])

    def each():
        burst.alloc(pool, 3)
        mbufs.tx(burst)
        mbufs.rx(burst)
        loop.tx_queues[0].tx(burst)
        forward.step()
        loop.rx_queues[0].rx(burst)
        with pytest.raises(InUseError):
            burst.alloc(pool)
        with pytest.raises(TypeError):
            loop.rx_queues[0].rx(pool)
        burst.free()

    each()
    before = [sys.getrefcount(thing) for thing in things]
    for _ in range(50):
        each()
    assert [sys.getrefcount(thing) for thing in things] == before


@pytest.mark.parametrize("verb", VERBS)
def test_a_fast_verb_keeps_its_docstring(verb):
    assert isinstance(verb, MethodDescriptorType)
    assert verb.__doc__
    assert next(iter(inspect.signature(verb).parameters)) == "self"

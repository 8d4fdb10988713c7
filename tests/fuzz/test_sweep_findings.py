"""Bugs that the sweep found, each with the call that showed it."""

from __future__ import annotations

import copy
import pickle
import signal

import pytest

from pydpdk import Burst, Memzone, Ring
from pydpdk.app.stop import Stop
from pydpdk.host import primary
from pydpdk.memory.objects_kind import dtype_of

COPIES = [copy.copy, copy.deepcopy, lambda thing: pickle.loads(pickle.dumps(thing))]


@pytest.mark.parametrize("copied", COPIES)
def test_a_copy_of_an_owner_is_the_same_object(eal, name, pool, copied):
    with Memzone.reserve(f"{name}-zone", 64) as zone, Ring.create(f"{name}-ring", 16) as ring:
        for owner in (pool, zone, ring):
            assert copied(owner) is owner


@pytest.mark.parametrize("copied", COPIES)
def test_an_owner_without_a_name_cannot_be_copied(eal, copied):
    with Burst(4) as burst:
        for owner in (eal, burst):
            with pytest.raises(TypeError, match="cannot be copied or pickled"):
                copied(owner)


@pytest.mark.parametrize("timeout", ["x", float("nan"), -1, True])
def test_signal_handlers_are_restored_after_a_rejected_timeout(timeout):
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    with pytest.raises((TypeError, ValueError)), Stop().on_signals(timeout):
        pass
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


@pytest.mark.parametrize("pid", ["(", ".*", [], 1.5])
def test_remove_traces_takes_a_number_and_no_pattern(pid):
    with pytest.raises(TypeError):
        primary.remove_traces("no-such-prefix", pid)


@pytest.mark.parametrize("text", [b"", b"\0", b"(("])
def test_text_that_is_no_dtype_raises_value_error(text):
    with pytest.raises(ValueError, match=r"does not describe a dtype|null bytes"):
        dtype_of(text)


def test_a_burst_is_empty_after_a_forced_close_of_its_pool(run_script):
    done = run_script("""
        import warnings
        from pydpdk import ClosedError
        warnings.simplefilter("ignore")
        eal = init()
        pool, burst = Mempool.create("pool", 127, cache_size=0), Burst(4)
        burst.alloc(pool, 4, length=60)
        mbuf = burst.mbuf(0)
        pool.close(force=True)
        assert len(burst) == 0 == burst.free()
        for use in (mbuf.read, lambda: burst.bytes(0), lambda: burst[0]):
            try:
                use()
            except (ClosedError, IndexError):
                continue
            raise SystemExit("read what is freed")
        burst.close()
        eal.close()
    """)
    assert done.returncode == 0, done.stderr


def test_rings_and_ports_have_no_mbufs_after_a_forced_close_of_the_pool(run_script):
    done = run_script("""
        import warnings
        from pydpdk import ClosedError
        warnings.simplefilter("ignore")
        eal = init(vdevs=("net_null0",))
        pool, burst = Mempool.create("pool", 1023, cache_size=0), Burst(4)
        other = Mempool.create("other", 63, cache_size=0)
        ring = Ring.create("ring", 64, element="mbuf")
        port = Port.lookup("net_null0")
        port.configure(mempool=pool)
        port.start()
        for source in (pool, other):
            burst.alloc(source, 4, length=60)
            ring.tx(burst)
        pool.close(force=True)
        assert (len(ring), ring.rx(burst), other.in_use_count) == (0, 0, 0)
        assert port.closed
        ring.close()
        burst.close()
        other.close()
        eal.close()
    """)
    assert done.returncode == 0, done.stderr

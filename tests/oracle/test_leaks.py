"""Leak detection on stock DPDK: the owners of outstanding mbufs, and where they were taken."""

from __future__ import annotations

import inspect
import warnings
from collections import Counter
from collections.abc import Iterator

import numpy as np
import pytest

import pydpdk
from pydpdk import Burst, Mempool, Ring
from pydpdk._core.objects import checked_of
from pydpdk.burst import trace
from pydpdk.ethdev.queue import RxQueue
from pydpdk.memory.outstanding import ELSEWHERE


@pytest.fixture
def tracing() -> Iterator[None]:
    trace()
    yield
    trace(on=False)


@pytest.mark.parametrize("cache_size", [0, 64])
@pytest.mark.parametrize("ops", ["ring_mp_mc", "ring_sp_sc", "ring_mt_hts", "stack", "lf_stack"])
def test_outstanding_mbufs_are_known_for_each_ops(
    eal: object, name: str, ops: str, cache_size: int
):
    with (
        Mempool.create(name, 255, cache_size=cache_size, ops_name=ops) as pool,
        Burst(100) as burst,
    ):
        for n in (100, 7, 64, 0):
            burst.alloc(pool, n)
            out = {mbuf.address for mbuf in pool.outstanding()}
            assert out == {burst.mbuf(i).address for i in range(n)}
            burst.free()
        assert pool.outstanding() == []


def test_mbuf_owners_are_named(pool: Mempool, burst: Burst, name: str):
    with Ring.create(name, 16, element="mbuf") as ring:
        burst.alloc(pool, 5, length=4)
        assert ring.tx(burst) == 5
        burst.alloc(pool, 2, length=4)
        burst.mbuf(0).chain(burst.mbuf(1))
        found = Counter(mbuf.owner for mbuf in pool.outstanding())
        waiting = {f"ring {name!r}, packet {i}": 1 for i in range(5)}
        assert found == {**waiting, f"{burst!r}, packet 0": 2}
        with pytest.raises(
            pydpdk.InUseError, match=f"7 of .* out: 5 in ring {name!r}; 2 in <Burst"
        ):
            pool.close()
        burst.free()
        assert ring.rx(burst) == 5
        burst.free()


def test_rings_report_exactly_the_mbufs_in_them(pool: Mempool, burst: Burst, name: str):
    """All segments and clones, around the end of the ring; numbers that look alike are no mbufs."""
    with (
        Ring.create(f"{name}-n", 4) as numbers,
        Ring.create(f"MP_{name}", 4, element="mbuf") as ring,
        Burst(4) as other,
    ):
        for _ in range(3):  # the next elements wrap around the end
            burst.alloc(pool, 1)
            ring.tx(burst)
            ring.rx(burst)
            burst.free()
        burst.alloc(pool, 3, length=4)
        burst.mbuf(0).chain(burst.mbuf(1))
        burst.mbuf(1).clone(pool, other)
        addresses = np.array([mbuf.address for mbuf in pool.outstanding()][:3], np.uint64)
        assert numbers.enqueue_bulk(addresses) == 3
        assert ring.tx(burst) == 2
        assert ring.tx(other) == 1
        found = Counter(mbuf.owner for mbuf in pool.outstanding())
        assert found == {f"ring 'MP_{name}', packet {i}": n for i, n in enumerate((2, 1, 1))}
        assert ring.rx(burst) == 3
        found = Counter(mbuf.owner for mbuf in pool.outstanding())
        assert sum(found.values()) == 4
        assert all(owner.startswith(repr(burst)) for owner in found)
        burst.free()
        assert numbers.dequeue_bulk(addresses) == 3


def test_mbufs_in_the_rings_of_a_port_are_found(pool: Mempool, burst: Burst, device):
    port = device("net_ring_p")
    port.configure(mempool=pool)
    port.start()
    burst.alloc(pool, 3, length=60)
    assert port.tx_queues[0].tx(burst) == 3
    (owner,) = {mbuf.owner.partition(", packet")[0] for mbuf in pool.outstanding()}
    assert owner.startswith("ring 'ETH_RXTX")
    assert port.rx_queues[0].rx(burst) == 3
    burst.free()


def test_tracing_records_the_line(pool: Mempool, burst: Burst, name: str, tracing: None):
    line = inspect.currentframe().f_lineno + 1  # type: ignore[union-attr]
    burst.alloc(pool, 3, length=4)
    with Ring.create(name, 16, element="mbuf") as ring, Burst(8) as other:
        ring.tx(burst)
        assert {str(m.taken.where) for m in pool.outstanding() if m.taken} == {
            f"Burst.alloc at {__file__}:{line}"
        }
        assert all(m.taken and 0 <= m.taken.seconds < 60 for m in pool.outstanding())
        ring.rx(burst)
        wheres = {m.taken.where for m in pool.outstanding() if m.taken}
        assert wheres == {f"Ring.rx at {__file__}:{line + 7}"}
        burst.mbuf(0).clone(pool, other)
        with pytest.raises(pydpdk.InUseError, match=r"rte_pktmbuf_clone at .*test_leaks.py:\d+"):
            pool.close()
        other.free()
        burst.free()


def test_without_tracing_the_methods_are_the_original_ones():
    """Disabled, it costs nothing: the methods are the original ones."""
    plain = [Burst.alloc, RxQueue.rx, Ring.rx]
    assert all(checked_of(method) is not method for method in plain)
    trace()
    trace()
    assert all(
        m.__wrapped__ is p for m, p in zip([Burst.alloc, RxQueue.rx, Ring.rx], plain, strict=True)
    )
    trace(on=False)
    assert [Burst.alloc, RxQueue.rx, Ring.rx] == plain


def test_a_forced_close_names_the_mbuf_owners(eal: object, name: str, burst: Burst):
    pool = Mempool.create(name, 31, cache_size=0)
    burst.alloc(pool, 2)
    stolen = [burst._c.storage.mbufs[i] for i in range(2)]
    assert len(stolen) == 2
    burst._c.n = burst._c.storage.n = 0
    with pytest.warns(pydpdk.LeakWarning, match=f"closed by force: 2 in {ELSEWHERE}"):
        pool.close(force=True)
    assert pool.closed


def test_a_forced_close_without_leaks_does_not_warn(eal: object, name: str):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Mempool.create(name, 31, cache_size=0).close(force=True)


def test_the_fixture_fails_the_test_that_leaked(run_script, tmp_path):
    (tmp_path / "conftest.py").write_text("from pydpdk.testing import no_mbuf_leaks\n")
    (tmp_path / "test_it.py").write_text(
        "import pytest\n"
        "from pydpdk import Burst, Mempool\n"
        "POOL = Mempool.create('p', 63, cache_size=0)\n"
        "BURST = Burst(8)\n"
        "@pytest.mark.usefixtures('no_mbuf_leaks')\n"
        "def test_clean():\n"
        "    BURST.alloc(POOL, 4); BURST.free()\n"
        "@pytest.mark.usefixtures('no_mbuf_leaks')\n"
        "def test_leaking():\n"
        "    BURST.alloc(POOL, 3)\n"
        "@pytest.mark.usefixtures('no_mbuf_leaks')\n"
        "def test_that_found_it_so():\n"
        "    pass\n"
    )
    code = """
    import pytest
    with init():
        status = pytest.main(["-q", "-p", "no:cacheprovider", "."])
        from test_it import BURST, POOL
        BURST.close(force=True)
        POOL.close()
    print("status", int(status))
    """
    done = run_script(code, PYDPDK_TRACE="1", timeout=60)
    assert "status 1" in done.stdout, done.stdout + done.stderr
    assert "3 passed, 1 error" in done.stdout
    assert "this test leaks 3 mbufs of mempool 'p': 3 in <Burst 3 of 8>" in done.stdout
    assert "taken by Burst.alloc at " in done.stdout
    assert "test_it.py:10" in done.stdout

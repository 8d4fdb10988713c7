"""Pools name their driver by a number, which must mean the same in both processes."""

import os
from collections.abc import Iterator

import pytest
from oracle.testpmd import N_MBUFS, TESTPMD, running

from pydpdk import Eal
from pydpdk.eal import mempool_ops
from pydpdk.host import primary as host_primary

pytestmark = pytest.mark.hugepages


@pytest.fixture
def testpmd() -> Iterator[tuple[str, int]]:
    with running() as made:
        yield made.prefix, made.process.pid


def test_the_table_of_another_process_is_read_from_its_memory(eal: Eal):
    assert mempool_ops.mempool_ops_of(os.getpid()) == mempool_ops.mempool_ops()
    assert mempool_ops.mempool_ops_of(1 << 22) is None


@pytest.mark.skipif(TESTPMD is None, reason="dpdk-testpmd is not installed")
def test_drivers_are_loaded_in_the_order_of_the_primary(eal: Eal, second, testpmd):
    """dpdk-testpmd links the drivers of one NIC: `ring_mp_mc` has another number there than here.

    Unchecked, a secondary would take from its pool as `ring_sp_sc`, beside the primary's lcores.
    """
    prefix, pid = testpmd
    theirs = mempool_ops.mempool_ops_of(pid)
    assert theirs is not None
    assert theirs != mempool_ops.mempool_ops(), "the trap is gone from this DPDK"
    said = second(
        """
        from pydpdk.eal import mempool_ops
        with pydpdk.attach(PREFIX) as eal:
            pool = Mempool.lookup("mb_pool_0")
            print(mempool_ops.mempool_ops())
            port = Port.lookup("net_null0")
            tried(lambda: port.rx_queues)
            print([(str(p.role), p.ours, sorted(p.lcores)) for p in pydpdk.processes()][0])
            with Burst(32) as burst:
                burst.alloc(pool, 32)
                burst.free()
            print(pool)
            tried(lambda: port.stop())
        tried(lambda: pydpdk.attach(PREFIX, (1,)))
        """,
        prefix,
    ).end()
    ops, rejected, primary, pool, secondary, _ = said.splitlines()
    assert ops.startswith(str(theirs)[:-1])
    assert "its primary does not run pydpdk" in rejected
    assert primary == "('primary', False, [0, 1])"
    assert f"<Mempool 'mb_pool_0' n={N_MBUFS} in_use=" in pool
    assert secondary.startswith("SecondaryError")


@pytest.mark.skipif(TESTPMD is None, reason="dpdk-testpmd is not installed")
def test_lcores_of_a_foreign_program_are_in_use(second, testpmd):
    prefix, pid = testpmd
    for lcores in ("0@0", "1@0"):
        said = second(f"tried(lambda: pydpdk.attach(PREFIX, {lcores!r}))", prefix).end()
        assert f"{lcores[0]} by the primary (PID {pid})" in said
    assert sorted(host_primary.processes(host_primary.look(prefix))) == [pid]

"""A running EAL: its description, its threads and its logs."""

import logging
import os
from concurrent.futures import ThreadPoolExecutor

import pytest

import pydpdk
from pydpdk import Eal, Mempool, eal as pydpdk_eal, lcore
from pydpdk.errors import DpdkError
from pydpdk.memory.memseg import hugepages, memseg_lists, memsegs
from pydpdk.memory.memzone import memzones


def test_the_eal_has_the_requested_options(eal: Eal, on_hugepages: bool):
    assert pydpdk_eal.state() == "running"
    assert pydpdk_eal.current() is eal
    assert (eal.hugepages, eal.proc_type, eal.iova_mode) == (on_hugepages, "primary", "va")
    assert eal.file_prefix in eal.runtime_dir.name
    assert eal.argv[0] == "pydpdk"
    assert [one.main for one in lcore.walk()] == [True, False, False]


def test_a_second_init_raises(eal: Eal):
    with pytest.raises(DpdkError, match="once in a process, and the EAL runs: EALREADY"):
        pydpdk.init()


def test_memory_matches_its_chain(eal: Eal, pool: Mempool, on_hugepages: bool):
    page = (1 << 12, 1 << 21)[on_hugepages]
    segments = memsegs()
    assert {segment.hugepage_sz for segment in segments} <= {page, 1 << 30}
    assert sum(pages.size_bytes for pages in hugepages()) == sum(s.len for s in segments)
    assert sum(one.n_used for one in memseg_lists()) >= len(segments)
    for zone in memzones():
        assert any(s.addr <= zone.addr < s.addr + s.len for s in segments), zone


def test_affinity_is_restored(eal: Eal):
    assert os.sched_getaffinity(0) == os.sched_getaffinity(1) or len(os.sched_getaffinity(0)) > 1


def test_pinned_pins_and_restores(eal: Eal):
    before = os.sched_getaffinity(0)
    with eal.pinned():
        assert os.sched_getaffinity(0) == eal.main_cpus == {min(before)}
    with pytest.raises(ZeroDivisionError), eal.pinned():
        raise ZeroDivisionError
    assert os.sched_getaffinity(0) == before


def test_only_the_main_lcore_pins(eal: Eal):
    with ThreadPoolExecutor(1) as threads, pytest.raises(RuntimeError, match="main lcore"):
        threads.submit(eal.pinned().__enter__).result()


def test_a_thread_pool_made_after_init_has_all_cpus(eal: Eal):
    with ThreadPoolExecutor(2) as threads:
        seen = {frozenset(s) for s in threads.map(os.sched_getaffinity, [0, 0])}
    assert seen == {frozenset(os.sched_getaffinity(0))}
    with ThreadPoolExecutor(1) as threads:
        assert threads.submit(lcore.current).result() is None


def test_dpdk_logs_to_logging(eal: Eal, caplog: pytest.LogCaptureFixture):
    """rte_openlog_stream."""
    with caplog.at_level(logging.DEBUG, "dpdk"), pytest.raises(DpdkError) as caught:
        eal.add_device("net_nosuchdriver1")
    pydpdk.log.flush()
    assert ("dpdk.lib.eal", logging.ERROR) in {(r.name, r.levelno) for r in caplog.records}
    assert "net_nosuchdriver1" in caplog.text
    assert "net_nosuchdriver1" in str(caught.value)


def test_an_error_has_the_log_of_its_own_thread(eal: Eal):
    def fail(i: int) -> str:
        with pytest.raises(DpdkError) as caught:
            eal.add_device(f"net_nosuch{i}")
        return caught.value.log

    with ThreadPoolExecutor(4) as threads:
        for i, log in enumerate(threads.map(fail, range(20))):
            assert f"net_nosuch{i}" in log
            assert f"net_nosuch{i + 1}" not in log

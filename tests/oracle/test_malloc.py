"""malloc_autotest, memory_autotest (app/test/test_malloc.c, test_memory.c), and themselves.

rte_malloc has no counterpart here: named memory is a memzone, memory for objects a mempool.
"""

import os
import threading
import time
from collections.abc import Iterator

import pytest

from oracle.dpdk_test import run_autotest
from pydpdk import Eal, Memzone, ObjectPool
from pydpdk._core.lifetime import Pin
from pydpdk.errors import ClosedError, NotFoundError, NotSupportedError
from pydpdk.memory import address, events
from pydpdk.memory.heap import heap, heaps
from pydpdk.memory.memseg import hugepages, memseg_lists, memsegs


@pytest.mark.parametrize("name", ["malloc_autotest", "memory_autotest"])
def test_the_c_oracle_passes(name: str, on_hugepages: bool):
    run_autotest(name, hugepages=on_hugepages)


def test_statistics_are_restored_after_all_is_freed(eal: Eal, name: str):
    """test_multi_alloc_statistics."""
    with Memzone.reserve(f"{name}-keeps-a-page", 64, socket_id=0):
        before = heap(0)
        with Memzone.reserve(name, 1 << 20, socket_id=0):
            during = heap(0)
            assert during.alloc_count == before.alloc_count + 1
            assert during.heap_allocsz_bytes >= before.heap_allocsz_bytes + (1 << 20)
        assert heap(0) == before


def test_free_and_allocated_sum_to_the_total(eal: Eal, name: str):
    """test_multi_alloc_statistics: total_size == free + allocated."""
    with Memzone.reserve(name, 12345):
        for one in heaps():
            assert one.heap_totalsz_bytes == one.heap_freesz_bytes + one.heap_allocsz_bytes
            assert one.greatest_free_size <= one.heap_freesz_bytes


@pytest.mark.parametrize("socket_id", [-1, 9, 256, 1 << 40])
def test_a_heap_that_is_not_there(eal: Eal, socket_id: int):
    """rte_malloc_get_socket_stats of a bad socket is -1; test_alloc_socket."""
    with pytest.raises(ValueError, match="socket_id"):
        heap(socket_id)


def test_there_is_memory(eal: Eal):
    """test_memory: rte_eal_get_physmem_size() != 0."""
    assert sum(pages.size_bytes for pages in hugepages()) > 0
    used = sum(msl.n_used * msl.page_sz for msl in memseg_lists() if not msl.external)
    assert used == sum(pages.size_bytes for pages in hugepages())


def test_every_page_can_be_read(eal: Eal):
    """test_memory, check_mem: each byte of each memseg."""
    for segment in memsegs():
        Pin(segment.addr, segment.len).view(0, segment.len).sum()


def test_pages_have_a_file_and_a_place_in_it(eal: Eal):
    """test_memory, check_seg_fds."""
    for segment in memsegs()[:64]:
        assert segment.fd is not None
        assert segment.fd_offset is not None
        assert os.fstat(segment.fd).st_size >= segment.fd_offset + segment.len


def test_addresses_convert_to_iova_and_back(eal: Eal, name: str):
    """test_malloc_virt2iova and rte_mem_iova2virt."""
    with Memzone.reserve(name, 1000) as zone:
        for offset in (0, 1, 999):
            iova = address.virt2iova(zone.info.addr + offset)
            assert iova == zone.info.iova + offset
            assert address.iova2virt(iova) == zone.info.addr + offset
        page = address.virt2memseg(zone.info.addr)
        assert page in memsegs()
        assert page.addr <= zone.info.addr < page.addr + page.len


@pytest.mark.parametrize("addr", [0, 1, 4096, (1 << 47) - 1, (1 << 64) - 1])
def test_addresses_that_are_not_dpdks(eal: Eal, addr: int):
    for convert in (address.virt2memseg, address.virt2iova):
        with pytest.raises(NotFoundError, match="not in DPDK's memory"):
            convert(addr)
    with pytest.raises(NotFoundError, match="in no page"):
        address.iova2virt((1 << 64) - 1)


def test_reserved_address_space_without_a_page_is_not_memory(eal: Eal, on_hugepages: bool):
    """rte_mem_virt2memseg returns an entry there too; reading there would crash."""
    empty = [m for m in memseg_lists() if m.n_used < m.n_pages]
    assert bool(empty) == on_hugepages
    for msl in empty:
        with pytest.raises(NotFoundError):
            address.virt2memseg(msl.base_va + (msl.n_pages - 1) * msl.page_sz)


@pytest.mark.parametrize("bad", [-1, 1 << 64])
def test_addresses_out_of_range(eal: Eal, bad: int):
    for convert in (address.virt2memseg, address.virt2iova, address.iova2virt):
        with pytest.raises(ValueError, match="must"):
            convert(bad)


def test_without_hugepages_there_are_no_events(eal: Eal, on_hugepages: bool):
    """rte_mem_event_callback_register: ENOTSUP."""
    if on_hugepages:
        pytest.skip("runs with --memory=no-huge")
    with pytest.raises(NotSupportedError, match="need hugepages"):
        events.watch()


@pytest.fixture
def watch(eal: Eal) -> Iterator[events.Watch]:
    with events.watch() as made:
        yield made


@pytest.mark.hugepages
def test_mapped_and_unmapped_pages_are_events(watch: events.Watch, name: str):
    began = time.monotonic_ns()
    assert watch.wait(0) is False
    with Memzone.reserve(name, 8 << 20) as zone:
        assert watch.wait(60)
        came = watch.read()
        assert watch.wait(0) is False
    went = watch.read()
    assert [event.kind for event in came] == ["alloc"] * len(came)
    assert [event.kind for event in went] == ["free"] * len(went)
    assert sum(event.len for event in came) == sum(event.len for event in went) >= 8 << 20
    assert came[0].addr <= zone.info.addr < came[-1].addr + came[-1].len
    assert began <= came[0].time_ns <= went[-1].time_ns <= time.monotonic_ns()
    assert watch.lost == 0
    assert watch.read() == []


@pytest.mark.hugepages
def test_each_watch_gets_all_events(watch: events.Watch, name: str):
    with events.watch() as other:
        Memzone.reserve(name, 4 << 20).close()
        mine, others = ([(e.kind, e.addr, e.len) for e in w.read()] for w in (watch, other))
        assert mine == others != []


@pytest.mark.hugepages
def test_events_come_while_python_threads_work(watch: events.Watch, name: str):
    """A callback that waited for the GIL would deadlock here."""
    found: list[events.MemEvent] = []

    def work(i: int) -> None:
        for _ in range(20):
            Memzone.reserve(f"{name}-{i}", 4 << 20).close()

    threads = [threading.Thread(target=work, args=(i,)) for i in range(3)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        found += watch.read()
    for thread in threads:
        thread.join()
    found += watch.read()
    allocated = sum(event.len for event in found if event.kind == "alloc")
    assert allocated == sum(event.len for event in found if event.kind == "free") > 0


@pytest.mark.hugepages
def test_a_closed_watch_raises(eal: Eal):
    watch = events.watch()
    watch.close()
    watch.close()
    for use in (watch.read, watch.wait, watch.fileno):
        with pytest.raises(ClosedError):
            use()


@pytest.mark.hugepages
@pytest.mark.parametrize("timeout", [-1, float("nan")])
def test_a_wait_out_of_range(watch: events.Watch, timeout: float):
    with pytest.raises(ValueError, match="timeout"):
        watch.wait(timeout)


@pytest.mark.hugepages
def test_an_open_watch_is_closed_with_the_eal(run_script):
    done = run_script("""
        import warnings
        from pydpdk.memory import events
        eal = init()
        watch = events.watch()
        Memzone.reserve("zone", 4 << 20).close()
        eal.close()
        print(watch.closed)
    """)
    assert done.stdout == "True\n", done.stderr


def test_a_pool_returns_its_memory_to_the_heap(eal: Eal, name: str):
    with Memzone.reserve(f"{name}-keeps-a-page", 64, socket_id=0):
        before = heap(0)
        with ObjectPool.create(name, 1000, "u8", socket_id=0):
            assert heap(0).alloc_count > before.alloc_count
        assert heap(0).heap_allocsz_bytes == before.heap_allocsz_bytes

"""The test malloc_autotest, with memzones in threads in place of rte_malloc on all lcores.

A memzone is a piece of the same heap, with a name.
"""

import itertools
import random
import threading
from collections.abc import Callable

import numpy as np
import pytest

from pydpdk import Eal, Memzone, lcore
from pydpdk.memory.heap import heap

N_THREADS, LINE = 4, 64


@pytest.fixture
def whole_heap(eal: Eal, name: str):
    """A zone that keeps a page, and the check that all else is returned.

    Each live thread has a word in shared memory, which a later thread reuses: so the fixture first
    runs as many threads at once as the test does.
    """
    together = threading.Barrier(N_THREADS)

    def touch(me: int) -> None:
        Memzone.reserve(f"{name}-first-{me}", LINE, socket_id=0).close()
        together.wait(60)

    with Memzone.reserve(f"{name}-keeps-a-page", LINE, socket_id=0):
        in_threads(touch)
        before = heap(0)
        yield
        assert heap(0) == before


def in_threads(work: Callable[[int], None]) -> None:
    failed: list[Exception] = []

    def run(me: int) -> None:
        try:
            work(me)
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=run, args=(i,)) for i in range(N_THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failed == []
    assert not any(thread.is_alive() for thread in threads)


def apart(zones: list[Memzone]) -> bool:
    spans = sorted((zone.info.addr, zone.info.addr + zone.info.len) for zone in zones)
    return all(end <= start for (_, end), (start, _) in itertools.pairwise(spans))


def test_aligned_pieces_of_many_threads_do_not_overlap(whole_heap: None, name: str):
    """test_align_overlap_per_lcore: aligned as requested, apart, each with its bytes."""
    made: list[Memzone] = []

    def work(me: int) -> None:
        for i, align in enumerate((8, 64, 256, 1024, 4096) * 4):
            zone = Memzone.reserve(f"{name}-{me}-{i}", 1000, align=align, socket_id=0)
            assert zone.info.addr % max(align, LINE) == 0
            zone.as_array()[:] = me
            made.append(zone)

    in_threads(work)
    assert len(made) == N_THREADS * 20
    assert apart(made)
    for zone in made:
        assert set(np.unique(zone.as_array())) == {int(zone.name.split("-")[1])}
        zone.close()


def test_pieces_are_freed_in_another_order(whole_heap: None, name: str):
    """test_reordered_free_per_lcore: the middle first; free memory is one piece again."""

    def work(me: int) -> None:
        for turn in range(10):
            a, b, c = (Memzone.reserve(f"{name}-{me}-{turn}-{i}", 1 << 14) for i in range(3))
            for zone in ((b, a, c), (c, a, b), (a, c, b))[turn % 3]:
                zone.close()

    in_threads(work)


def test_pieces_of_random_sizes_come_and_go(whole_heap: None, name: str):
    """test_random_alloc_free: the heap ends as it began."""

    def work(me: int) -> None:
        rng, live = random.Random(me), []
        for i in range(300):
            live.append(Memzone.reserve(f"{name}-{me}-{i}", rng.randint(1, 10_000), socket_id=0))
            if len(live) > 16:
                live.pop(rng.randrange(len(live))).close()
        assert apart(live)
        for zone in live:
            zone.close()

    in_threads(work)


def test_the_default_alignment_is_a_cache_line(eal: Eal, name: str):
    """test_zero_aligned_alloc."""
    with Memzone.reserve(name, 1) as zone:
        assert zone.info.addr % LINE == 0


@pytest.mark.parametrize(("size", "align"), [(0, 64), (1024, 17), (1024, 0)])
def test_invalid_sizes_and_alignments_raise(eal: Eal, name: str, size: int, align: int):
    """test_malloc_bad_params: size 0, and no power of two."""
    with pytest.raises(ValueError, match="size must" if size == 0 else "align must"):
        Memzone.reserve(name, size, align=align)


@pytest.mark.hugepages
def test_memory_is_on_the_requested_node(eal: Eal, name: str):
    """test_alloc_single_socket, test_alloc_socket: memory of each node, never of another one."""
    with Memzone.reserve(name, 64, socket_id=0) as zone:
        assert zone.info.socket_id == 0
    absent = max(lcore.socket_ids()) + 1
    with pytest.raises(ValueError, match=rf"socket_id must be .*\(got {absent}\)"):
        Memzone.reserve(name, 64, socket_id=absent)

"""Bursts: one owner of their mbufs, views without copies, all checks before the call into C."""

import threading

import numpy as np
import pytest

import pydpdk
from pydpdk import Burst, Eal, Mempool, Ring
from pydpdk.errors import BusyError, ClosedError, InUseError


def test_alloc_takes_and_free_returns(pool: Mempool, burst: Burst):
    assert burst.alloc(pool, 5, length=60) == 5
    assert (len(burst), burst.capacity, bool(burst), pool.in_use_count) == (5, 32, True, 5)
    assert burst.lengths.tolist() == [60] * 5
    assert burst.lengths.dtype == np.uint32
    assert burst.free() == 5
    assert (len(burst), bool(burst), pool.in_use_count) == (0, False, 0)
    assert burst.free() == 0


def test_alloc_into_a_full_burst_raises(pool: Mempool, burst: Burst):
    burst.alloc(pool, 1)
    with pytest.raises(InUseError, match="still holds mbufs"):
        burst.alloc(pool, 1)


@pytest.mark.parametrize(("n", "length"), [(33, 0), (-1, 0), (1, 2049), (1, -1), (1 << 40, 0)])
def test_alloc_out_of_range_raises(pool: Mempool, burst: Burst, n: int, length: int):
    with pytest.raises(ValueError, match="must"):
        burst.alloc(pool, n, length=length)


@pytest.mark.parametrize("n", [1.0, "1", True, [1]])
def test_alloc_of_no_number_raises(pool: Mempool, burst: Burst, n: int):
    with pytest.raises(TypeError):
        burst.alloc(pool, n)
    with pytest.raises(TypeError):
        burst.alloc("pool")  # type: ignore[arg-type]


@pytest.mark.parametrize("size", [0, -1, 65536, 1 << 40])
def test_size_out_of_range_raises(eal: Eal, size: int):
    with pytest.raises(ValueError, match=r"1\.\.65535 packets"):
        Burst(size)


def test_fill_writes_each_packet(pool: Mempool, burst: Burst):
    packets = [bytes([i]) * (1 + 60 * i) for i in range(32)]
    burst.alloc(pool)
    burst.fill(packets)
    assert [burst.bytes(i) for i in range(32)] == packets
    assert burst.lengths.tolist() == list(map(len, packets))


def test_fill_writes_one_packet_into_all(pool: Mempool, burst: Burst):
    burst.alloc(pool, 3)
    for packet in (b"abc", bytearray(b"abcd"), memoryview(b"abcde"), b""):
        burst.fill(packet)
        assert [burst.bytes(i) for i in range(3)] == [bytes(packet)] * 3


def test_fill_accepts_any_buffer(pool: Mempool, burst: Burst):
    burst.alloc(pool, 3)
    burst.fill([bytearray(b"a"), memoryview(b"xbx")[1:2], np.full(1, ord("c"), np.uint8)])
    assert [burst.bytes(i) for i in range(3)] == [b"a", b"b", b"c"]


def test_fill_of_more_than_a_segment_makes_a_chain(pool: Mempool, burst: Burst):
    packets = [b"a", bytes(range(256)) * 8 + b"x", bytes(range(251)) * 37, b""]
    burst.alloc(pool, 4)
    for _ in range(3):
        burst.fill(packets)
        assert [burst.bytes(i) for i in range(4)] == packets
        assert [burst.mbuf(i).nb_segs for i in range(4)] == [1, 2, 5, 1]
        assert [burst.mbuf(i).check() for i in range(4)] == [None] * 4
        assert pool.in_use_count == 9
    burst.fill(b"short")
    assert pool.in_use_count == 4


def test_fill_without_room_in_the_pool_writes_nothing(pool: Mempool, burst: Burst):
    burst.alloc(pool, 3)
    burst.fill([b"a", b"b", b"c"])
    with pytest.raises(pydpdk.NoRoomError):
        burst.fill([b"x", b"y", bytes(2048 * 510)])
    assert [burst.bytes(i) for i in range(3)] == [b"a", b"b", b"c"]
    assert pool.in_use_count == 3
    burst.fill([b"x", b"y", bytes(2048 * 509)])
    assert pool.in_use_count == 511


def test_fill_of_another_count_raises(pool: Mempool, burst: Burst):
    burst.alloc(pool, 3)
    for packets in ([], [b"a"] * 2, [b"a"] * 4):
        with pytest.raises(ValueError, match=rf"\(got {len(packets)}\)"):
            burst.fill(packets)


@pytest.mark.parametrize("packets", ["abc", ["a", "b", "c"], [1, 2, 3], 5, None, [None] * 3])
def test_fill_of_no_bytes_raises(pool: Mempool, burst: Burst, packets: object):
    burst.alloc(pool, 3)
    with pytest.raises(TypeError):
        burst.fill(packets)  # type: ignore[arg-type]


def test_a_view_is_the_packet(pool: Mempool, burst: Burst):
    burst.alloc(pool, 2)
    burst.fill([b"abcd", b"efgh"])
    view = burst[1]
    view[0] = ord("x")
    view[-1] = ord("y")
    assert (view.dtype, view.shape, view.flags.writeable) == (np.uint8, (4,), True)
    assert burst.bytes(1) == b"xfgy"
    assert burst.bytes(0) == b"abcd"


def test_a_burst_is_iterated_as_indexed(pool: Mempool, burst: Burst):
    assert list(burst) == []
    burst.alloc(pool, 3)
    burst.fill([b"a", b"bc", b""])
    assert [packet.tobytes() for packet in burst] == [b"a", b"bc", b""]
    assert [packet.tobytes() for packet in reversed(burst)] == [b"", b"bc", b"a"]
    for packet in burst:
        packet[:] = ord("x")
    assert [burst.bytes(i) for i in range(3)] == [b"x", b"xx", b""]
    with pytest.raises(TypeError):
        b"x" in burst  # noqa: B015


@pytest.mark.parametrize("at", [0, 2])
def test_a_burst_that_changes_during_its_iteration_raises(pool: Mempool, burst: Burst, at: int):
    burst.alloc(pool, 3, length=1)
    packets = iter(burst)
    assert [len(next(packets)) for _ in range(at + 1)] == [1] * (at + 1)
    burst.free()
    with pytest.raises(RuntimeError, match="changed during its iteration: it had 3 packets"):
        next(packets)
    assert list(packets) == []


def test_a_closed_burst_is_not_iterated(eal: Eal):
    burst = Burst(4)
    burst.close()
    with pytest.raises(ClosedError):
        list(burst)


def test_negative_index_counts_from_the_end(pool: Mempool, burst: Burst):
    burst.alloc(pool, 2)
    burst.fill([b"a", b"b"])
    assert bytes(burst[-1]) == burst.bytes(-1) == bytes(burst.mbuf(-1)) == b"b"
    assert [bytes(packet) for packet in burst] == [b"a", b"b"]


@pytest.mark.parametrize("i", [2, -3, 1 << 40, -(1 << 70)])
def test_index_out_of_range(pool: Mempool, burst: Burst, i: int):
    burst.alloc(pool, 2)
    for use in (burst.__getitem__, burst.bytes, burst.mbuf, burst.view):
        with pytest.raises(IndexError):
            use(i)


@pytest.mark.parametrize("i", [slice(0, 1), "0", None, 1.0, True, (0,)])
def test_index_of_another_type(pool: Mempool, burst: Burst, i: object):
    burst.alloc(pool, 2)
    for use in (burst.__getitem__, burst.bytes, burst.mbuf, burst.view):
        with pytest.raises(TypeError):
            use(i)  # type: ignore[arg-type]


def test_swap_macs(pool: Mempool, burst: Burst):
    frame = bytes(range(64))
    burst.alloc(pool, 12)
    burst.fill([frame] * 11 + [b"short"])
    burst.swap_macs()
    swapped = frame[6:12] + frame[:6] + frame[12:]
    assert [burst.bytes(i) for i in range(12)] == [swapped] * 11 + [b"short"]


def test_check_mode_keeps_mbufs_with_views(pool: Mempool, burst: Burst, eal: Eal, name: str):
    burst.alloc(pool, 2, length=64)
    with Ring.create(name, 16, element="mbuf") as ring:
        view = burst[0][4:]
        for give in (burst.free, lambda: ring.tx(burst)):
            with pytest.raises(InUseError, match="views alive"):
                give()
        del view
        assert ring.tx(burst) == 2
        ring.rx(burst)


def test_close_raises_while_the_burst_holds_mbufs(pool: Mempool):
    burst = Burst(4)
    burst.alloc(pool, 2)
    with pytest.raises(InUseError, match="holds 2 mbufs"):
        burst.close()
    assert repr(burst) == "<Burst 2 of 4>"
    burst.close(force=True)
    assert repr(burst) == "<Burst closed>"
    assert pool.in_use_count == 0


@pytest.mark.filterwarnings("ignore::pydpdk.LeakWarning")
def test_an_error_inside_with_takes_precedence(pool: Mempool):
    with pytest.raises(ZeroDivisionError), Burst(4) as burst:
        burst.alloc(pool, 2)
        raise ZeroDivisionError
    burst.close(force=True)


def test_an_empty_burst_cannot_be_filled(burst: Burst):
    for packets in (b"x" * 60, b"", [b"x" * 60]):
        with pytest.raises(ValueError, match="holds no packets: alloc or rx comes first"):
            burst.fill(packets)
    burst.fill([])  # as many packets as the burst has


def test_an_empty_pool_names_the_caches_that_have_its_mbufs(eal: pydpdk.Eal, name: str):
    with pydpdk.Mempool.create(name, 511, cache_size=256) as pool, Burst(256) as burst:

        def take_and_give_back():
            burst.alloc(pool)
            burst.free()

        job = pydpdk.lcore.launch(take_and_give_back)
        job.result()
        (lcore_id,) = pool.cache_counts
        kept = pool.cache_counts[lcore_id]
        with Burst(511) as larger:
            with pytest.raises(
                pydpdk.NoRoomError, match=f"{kept} in the cache of lcore {lcore_id}"
            ):
                larger.alloc(pool)
            assert larger.alloc(pool, 511 - kept) == 511 - kept
            larger.free()


def test_a_closed_burst_raises_and_closes_again(pool: Mempool):
    burst = Burst(4)
    burst.close()
    burst.close()
    uses = [
        lambda: burst.alloc(pool), burst.free, burst.swap_macs,
        lambda: burst.lengths, lambda: burst.fill([]), lambda: burst.fill(b"a"),
    ]  # fmt: skip
    for use in uses:
        with pytest.raises(ClosedError):
            use()


def test_only_one_thread_at_a_time(pool: Mempool):
    """Any result but BusyError would mean a second thread inside."""
    done, busy = [], []

    def use(burst: Burst) -> None:
        for _ in range(300):
            try:
                burst.fill(bytes(2000))
                done.append(1)
            except BusyError:
                busy.append(1)

    with Burst(500) as burst:
        burst.alloc(pool)
        threads = [threading.Thread(target=use, args=(burst,)) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(done) + len(busy) == 900
        assert burst.free() == 500


def test_a_burst_larger_than_memory_raises_no_room(run_script):
    """The storage of 65,535 mbufs takes half a megabyte: many such bursts use up all memory."""
    done = run_script("""
        from pydpdk.errors import NoRoomError
        eal = init(memory_mb=8, hugepages=False)
        kept = []
        try:
            while len(kept) < 100:
                kept.append(Burst(65535))
        except NoRoomError as error:
            print(type(error).__name__)
        eal.close()
    """)
    assert (done.stdout, done.returncode) == ("NoRoomError\n", 0), done.stderr


def test_without_check_mode_the_pool_still_knows_its_views(run_script):
    """A stale view is the user's fault; its memory is not unmapped."""
    done = run_script(
        """
        from pydpdk.errors import InUseError
        eal = init()
        pool, burst = Mempool.create("p", 127, cache_size=0), Burst(4)
        burst.alloc(pool, length=60)
        view = burst[0]
        burst.free()
        try:
            pool.close()
        except InUseError as error:
            print("rejected")
        view[:] = 1
        del view
        pool.close()
        eal.close()
        """,
        PYDPDK_CHECK="0",
    )
    assert (done.stdout, done.returncode) == ("rejected\n", 0), done.stderr

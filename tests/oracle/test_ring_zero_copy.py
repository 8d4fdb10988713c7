"""Zero-copy: rte_ring_peek_zc.h, and what Python adds to it."""

import threading

import numpy as np
import pytest

from oracle.rings import DTYPES, same, values
from pydpdk import Eal, Ring
from pydpdk.errors import BusyError, ClosedError, InUseError


@pytest.fixture(params=["single", "hts"])
def ring(request: pytest.FixtureRequest, eal: Eal, name: str):
    sync = request.param
    with Ring.create(name, 16, element="u4", producer=sync, consumer=sync) as made:
        yield made


def take(ring: Ring) -> list[int]:
    out = np.zeros(16, np.uint32)
    return out[: ring.dequeue_burst(out)].tolist()


def put(ring: Ring, *numbers: int) -> None:
    assert ring.enqueue_bulk(np.array(numbers, np.uint32)) == len(numbers)


def test_a_reservation_wraps_into_two_pieces(ring: Ring):
    """test_ring_enqueue_zc_burst_elem, test_ring_dequeue_zc_burst_elem: n1 and ptr2."""
    put(ring, *range(12))
    take(ring)
    with ring.enqueue_zc(10) as slots:
        assert (len(slots), len(slots.first), len(slots.second)) == (10, 4, 6)
        assert "10 elements" in repr(slots)
        slots.first[:] = range(4)
        slots.second[:] = range(4, 10)
    with ring.dequeue_zc(15) as slots:
        assert [piece.tolist() for piece in slots.pieces] == [[0, 1, 2, 3], [4, 5, 6, 7, 8, 9]]
    assert ring.empty


def test_the_arrays_are_the_ring_slots(ring: Ring):
    with ring.enqueue_zc(3) as slots:
        slots.first[:] = 5, 6, 7
        address = slots.first.ctypes.data
    with ring.dequeue_zc(3) as slots:
        assert slots.first.ctypes.data == address
        assert slots.first.tolist() == [5, 6, 7]


def test_commit_accepts_fewer_elements(ring: Ring):
    with ring.enqueue_zc(8) as slots:
        slots.first[:] = range(8)
        slots.commit(5)
    assert (len(slots), len(ring)) == (5, 5)
    with ring.dequeue_zc(4) as slots:
        slots.commit(1)
    assert take(ring) == [1, 2, 3, 4]


def test_nothing_is_committed_on_an_exception(ring: Ring):
    with pytest.raises(KeyError), ring.enqueue_zc(8) as slots:
        slots.commit(3)
        raise KeyError
    assert (len(slots), len(ring)) == (0, 0)
    put(ring, 1, 2)
    with pytest.raises(KeyError), ring.dequeue_zc(2):
        raise KeyError
    assert take(ring) == [1, 2]


@pytest.mark.parametrize("n", [-1, 4, 1 << 40])
def test_commit_of_more_than_reserved_raises(ring: Ring, n: int):
    with pytest.raises(ValueError, match=r"0\.\.3 elements"), ring.enqueue_zc(3) as slots:
        slots.commit(n)
    assert ring.empty


@pytest.mark.parametrize("n", [-1, 16, 1 << 40])
def test_no_more_can_be_reserved_than_the_ring_holds(ring: Ring, n: int):
    for reserve in (ring.enqueue_zc, ring.dequeue_zc):
        with pytest.raises(ValueError, match=r"0\.\.15 elements"):
            reserve(n)


def test_bulk_is_all_or_nothing_and_burst_what_there_is(ring: Ring):
    """test_ring_enqueue_zc_bulk_elem, test_ring_dequeue_zc_bulk_elem."""
    put(ring, *range(10))
    for bulk, n in ((True, 0), (False, 5)):
        with ring.enqueue_zc(6, bulk=bulk) as slots:
            assert len(slots) == n
            slots.commit(0)
        assert slots.pieces == ()
    for bulk, n in ((True, 0), (False, 10)):
        with ring.dequeue_zc(11, bulk=bulk) as slots:
            assert len(slots) == n


def test_dequeued_elements_are_read_only(ring: Ring):
    put(ring, 1)
    with ring.dequeue_zc(1) as slots, pytest.raises(ValueError, match="read-only"):
        slots.first[0] = 2


def test_a_side_has_one_block_at_a_time(ring: Ring):
    """A second one would spin forever in DPDK (HTS), or mix up both (SP)."""
    values_ = np.zeros(1, np.uint32)
    with ring.enqueue_zc(2), ring.dequeue_zc(2):
        uses = (
            ("enqueue_zc", lambda: ring.enqueue_zc(1).__enter__()),
            ("enqueue_zc", lambda: ring.enqueue_bulk(values_)),
            ("dequeue_zc", lambda: ring.dequeue_zc(1).__enter__()),
            ("dequeue_zc", lambda: ring.dequeue_burst(values_)),
        )
        for call, use in uses:
            with pytest.raises(BusyError, match=f"a block of {call} is not left"):
                use()
        assert ring.empty
    assert len(ring) == 2


def test_another_thread_finds_the_side_busy(ring: Ring):
    found: list[BaseException] = []

    def enqueue() -> None:
        try:
            put(ring, 1)
        except BusyError as error:
            found.append(error)

    with ring.enqueue_zc(1) as slots:
        slots.first[0] = 7
        thread = threading.Thread(target=enqueue)
        thread.start()
        thread.join(60)
    assert len(found) == 1
    assert take(ring) == [7]


def test_a_view_that_outlives_its_block_keeps_the_ring_open(eal: Eal, name: str):
    ring = Ring.create(name, 16, producer="hts", consumer="hts")
    with ring.enqueue_zc(4) as slots:
        view = slots.first[1:3]
    with pytest.raises(InUseError, match="1 numpy view"):
        ring.close()
    view[:] = 9  # it only changes ring memory
    out = np.zeros(4, np.uint64)
    assert ring.dequeue_bulk(out) == 4
    assert out[1:3].tolist() == [9, 9]
    del view
    ring.close()


def test_close_raises_inside_a_zero_copy_block(eal: Eal, name: str):
    with Ring.create(name, 16, producer="hts") as ring:
        with ring.enqueue_zc(0), pytest.raises(InUseError, match="enqueue_zc is not left"):
            ring.close()
        with ring.enqueue_zc(3) as slots:
            with pytest.raises(InUseError, match="numpy view"):
                ring.close()
            del slots
        assert len(ring) == 3


def test_a_forced_close_ends_the_block(eal: Eal, name: str):
    ring = Ring.create(name, 16, producer="hts")
    with pytest.raises(ClosedError), ring.enqueue_zc(0):
        ring.close(force=True)
    ring = Ring.create(name, 16, producer="hts")
    with pytest.raises(KeyError), ring.enqueue_zc(0):
        ring.close(force=True)
        raise KeyError


def test_a_forced_close_of_a_lookup_returns_its_ring_slots(run_script):
    """Else its owner would spin forever on an HTS ring."""
    done = run_script("""
        import numpy as np
        from pydpdk._core import lifetime
        from pydpdk.errors import ClosedError, InUseError
        eal = init()
        ring = Ring.create("r", 16, producer="hts")
        lifetime._owners.discard(ring)  # as another process sees it
        lifetime._by_address.pop((Ring, ring.address))
        found = Ring.lookup("r")
        try:
            with found.enqueue_zc(3):
                try:
                    found.close()
                except InUseError:
                    found.close(force=True)
        except ClosedError:
            print(ring.enqueue_bulk(np.zeros(15, np.uint64)))
        ring.close()
        eal.close()
    """)
    assert done.stdout == "15\n", done.stderr


def test_a_block_is_entered_once(ring: Ring):
    block = ring.enqueue_zc(1)
    with block:
        pass
    with pytest.raises(RuntimeError, match="entered once"), block:
        pass
    with ring.enqueue_zc(2):
        block.__exit__(None, None, None)  # it is no longer entered
    assert len(ring) == 3


def test_rings_of_mbufs_have_no_zero_copy(eal: Eal, name: str):
    """DPDK would dereference a pointer that Python wrote."""
    with Ring.create(name, 16, element="mbuf", producer="hts", consumer="hts") as ring:
        for reserve in (ring.enqueue_zc, ring.dequeue_zc):
            with pytest.raises(TypeError, match="carries mbufs"):
                reserve(1)


def test_structured_elements_are_made_in_place(eal: Eal, name: str):
    dtype = DTYPES[20]
    data = values(dtype, 7)
    with Ring.create(name, 8, element=dtype, producer="single", consumer="hts") as ring:
        with ring.enqueue_zc(7, bulk=True) as slots:
            slots.first["id"] = data["id"]
            slots.first["key"] = data["key"]
        with ring.dequeue_zc(7) as slots:
            assert same(slots.first, data)


def test_a_forked_child_does_not_end_the_block(run_script):
    done = run_script("""
        import os
        from pydpdk.errors import ClosedError
        eal = init()
        ring = Ring.create("r", 16, producer="hts")
        with ring.enqueue_zc(3):
            pid = os.fork()
            if pid == 0:
                code = 1
                try:
                    ring.enqueue_zc(1)
                except ClosedError:
                    code = 7
                os._exit(code)
            print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
        print(len(ring))
        ring.close()
        eal.close()
    """)
    assert done.stdout.split() == ["7", "3"], done.stderr


def test_the_eal_does_not_close_under_a_view_of_a_slot(run_script):
    done = run_script("""
        from pydpdk.errors import InUseError
        eal = init()
        with Ring.create("r", 16, producer="hts").enqueue_zc(3) as slots:
            view = slots.first
        slots = None
        try:
            eal.close()
        except InUseError as error:
            print("rejected" if "'r'" in str(error) else error)
        view[:] = 1
        del view
        eal.close()
    """)
    assert done.stdout == "rejected\n", done.stderr


def test_copying_and_zero_copy_threads_lose_nothing(eal: Eal, name: str):
    """test_ring_mt_peek_stress_zc."""
    total, out = 20_000, []

    def produce(ring: Ring) -> None:
        sent = 0
        while sent < total:
            try:
                with ring.enqueue_zc(min(13, total - sent)) as slots:
                    for piece in slots.pieces:
                        piece[:] = np.arange(sent, sent + len(piece))
                        sent += len(piece)
            except BusyError:
                continue

    with Ring.create(name, 64, producer="hts", consumer="hts") as ring:
        thread = threading.Thread(target=produce, args=(ring,))
        thread.start()
        while len(out) < total:
            with ring.dequeue_zc(17) as slots:
                for piece in slots.pieces:
                    out.extend(piece.tolist())
                piece = None
            more = np.zeros(5, np.uint64)
            out.extend(more[: ring.dequeue_burst(more)].tolist())
        thread.join(60)
        del slots
    assert out == list(range(total))

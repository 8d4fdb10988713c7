"""Traps of rte_ring: what DPDK does not check, or checks without effect."""

import numpy as np
import pytest

from oracle.rings import DTYPES, SYNCS, same, values
from pydpdk import Eal, Ring
from pydpdk.errors import BusyError, ClosedError, NoRoomError

sizes = pytest.mark.parametrize("dtype", DTYPES.values(), ids=lambda d: f"{d.itemsize}B")


@pytest.mark.parametrize("exact_size", [False, True])
def test_size_0_would_corrupt_memory(eal: Eal, name: str, exact_size: bool):
    """rte_ring_create accepts it up to 24.11: capacity 0xffffffff."""
    with pytest.raises(ValueError, match=r"must be 1\.\."):
        Ring.create(name, 0, exact_size=exact_size)


def test_size_1_would_hold_nothing(eal: Eal, name: str):
    with pytest.raises(ValueError, match="a power of two from 2"):
        Ring.create(name, 1)
    with Ring.create(name, 1, exact_size=True) as ring:
        assert ring.capacity == 1


@pytest.mark.parametrize("socket_id", [-1, -2, 9, 1 << 31])
def test_unknown_sockets(eal: Eal, name: str, socket_id: int):
    """Without hugepages DPDK accepts any number."""
    with pytest.raises(ValueError, match="socket_id"):
        Ring.create(name, 8, socket_id=socket_id)


@pytest.mark.parametrize("side", ["producer", "consumer"])
@pytest.mark.parametrize("bad", ["", "single|rts", 0, 0x8000, None, ["hts"], ("rts", "hts")])
def test_flags_cannot_contradict(eal: Eal, name: str, side: str, bad: object):
    """rte_ring_create_elem returns an uninitialised ring for such flags."""
    with pytest.raises(ValueError, match="multi, single, rts, hts"):
        Ring.create(name, 16, **{side: bad})


@pytest.mark.parametrize("producer", SYNCS)
@pytest.mark.parametrize("consumer", SYNCS)
def test_each_side_is_as_requested(eal: Eal, name: str, producer: str, consumer: str):
    """rte_ring_get_prod_sync_type; the calls dispatch on it."""
    with Ring.create(name, 16, producer=producer, consumer=consumer) as ring:
        assert (ring.producer, ring.consumer) == (producer, consumer)
        data = values(DTYPES[8], 5)
        out = np.zeros(5, np.uint64)
        assert ring.enqueue_bulk(data) == ring.dequeue_bulk(out) == 5
        assert same(out, data)


@pytest.mark.parametrize(
    "bad",
    [None, 5, object, "O", "S", "U", "mbufs", "S6", ("u4", 4), [("a", "O")], [], {}],
)
def test_invalid_elements(eal: Eal, name: str, bad: object):
    """rte_ring_create_elem accepts element size 0; objects mean nothing in other processes."""
    with pytest.raises(ValueError, match="must"):
        Ring.create(name, 16, element=bad)


@pytest.mark.parametrize("element", ["M8[ns]", "f4", "c16", ">u4", "U3", [("t", "M8[us]")]])
def test_any_dtype_of_such_a_size_is_an_element(eal: Eal, name: str, element: object):
    with Ring.create(name, 16, element=element) as ring:
        data = values(np.dtype("u1"), 3 * ring.dtype.itemsize).view(ring.dtype)
        out = np.zeros(3, ring.dtype)
        assert ring.enqueue_bulk(data) == ring.dequeue_burst(out) == 3
        assert same(out, data)


@pytest.mark.parametrize("element", ["V12", "V16380"])
def test_words_are_counted_in_32_bits(eal: Eal, name: str, element: str):
    """idx * (esize / 4) of rte_ring_elem_pvt.h wraps: memory past the ring is written."""
    with pytest.raises(ValueError, match="8 GiB"):
        Ring.create(name, 1 << 30, element=element)
    with pytest.raises(ValueError, match="8 GiB"):
        Ring.create(name, (1 << 30) - 1, element=element, exact_size=True)


def test_no_room(eal: Eal, name: str):
    with pytest.raises(NoRoomError):
        Ring.create(name, 1 << 30, element="u8")


@sizes
def test_an_array_of_another_dtype_raises(eal, name, dtype):
    with Ring.create(name, 16, element=dtype) as ring:
        for other in {*DTYPES.values(), np.dtype("f4"), np.dtype("i8")} - {dtype}:
            for move in (ring.enqueue_bulk, ring.dequeue_burst):
                with pytest.raises(TypeError, match="must"):
                    move(np.zeros(2, other))


def test_an_array_with_a_wrong_length_raises(eal: Eal, name: str):
    class Liar(np.ndarray):
        def __len__(self) -> int:
            return 1000

    with Ring.create(name, 1024) as ring, pytest.raises(TypeError, match="must"):
        ring.enqueue_bulk(np.zeros(2, np.uint64).view(Liar))


def test_the_element_size_is_recorded_and_the_dtype_checked(run_script):
    """A ring has one Python object per process, so an attached one is tested in a script."""
    done = run_script("""
        import gc
        import numpy as np
        from pydpdk._core import lifetime
        eal = init()
        for name, size in (("w", 4), ("q", 8), ("v", 20)):
            ring = Ring.create(name, 16, element=f"V{size}")
            ring.enqueue_bulk(np.zeros(3, f"V{size}"))
            lifetime._owners.discard(ring)  # as another process sees it
            lifetime._by_address.pop((Ring, ring.address))
            for element in (None, "u4", "u8", "V20", "mbuf", "V24"):
                try:
                    with Ring.lookup(name, element=element) as found:
                        print(name, element, found.dtype, len(found))
                except ValueError as error:
                    print(name, element, error)
            ring.close()
        eal.close()
    """)
    assert done.returncode == 0, done.stderr
    says = done.stdout.splitlines()
    found = [line for line in says if line.endswith(" 3")]
    assert found == ["w u4 uint32 3", "q None uint64 3", "q u8 uint64 3", "v V20 |V20 3"]
    assert "w None say element: ring 'w' carries values of 4 bytes" in says
    assert "v u8 element='uint64': ring 'v' carries values of 20 bytes" in says
    assert "q mbuf element='mbuf': ring 'q' carries values of 8 bytes" in says


@pytest.mark.parametrize("sync", ["multi", "rts"])
def test_zero_copy_is_for_single_and_hts(eal: Eal, name: str, sync: str):
    """__rte_ring_do_enqueue_zc_elem_start does not set its result for the others."""
    with Ring.create(name, 16, producer=sync, consumer=sync) as ring:
        for reserve in (ring.enqueue_zc, ring.dequeue_zc):
            with pytest.raises(ValueError, match="'single' or 'hts'"):
                reserve(1)


def test_closing_twice_and_using_a_closed_ring(eal: Eal, name: str):
    ring = Ring.create(name, 16, producer="hts", consumer="hts")
    ring.close()
    ring.close()
    for use in (ring.enqueue_zc, ring.dequeue_zc):
        with pytest.raises(ClosedError):
            use(1)
    with pytest.raises(ClosedError):
        len(ring)
    for attribute in ("capacity", "free_count", "full", "empty"):
        with pytest.raises(ClosedError):
            getattr(ring, attribute)


def test_one_thread_at_a_time_on_a_single_side(eal: Eal, name: str):
    """Two would take the same slots; here one is inside, as the gate counts."""
    with Ring.create(name, 16, producer="single", consumer="single") as ring:
        data = values(DTYPES[8], 2)
        for side, move in (("producer", ring.enqueue_bulk), ("consumer", ring.dequeue_bulk)):
            gate = getattr(ring._c, side).gate
            gate.inside = 1
            with pytest.raises(BusyError, match="takes one at a time"):
                move(data.copy())
            gate.inside = 0
        assert ring.enqueue_bulk(data) == ring.dequeue_bulk(data.copy()) == 2

"""Mirrors DPDK's ring_autotest (app/test/test_ring.c), as far as the API goes."""

import itertools
import random
import threading

import numpy as np
import pytest

from pydpdk import Burst, Eal, Ring
from pydpdk.errors import ClosedError, NameTakenError, NoRoomError, NotFoundError

SYNCS = [("multi", "multi"), ("single", "single"), ("multi", "single"), ("single", "multi")]


@pytest.fixture(params=SYNCS, ids="-".join)
def ring(request: pytest.FixtureRequest, eal: Eal, name: str):
    producer, consumer = request.param
    with Ring.create(name, 4096, producer=producer, consumer=consumer) as made:
        yield made


def numbers(n: int, start: int = 0) -> np.ndarray:
    return np.arange(start, start + n, dtype=np.uint64)


def take(ring: Ring, n: int, *, bulk: bool = False) -> list[int]:
    out = np.zeros(n, np.uint64)
    got = ring.dequeue_bulk(out) if bulk else ring.dequeue_burst(out)
    return out[:got].tolist()


def test_one_slot_stays_empty(ring: Ring):
    """test_ring_basic_ex."""
    assert (ring.capacity, len(ring), ring.free_count) == (4095, 0, 4095)
    for i in range(4095):
        assert ring.enqueue_burst(numbers(1, i)) == 1
    assert ring.enqueue_burst(numbers(1)) == 0
    assert (len(ring), ring.free_count) == (4095, 0)
    assert repr(ring) == f"<Ring {ring.name!r} uint64, 4095 of 4095>"
    assert [take(ring, 1)[0] for _ in range(4095)] == list(range(4095))
    assert take(ring, 1) == []


def test_an_empty_ring_is_true(ring: Ring):
    assert len(ring) == 0
    assert ring


def test_fill_and_drain_in_random_parts(ring: Ring):
    """test_ring_burst_bulk_tests1."""
    rng = random.Random(1)
    for _ in range(200):
        n = rng.randrange(1, 32)
        assert ring.enqueue_bulk(numbers(n)) == n
        assert take(ring, n, bulk=True) == list(range(n))
    assert ring.enqueue_bulk(numbers(4095)) == 4095
    assert ring.free_count == 0
    assert take(ring, 4095, bulk=True) == list(range(4095))
    assert len(ring) == 0


def test_bulk_is_all_or_nothing_and_burst_takes_what_fits(ring: Ring):
    """test_ring_burst_bulk_tests4: 29 free."""
    assert ring.enqueue_bulk(numbers(4095 - 29)) == 4095 - 29
    assert ring.enqueue_bulk(numbers(30)) == 0
    assert ring.enqueue_burst(numbers(32, 7000)) == 29
    assert ring.enqueue_burst(numbers(1)) == 0
    assert take(ring, 4095 - 29) == list(range(4095 - 29))
    assert take(ring, 30, bulk=True) == []
    assert take(ring, 32) == list(range(7000, 7029))


def test_exact_size_holds_exactly_that(eal: Eal, name: str):
    """test_ring_with_exact_size."""
    with Ring.create(f"{name}a", 16) as standard, Ring.create(f"{name}b", 16, exact_size=True) as x:
        assert (standard.enqueue_burst(numbers(17)), x.enqueue_burst(numbers(17))) == (15, 16)
        assert (standard.capacity, x.capacity) == (15, 16)
    with Ring.create(name, 5, exact_size=True) as five:
        assert five.capacity == 5


@pytest.mark.parametrize("size", [-1, 0, 1, 3, 4097, 1 << 31, 1 << 64])
def test_invalid_size_raises(eal: Eal, name: str, size: int):
    """test_ring_negative_tests; DPDK takes 0 and then corrupts memory."""
    with pytest.raises(ValueError, match="size"):
        Ring.create(name, size)


@pytest.mark.parametrize("size", [-1, 0, 1 << 30])
def test_invalid_exact_size_raises(eal: Eal, name: str, size: int):
    with pytest.raises(ValueError, match="size"):
        Ring.create(name, size, exact_size=True)


def test_bigger_than_memory_raises_no_room(eal: Eal, name: str):
    with pytest.raises(NoRoomError):
        Ring.create(name, 1 << 30)


@pytest.mark.parametrize("bad", ["", "x" * 29, "a b", "é"])
def test_invalid_name_raises(eal: Eal, bad: str):
    with pytest.raises(ValueError, match="ring name"):
        Ring.create(bad, 16)


def test_longest_name(eal: Eal):
    Ring.create("x" * 28, 16).close()


@pytest.mark.parametrize(
    "bad", [{"element": "bytes"}, {"producer": "both"}, {"consumer": None}, {"element": ["mbuf"]}]
)
def test_unknown_kind_raises(eal: Eal, name: str, bad: dict[str, object]):
    with pytest.raises(ValueError, match="must be"):
        Ring.create(name, 16, **bad)


def test_a_name_is_taken_once_and_found(eal: Eal, name: str):
    with pytest.raises(NotFoundError):
        Ring.lookup(name)
    with Ring.create(name, 16) as ring:
        with pytest.raises(NameTakenError):
            Ring.create(name, 16)
        assert Ring.lookup(name) is Ring.lookup(name, element="uint64") is ring
        with pytest.raises(ValueError, match="carries uint64"):
            Ring.lookup(name, element="mbuf")


@pytest.mark.parametrize(
    "values",
    [
        [1, 2], b"12345678", None, 5, np.zeros(4, np.int64), np.zeros(4, ">u8"),
        np.zeros((2, 2), np.uint64), np.uint64(1), np.zeros(4, object), memoryview(bytes(8)),
    ],
    ids=lambda value: f"{type(value).__name__}-{getattr(value, 'dtype', '')}",
)  # fmt: skip
def test_values_of_another_type_raise(ring: Ring, values: object):
    for move in (ring.enqueue_bulk, ring.enqueue_burst, ring.dequeue_bulk, ring.dequeue_burst):
        with pytest.raises(TypeError, match="uint64"):
            move(values)  # type: ignore[arg-type]


def test_values_with_gaps_raise(ring: Ring):
    with pytest.raises(ValueError, match="contiguous"):
        ring.enqueue_bulk(numbers(8)[::2])


def test_out_must_be_writable(ring: Ring):
    ring.enqueue_bulk(numbers(2))
    out = numbers(2)
    out.flags.writeable = False
    assert ring.enqueue_bulk(out) == 2
    with pytest.raises((ValueError, BufferError, TypeError)):
        ring.dequeue_bulk(out)
    assert len(ring) == 4


def test_nothing_is_moved_by_an_empty_array(ring: Ring):
    assert ring.enqueue_bulk(numbers(0)) == ring.dequeue_burst(numbers(0)) == 0


def test_a_ring_with_values_closes(eal: Eal, name: str):
    ring = Ring.create(name, 16)
    ring.enqueue_bulk(numbers(3))
    ring.close()
    ring.close()
    assert ring.closed


def test_a_closed_ring_raises(eal: Eal, name: str, burst: Burst):
    values = Ring.create(name, 16)
    mbufs = Ring.create(f"{name}m", 16, element="mbuf")
    values.close()
    mbufs.close()
    uses = [
        lambda: len(values), lambda: values.capacity, lambda: values.free_count,
        lambda: values.enqueue_bulk(numbers(1)), lambda: values.dequeue_burst(numbers(1)),
        lambda: mbufs.tx(burst), lambda: mbufs.rx(burst),
    ]  # fmt: skip
    for use in uses:
        with pytest.raises(ClosedError):
            use()


@pytest.mark.parametrize("n_threads", [2, 4])
def test_threads_lose_and_duplicate_nothing(eal: Eal, name: str, n_threads: int):
    each = 2000
    got: list[list[int]] = []

    def produce(ring: Ring, first: int) -> None:
        left = numbers(each, first)
        while len(left):
            left = left[ring.enqueue_burst(left[:31]) :]

    def consume(ring: Ring) -> None:
        mine: list[int] = []
        while len(mine) < each:
            mine += take(ring, min(31, each - len(mine)))
        got.append(mine)

    with Ring.create(name, 64) as ring:
        threads = [
            threading.Thread(target=produce, args=(ring, i * each)) for i in range(n_threads)
        ]
        threads += [threading.Thread(target=consume, args=(ring,)) for _ in range(n_threads)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
    assert sorted(itertools.chain.from_iterable(got)) == list(range(each * n_threads))


def test_the_ring_inside_a_mempool_is_not_for_values(run_script):
    """A value in it would be allocated as an mbuf."""
    done = run_script("""
        import numpy as np
        from pydpdk.errors import DpdkError
        eal = init()
        pool, burst = Mempool.create("x", 511, cache_size=0), Burst(4)
        try:
            ring = Ring.lookup("MP_x", element="uint64")
            values = np.ones(511, np.uint64)
            ring.dequeue_burst(values)
            ring.enqueue_burst(np.ones(511, np.uint64))
        except (DpdkError, ValueError, TypeError):
            print("rejected")
        burst.alloc(pool)
        burst.free()
    """)
    assert done.stdout == "rejected\n", done.stderr

"""The fast path into C: what it accepts, what it leaves to the fallback, and that neither leaks."""

import inspect
import sys
from types import MethodDescriptorType

import numpy as np
import pytest

from pydpdk import Burst, BusyError, ClosedError, Mempool, NoRoomError, ObjectPool, Ring
from pydpdk._core.objects import RingBase, checked_of

MOVES = ("enqueue_burst", "enqueue_bulk", "dequeue_burst", "dequeue_bulk")


@pytest.fixture
def ring(eal):
    with Ring.create("short", 64) as ring:
        yield ring


@pytest.fixture
def pool(eal):
    with ObjectPool.create("short", 63, "u8") as pool:
        yield pool


class Liar(np.ndarray):
    def __len__(self):
        return 1 << 20


def unfit():
    eight = np.zeros(8, np.uint64)
    yield "strided", eight[::2], ValueError
    yield "of another dtype", eight.view(np.int64), TypeError
    yield "of two dimensions", eight.reshape(2, 4), TypeError
    yield "of no dimension", eight[0:1].reshape(()), TypeError
    yield "of the other byte order", eight.view(">u8"), TypeError
    yield "a subclass", eight.view(Liar), TypeError
    yield "a list", [1, 2], TypeError
    yield "bytes", b"12345678", TypeError
    yield "nothing", None, TypeError


@pytest.mark.parametrize("move", MOVES)
@pytest.mark.parametrize(("what", "values", "error"), [*unfit()])
def test_arguments_that_do_not_match_raise_in_the_fallback(ring, move, what, values, error):
    with pytest.raises(error, match="must"):
        getattr(ring, move)(values)
    assert ring.empty


@pytest.mark.parametrize("move", ["dequeue_burst", "dequeue_bulk"])
def test_read_only_memory_is_sent_but_not_filled(ring, move):
    fixed = np.arange(8, dtype=np.uint64)
    fixed.flags.writeable = False
    assert ring.enqueue_bulk(fixed) == 8
    with pytest.raises(ValueError, match="writable"):
        getattr(ring, move)(fixed)
    assert len(ring) == 8


def test_an_equal_dtype_object_is_accepted(eal):
    fields = [("a", "u4"), ("b", "f4")]
    with Ring.create("pairs", 16, element=fields) as ring:
        values = np.zeros(3, np.dtype(fields))
        values["a"] = 7, 8, 9
        assert values.dtype is not ring.dtype
        assert ring.enqueue_bulk(values) == 3
        out = np.zeros(3, np.dtype(fields))
        assert ring.dequeue_bulk(out) == 3
        assert (out == values).all()


def test_fast_path_and_fallback_do_the_same(ring):
    values, out = np.arange(5, dtype=np.uint64), np.zeros(5, np.uint64)
    assert Ring.enqueue_bulk(ring, values) == 5
    assert ring.dequeue_bulk(out=out) == 5  # a keyword: the fallback
    assert checked_of(Ring.enqueue_bulk)(ring, values) == 5
    again = np.zeros(5, np.uint64)
    assert Ring.dequeue_burst(ring, again) == 5
    assert (out == values).all()
    assert (again == values).all()


def test_wrong_numbers_of_arguments_are_python_errors(ring):
    values = np.zeros(1, np.uint64)
    for arguments in [(), (ring,), (ring, values, 1), (5, values), (None, None)]:
        with pytest.raises((TypeError, AttributeError)):
            Ring.enqueue_bulk(*arguments)
    with pytest.raises(TypeError):
        ring.enqueue_bulk(values, n=1)


def test_an_object_that_was_never_opened_has_no_wild_pointer(eal):
    with pytest.raises(AttributeError):
        Ring.__new__(Ring).enqueue_bulk(np.zeros(1, np.uint64))
    with pytest.raises(AttributeError):
        ObjectPool.__new__(ObjectPool).get(1)


def test_a_closed_object_raises(eal):
    ring, pool = Ring.create("gone", 16), ObjectPool.create("gone", 7, "u8")
    ring.close()
    pool.close()
    for move in MOVES:
        with pytest.raises(ClosedError):
            getattr(ring, move)(np.zeros(1, np.uint64))
    with pytest.raises(ClosedError):
        pool.get(1)
    with pytest.raises(ClosedError):
        pool.put(np.zeros(1, np.intp))


def test_a_busy_side_raises(eal):
    with Ring.create("alone", 16, producer="hts") as ring:
        with ring.enqueue_zc(2), pytest.raises(BusyError):
            ring.enqueue_bulk(np.zeros(1, np.uint64))
        ring.dequeue_bulk(np.zeros(2, np.uint64))


def test_get_accepts_a_number_or_a_number_and_an_array(pool):
    out = np.zeros(4, np.intp)
    assert pool.get(4, out=out) is out
    longer = np.zeros(9, np.intp)
    assert len(pool.get(4, out=longer)) == 4
    assert pool.in_use_count == 8
    pool.put(out)
    pool.put(longer[:4])
    for arguments in [{}, {"n": 4, "out": out.astype(np.int32)}, {"n": 4, "room": out}]:
        with pytest.raises(TypeError):
            pool.get(**arguments)
    for n in (2.0, "2", None):
        with pytest.raises(TypeError):
            pool.get(n)
    for n in (-1, 1 << 31, 1 << 80):
        with pytest.raises(ValueError, match="must"):
            pool.get(n)
    with pytest.raises(NoRoomError):
        pool.get(64)
    assert pool.in_use_count == 0


def test_put_raises_as_the_fallback_does(pool):
    ids = pool.get(3)
    assert pool.put(ids) is None
    with pytest.raises(ClosedError, match="already"):
        pool.put(ids)
    with pytest.raises(ValueError, match="must"):
        pool.put(np.array([-1]))
    with pytest.raises(ValueError, match="must"):
        pool.put(np.array([63]))
    assert pool.in_use_count == 0


def test_no_reference_is_lost_or_leaked(ring, pool):
    values, strided = np.zeros(8, np.uint64), np.zeros(16, np.uint64)[::2]
    intp = np.dtype(np.intp)

    def each():
        ring.enqueue_bulk(values)
        ring.dequeue_bulk(values)
        pool.put(pool.get(8))
        for rejected in (strided, 1 << 40):
            with pytest.raises((TypeError, ValueError)):
                ring.enqueue_bulk(rejected)
            with pytest.raises((TypeError, ValueError)):
                pool.get(rejected)
        with pytest.raises(NoRoomError):
            pool.get(64)

    def counts():
        return [sys.getrefcount(o) for o in (ring, pool, values, strided, ring.dtype, intp)]

    each()
    before = counts()
    for _ in range(200):
        each()
    # dtypes are shared: a lost or leaked reference would show 200 times
    assert all(abs(now - then) < 50 for now, then in zip(counts(), before, strict=True))


@pytest.mark.parametrize("name", MOVES)
def test_a_fast_method_keeps_its_docstring(name):
    method = getattr(Ring, name)
    assert isinstance(method, MethodDescriptorType)
    assert method.__name__ == name
    assert "Wraps" in method.__doc__
    assert next(iter(inspect.signature(method).parameters)) == "self"
    assert inspect.isroutine(method)


def test_only_a_c_object_is_bound_and_only_once():
    for wrong in [("u8",), (np.dtype("u8"), "1"), (None,)]:
        with pytest.raises(TypeError):
            RingBase()._bind(1, *wrong)
    with pytest.raises(ValueError, match="address must be"):
        RingBase()._bind(0)
    bound = RingBase()
    bound._bind(1)
    with pytest.raises(RuntimeError, match="bound already"):
        bound._bind(1)
    bound._keep(1)
    with pytest.raises(RuntimeError, match="its memory already"):
        bound._keep(1)


def test_an_object_does_not_become_one_of_another_c_struct(ring, pool):
    for thing, cls in [(ring, ObjectPool), (pool, Ring), (ring, Burst), (pool, Mempool)]:
        with pytest.raises(TypeError, match="layout differs"):
            thing.__class__ = cls

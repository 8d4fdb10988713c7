"""Objects of a pool, by id and by dtype: a call with a wrong value changes nothing."""

import numpy as np
import pytest

from pydpdk import Eal, Memzone, ObjectPool
from pydpdk.errors import (
    ClosedError,
)

SIZE = 1023
FLOW = np.dtype([("id", "<u4"), ("bytes", "<u8"), ("mac", "u1", 6)])


@pytest.fixture
def pool(eal: Eal, name: str):
    with ObjectPool.create(name, SIZE, FLOW) as made:
        yield made


def test_put_twice_raises_and_changes_nothing(pool: ObjectPool):
    """In C avail_count is 101 of 100 then, and two users have the object."""
    ids = pool.get(4)
    pool.put(ids[:1])
    for wrong in (ids, ids[:1], [ids[1], ids[1]]):
        with pytest.raises(ClosedError, match="already"):
            pool.put(wrong)
        assert (pool.avail_count, pool.in_use_count) == (SIZE - 3, 3)
    pool.put(ids[1:])
    with pytest.raises(ClosedError):
        pool.put(range(SIZE + 1))


def test_an_unchecked_pool_accepts_a_second_put(eal: Eal, name: str):
    with ObjectPool.create(name, SIZE, "u8", checked=False) as pool:
        ids = pool.get(4)
        with pytest.raises(ValueError, match="checked=False"):
            pool.outstanding()
        pool.put(ids)
        assert pool.avail_count == SIZE


@pytest.mark.parametrize("bad", [-1, SIZE, 1 << 31, 1 << 32, (1 << 64) - 1])
def test_foreign_objects_raise_and_change_nothing(pool: ObjectPool, bad: int):
    ids = pool.get(2)
    for use in (pool.put, pool.read, pool.addresses, lambda x: pool.write(x, 0)):
        with pytest.raises(ValueError, match="must"):
            use(np.array([ids[0], bad], np.uint64 if bad > 1 << 62 else np.int64))
    assert pool.in_use_count == 2
    pool.put(ids)


def test_foreign_pointers_raise(pool: ObjectPool, eal: Eal, name: str):
    (first,) = pool.addresses([0])
    with ObjectPool.create(f"{name}-2", 7, FLOW) as other, Memzone.reserve(name, 64) as zone:
        for wrong in (0, 8, first + 1, first - 64, other.addresses([3])[0], zone.info.addr):
            with pytest.raises(ValueError, match="no object"):
                pool.ids([first, wrong])


@pytest.mark.parametrize("bad", [[1.0], ["1"], [None], [[1]], 1, None, [True], object(), "12"])
def test_ids_of_a_wrong_type(pool: ObjectPool, bad: object):
    for use in (pool.put, pool.read, pool.addresses, pool.ids):
        with pytest.raises(TypeError):
            use(bad)  # type: ignore[arg-type]


def test_ids_are_written_to_an_array_of_the_user(pool: ObjectPool):
    mine = np.full(40, -1, np.intp)
    got = pool.get(32, out=mine)
    assert got.base is mine
    assert (mine[:32] >= 0).all()
    assert (mine[32:] == -1).all()
    pool.put(got)
    mine.setflags(write=False)
    for bad in (mine, mine[::2], np.zeros(3, np.intp)):
        with pytest.raises(ValueError, match="contiguous, writable elements"):
            pool.get(32, out=bad)
    with pytest.raises(TypeError, match="intp"):
        pool.get(1, out=np.zeros(3))


@pytest.mark.parametrize("dtype", ["O", "V0", ("u1", 16), [("a", "O")], f"V{(1 << 30) + 1}"])
def test_dtypes_that_cannot_lie_in_shared_memory(eal: Eal, name: str, dtype):
    with pytest.raises(TypeError, match="dtype"):
        ObjectPool.create(name, 7, dtype)


@pytest.mark.parametrize("dtype", ["u1", "<f8", ">u2", "S3", "U5", "M8[ns]", "V2048", FLOW, "?"])
def test_dtypes_of_all_kinds(eal: Eal, name: str, dtype):
    with ObjectPool.create(name, 5, dtype) as pool:
        assert pool.dtype == np.dtype(dtype)
        zero = np.zeros(5, dtype)
        pool.write(range(5), zero)
        assert pool.read(range(5)).tobytes() == zero.tobytes()
        assert pool.array.tobytes() == zero.tobytes()


def test_padded_dtypes_keep_their_offsets_and_overlapping_ones_raise(eal: Eal, name: str):
    padded = np.dtype([("a", "u1"), ("b", "u8")], align=True)
    with ObjectPool.create(name, 5, padded) as pool:
        assert pool.dtype.fields["b"][1] == 8
    union = np.dtype({"names": ["a", "b"], "formats": ["u4", "u2"], "offsets": [0, 0]})
    with pytest.raises(TypeError, match="none over another"):
        ObjectPool.create(name, 5, union)


@pytest.mark.parametrize("size", [8, 1500, 3000])
def test_objects_in_several_runs(eal: Eal, name: str, size: int):
    """Objects for devices do not cross a page, so their distance may vary."""
    with ObjectPool.create(name, 5000, f"V{size}", flags=0, checked=True) as pool:
        views = pool.arrays
        assert sum(map(len, views)) == 5000
        assert all(view.flags.owndata is False for view in views)
        if len(views) > 1:
            with pytest.raises(ValueError, match="runs"):
                pool.array  # noqa: B018
        ids = pool.get(5000)
        assert (pool.ids(pool.addresses(ids)) == ids).all()
        values = np.arange(5000, dtype="<u8")
        pool.write(ids, values.astype(f"V{size}") if size == 8 else _padded(values, size))
        where = np.cumsum([0, *map(len, views)])
        for run, view in enumerate(views):
            of_run = np.frombuffer(view.tobytes(), f"V{size}")
            expected = pool.read(np.arange(where[run], where[run + 1]))
            assert of_run.tobytes() == expected.tobytes()
        assert pool.read(ids).tobytes() == _padded(values, size).tobytes()
        pool.put(ids)
        del views, view


def _padded(values: np.ndarray, size: int) -> np.ndarray:
    wide = np.zeros((len(values), size), np.uint8)
    wide[:, :8] = values.view(np.uint8).reshape(-1, 8)
    return wide.view(f"V{size}").ravel()


def test_one_object_is_shared_and_an_index_out_of_range_raises(pool: ObjectPool):
    flow = pool[3]
    flow["id"] = 99
    assert pool.read([3])["id"][0] == pool.array["id"][3] == 99
    for bad in (-1, SIZE, 1 << 70):
        with pytest.raises(IndexError):
            pool[bad]
    for wrong in (1.0, "1", slice(2), True, None):
        with pytest.raises(TypeError):
            pool[wrong]  # type: ignore[index]


@pytest.mark.parametrize("values", ["x", [1, 2], object(), None])
def test_values_that_do_not_fit(eal: Eal, name: str, values: object):
    with ObjectPool.create(name, 7, "u1") as pool:
        for bad in (values, 256, -1):
            with pytest.raises((ValueError, TypeError)):
                pool.write([0, 1, 2], bad)  # type: ignore[arg-type]

"""mempool_autotest (app/test/test_mempool.c): its cases from Python, and itself.

Not mirrored, as they have no public counterpart: caches of the user's own (Python threads that
are lcores have DPDK's), mempool events (internal in DPDK), and the steps of populating.
"""

import threading

import numpy as np
import pytest

from oracle.dpdk_test import run_autotest
from pydpdk import Eal, Mempool, MempoolFlag, Memzone, ObjectPool, lcore
from pydpdk.errors import (
    BusyError,
    ClosedError,
    InUseError,
    NameTakenError,
    NoRoomError,
    NotFoundError,
)
from pydpdk.memory import address
from pydpdk.memory.mempool_info import mempools
from pydpdk.memory.memzone import memzones
from pydpdk.memory.objects_kind import OPS

SIZE = 1023
FLOW = np.dtype([("id", "<u4"), ("bytes", "<u8"), ("mac", "u1", 6)])
PACKED = MempoolFlag.NO_CACHE_ALIGN | MempoolFlag.NO_IOVA_CONTIG
ONE_BY_ONE = ["ring_sp_sc", "ring_mp_sc", "ring_sp_mc"]


@pytest.fixture
def pool(eal: Eal, name: str):
    with ObjectPool.create(name, SIZE, FLOW) as made:
        yield made


def test_the_c_oracle_passes(on_hugepages: bool):
    run_autotest("mempool_autotest", hugepages=on_hugepages)


@pytest.mark.parametrize("cache_size", [0, 512])
@pytest.mark.parametrize("ops", OPS)
def test_basic(eal: Eal, name: str, ops, cache_size: int):
    """test_mempool_basic: without cache, with cache, with stack ops, with the best ops."""
    with ObjectPool.create(name, SIZE, FLOW, ops_name=ops, cache_size=cache_size) as pool:
        assert (pool.ops_name, pool.cache_size, len(pool)) == (ops, cache_size, SIZE)
        one = pool.get(1)
        assert pool.avail_count == SIZE - 1
        assert (pool.in_use_count, pool.outstanding().tolist()) == (1, one.tolist())
        (where,) = pool.addresses(one).tolist()
        assert pool.ids([where]).tolist() == one.tolist()
        assert any(c.addr <= where < c.addr + c.len for c in pool.chunks)
        assert address.iova2virt(address.virt2iova(where)) == where
        pool.put(one)
        taken = np.concatenate([pool.get(1) for _ in range(SIZE)])
        assert sorted(taken.tolist()) == list(range(SIZE))
        pool.array["id"][taken] = taken
        pool.array["mac"][taken] = (taken % 251).astype(np.uint8)[:, None]
        again = pool.read(taken)
        assert (again["id"] == taken).all()
        assert (taken % 251 == again["mac"].T).all()
        for i in taken:
            pool.put([i])
        assert (pool.avail_count, pool.in_use_count) == (SIZE, 0)


def test_basic_ex_full_empty_full(pool: ObjectPool):
    """test_mempool_basic_ex: one more than all is refused, and all-or-nothing."""
    assert pool.avail_count == SIZE
    taken = pool.get(SIZE)
    assert (pool.avail_count, pool.in_use_count) == (0, SIZE)
    with pytest.raises(NoRoomError, match="rte_mempool_get_bulk"):
        pool.get(1)
    pool.put(taken[:10])
    with pytest.raises(NoRoomError):
        pool.get(11)
    assert pool.avail_count == 10
    pool.put(taken[10:])
    assert pool.avail_count == SIZE
    with pytest.raises(NoRoomError):
        pool.get(SIZE + 1)


def test_an_empty_get_and_put_are_nothing(pool: ObjectPool):
    assert pool.get(0).shape == (0,)
    pool.put([])
    pool.put(pool.get(0))
    assert pool.read([]).shape == (0,)


@pytest.mark.parametrize(
    ("n", "cache_size"), [(SIZE, 513), (SIZE, 512 + 32), (100, 67), (1, 1), (100, -1)]
)
def test_cache_that_is_too_big(eal: Eal, name: str, n: int, cache_size: int):
    """test_mempool_creation_with_exceeded_cache_size: EINVAL; and 1.5 caches above n."""
    with pytest.raises(ValueError, match="cache_size"):
        ObjectPool.create(name, n, "u8", cache_size=cache_size)
    with pytest.raises(ValueError, match="cache_size"):
        Mempool.create(name, n, cache_size=cache_size)


@pytest.mark.parametrize("flags", [0x40, 0x10, 0x4, 0x8, -1, 1 << 16, (1 << 32) - 1])
def test_flags_that_are_not_the_users(eal: Eal, name: str, flags: int):
    """test_mempool_creation_with_invalid_flags: EINVAL."""
    with pytest.raises(ValueError, match="flags"):
        ObjectPool.create(name, SIZE, "u8", flags=flags)


def test_a_name_is_taken_once(pool: ObjectPool):
    """test_mempool_same_name_twice_creation: NULL, EEXIST."""
    with pytest.raises(NameTakenError, match="EEXIST"):
        ObjectPool.create(pool.name, SIZE, "u8")
    with pytest.raises(NameTakenError, match="EEXIST"):
        Mempool.create(pool.name, SIZE)


@pytest.mark.parametrize("ops", ["", "no-such-ops", "bucket", "x" * 100, "é", None])
def test_ops_that_are_not_there(eal: Eal, name: str, ops):
    """rte_mempool_set_ops_byname: -EINVAL."""
    before = len(memzones())
    with pytest.raises(ValueError, match="ops_name"):
        ObjectPool.create(name, SIZE, "u8", ops_name=ops)
    assert len(memzones()) == before


def test_objects_and_chunks_can_be_walked(pool: ObjectPool):
    """test_mempool: rte_mempool_obj_iter and rte_mempool_mem_iter find some."""
    assert len(list(pool)) == SIZE
    assert len(pool.chunks) >= 1
    info = next(info for info in mempools() if info.name == pool.name)
    assert (info.size, info.nb_mem_chunks) == (SIZE, len(pool.chunks))
    for i, flow in enumerate(pool):
        flow["id"] = i
    assert pool.array["id"].tolist() == list(range(SIZE))


@pytest.mark.parametrize("ops", ["ring_sp_sc", "ring_mp_mc"])
def test_one_thread_gets_and_another_puts(eal: Eal, name: str, ops):
    """test_mempool_sp_sc, test_mempool_launch_single_producer."""
    with ObjectPool.create(name, SIZE, "u8", ops_name=ops) as pool:
        passed: list[np.ndarray] = []
        done = threading.Event()

        def produce() -> None:
            while not done.is_set() or passed:
                if passed:
                    pool.put(passed.pop())

        putter = threading.Thread(target=produce)
        putter.start()
        for _ in range(2000):
            try:
                passed.append(pool.get(16))
            except NoRoomError:
                continue
        done.set()
        putter.join()
        assert pool.avail_count == SIZE


@pytest.mark.parametrize("ops", OPS)
def test_threads_that_meet_in_a_pool_are_served_or_told(eal: Eal, name: str, ops):
    """In C two consumers of a single-consumer pool are given the same objects."""
    told = []
    with ObjectPool.create(name, SIZE, "u8", ops_name=ops) as pool:

        def work(me: int) -> None:
            for _ in range(300):
                try:
                    ids = pool.get(64)
                except BusyError as error:
                    told.append(error)
                    continue
                pool.array[ids] = me
                assert (pool.array[ids] == me).all()
                while True:
                    try:
                        pool.put(ids)
                        break
                    except BusyError as error:
                        told.append(error)

        threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert pool.avail_count == SIZE
    assert ops in ONE_BY_ONE or not told


def test_objects_that_devices_do_not_use(eal: Eal, name: str):
    """test_mempool_flag_non_io_set_when_no_iova_contig_set, and unset_when_populated_with.."""
    with ObjectPool.create(name, SIZE, "u8") as pool:
        assert MempoolFlag.NON_IO in pool.flags
        assert {chunk.iova for chunk in pool.chunks} == {None}
    with ObjectPool.create(name, SIZE, "u8", flags=0) as pool:
        assert pool.flags == 0
        assert all(address.virt2iova(c.addr) == c.iova for c in pool.chunks)


def test_alignment_of_objects(eal: Eal, name: str):
    """test_mempool, rte_mempool_get_obj_alignment: 64, or 8 with NO_CACHE_ALIGN."""
    with ObjectPool.create(name, SIZE, "u8") as pool:
        assert not (pool.addresses(range(SIZE)) % 64).any()
    with ObjectPool.create(name, SIZE, "u8", flags=PACKED) as pool:
        assert not (pool.addresses(range(SIZE)) % 8).any()
        (stride,) = pool.array.strides
        assert stride < 64


@pytest.mark.parametrize(("n", "what"), [(0, "n=0"), (-1, "n=-1"), (1 << 31, "n=2147483648")])
def test_counts_out_of_range(eal: Eal, name: str, n: int, what: str):
    """n = 0: EINVAL."""
    with pytest.raises(ValueError, match=what):
        ObjectPool.create(name, n, "u8")


def test_bigger_than_memory_is_no_room_and_leaves_nothing(run_script):
    """ENOMEM; under a limit, as the attempt takes what pages it can get."""
    done = run_script("""
        from pydpdk import ObjectPool
        from pydpdk.errors import NoRoomError
        from pydpdk.memory.memzone import memzones
        with init(extra=("--socket-limit=32",) if HUGEPAGES else ()):
            before = memzones()
            for n, dtype in ((1 << 23, "u8"), (1 << 24, "u1"), (8, f"V{1 << 30}")):
                try:
                    ObjectPool.create("objects", n, dtype)
                except NoRoomError as error:
                    print(error.errno, memzones() == before)
    """)
    assert done.stdout == "12 True\n" * 3, done.stderr


@pytest.mark.parametrize("length", [26, 27, 28, 29, 32, 300])
def test_names_that_dpdk_trips_over(eal: Eal, length: int):
    """26 to 28 characters: ENAMETOOLONG, and memzone MP_<name> leaks (still in 26.07)."""
    name = "n" * length
    before = {zone.name for zone in memzones()}
    for create in (lambda: ObjectPool.create(name, 7, "u8"), lambda: Mempool.create(name, 7)):
        for _ in range(2):
            with pytest.raises(ValueError, match="1 to 25"):
                create()
    assert {zone.name for zone in memzones()} == before


def test_the_longest_name(eal: Eal):
    with ObjectPool.create("n" * 25, 7, "u8") as pool:
        assert ObjectPool.lookup("n" * 25) is pool


@pytest.mark.parametrize("socket_id", [-1, -2, 9, 1 << 31])
def test_sockets_that_are_not_there(eal: Eal, name: str, socket_id: int):
    with pytest.raises(ValueError, match="socket_id"):
        ObjectPool.create(name, SIZE, "u8", socket_id=socket_id)


def test_put_twice_is_refused_as_a_whole(pool: ObjectPool):
    """In C avail_count is 101 of 100 then, and two owners have the object."""
    ids = pool.get(4)
    pool.put(ids[:1])
    for wrong in (ids, ids[:1], [ids[1], ids[1]]):
        with pytest.raises(ClosedError, match="already"):
            pool.put(wrong)
        assert (pool.avail_count, pool.in_use_count) == (SIZE - 3, 3)
    pool.put(ids[1:])
    with pytest.raises(ClosedError):
        pool.put(range(SIZE + 1))


def test_an_unchecked_pool_leaves_that_to_the_caller(eal: Eal, name: str):
    with ObjectPool.create(name, SIZE, "u8", checked=False) as pool:
        ids = pool.get(4)
        with pytest.raises(ValueError, match="checked=False"):
            pool.outstanding()
        pool.put(ids)
        assert pool.avail_count == SIZE


@pytest.mark.parametrize("bad", [-1, SIZE, 1 << 31, 1 << 32, (1 << 64) - 1])
def test_foreign_objects_are_refused_as_a_whole(pool: ObjectPool, bad: int):
    ids = pool.get(2)
    for use in (pool.put, pool.read, pool.addresses, lambda x: pool.write(x, 0)):
        with pytest.raises(ValueError, match="is allowed"):
            use(np.array([ids[0], bad], np.uint64 if bad > 1 << 62 else np.int64))
    assert pool.in_use_count == 2
    pool.put(ids)


def test_foreign_pointers_are_refused(pool: ObjectPool, eal: Eal, name: str):
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


def test_ids_come_into_an_array_of_the_users(pool: ObjectPool):
    mine = np.full(40, -1, np.intp)
    got = pool.get(32, out=mine)
    assert got.base is mine
    assert (mine[:32] >= 0).all()
    assert (mine[32:] == -1).all()
    pool.put(got)
    mine.setflags(write=False)
    for bad in (mine, mine[::2], np.zeros(3, np.intp)):
        with pytest.raises(ValueError, match="places in a row"):
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


def test_padded_dtypes_keep_their_offsets_and_overlapping_ones_are_refused(eal: Eal, name: str):
    padded = np.dtype([("a", "u1"), ("b", "u8")], align=True)
    with ObjectPool.create(name, 5, padded) as pool:
        assert pool.dtype.fields["b"][1] == 8
    union = np.dtype({"names": ["a", "b"], "formats": ["u4", "u2"], "offsets": [0, 0]})
    with pytest.raises(TypeError, match="none over another"):
        ObjectPool.create(name, 5, union)


@pytest.mark.parametrize("size", [8, 1500, 3000])
def test_objects_in_several_runs(eal: Eal, name: str, size: int):
    """Objects for devices do not cross a page, so their distance is not always the same."""
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


def test_one_object_is_shared_and_out_of_range_refused(pool: ObjectPool):
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


def test_lookup_finds_the_same_object_and_its_kind(pool: ObjectPool, name: str):
    assert ObjectPool.lookup(pool.name) is pool
    with pytest.raises(TypeError, match="not of mbufs"):
        Mempool.lookup(pool.name)
    with pytest.raises(NotFoundError):
        ObjectPool.lookup("no-such")
    with (
        Mempool.create(f"{name}-mbufs", 7, cache_size=0),
        pytest.raises(TypeError, match="made by"),
    ):
        ObjectPool.lookup(f"{name}-mbufs")


def test_what_an_lcore_caches_is_not_in_use(eal: Eal, name: str):
    with ObjectPool.create(name, 255, "u8", cache_size=32) as pool:
        pool.put(pool.get(32))
        assert list(pool.cache_counts) == [lcore.current()]
        assert (pool.in_use_count, pool.avail_count) == (0, 255)


def test_close_refuses_while_objects_are_out(eal: Eal, name: str):
    """rte_mempool_free takes it, and they dangle."""
    pool = ObjectPool.create(name, SIZE, "u8")
    ids = pool.get(3)
    with pytest.raises(InUseError, match="3 of its 1023 objects are out"):
        pool.close()
    pool.put(ids)
    pool.close()


@pytest.mark.parametrize("look", [lambda p: p.array, lambda p: p[0], lambda p: p.arrays[0][5:]])
def test_close_refuses_while_a_view_is_alive(eal: Eal, name: str, look):
    pool = ObjectPool.create(name, SIZE, FLOW)
    view = look(pool)
    with pytest.raises(InUseError, match="1 numpy view"):
        pool.close()
    del view
    pool.close()


def test_a_closed_pool_is_refused_and_closes_again(eal: Eal, name: str):
    pool = ObjectPool.create(name, SIZE, "u8")
    pool.close()
    pool.close()
    uses = [
        lambda: pool.get(1), lambda: pool.put([0]), lambda: pool.array, lambda: pool[0],
        lambda: pool.read([0]), lambda: pool.write([0], 0), lambda: pool.addresses([0]),
        lambda: pool.ids([0]), lambda: pool.chunks, pool.outstanding, lambda: pool.avail_count,
        lambda: pool.flags, lambda: pool.ops_name,
    ]  # fmt: skip
    for use in uses:
        with pytest.raises(ClosedError):
            use()


@pytest.mark.hugepages
def test_another_process_finds_the_pool_with_its_dtype(run_script):
    """Ids, kind and what is out are the same in both; closing there frees nothing."""
    done = run_script("""
        import subprocess, sys
        import numpy as np
        from pydpdk import ObjectPool
        OTHER = '''
        import sys
        import pydpdk
        from pydpdk import ObjectPool
        lcore = int(sys.argv[2])
        with pydpdk.init(file_prefix=sys.argv[1], proc_type="secondary", lcores=(lcore,)):
            with ObjectPool.lookup("flows") as pool:
                out = pool.outstanding()
                print(pool.dtype.names, pool.array["id"][out].tolist(), flush=True)
                pool.put(out[:1])
                pool.array["id"][out[1]] = 77
        '''
        with init() as eal:
            with ObjectPool.create("flows", 63, [("id", "u4"), ("n", "u8")]) as pool:
                ids = pool.get(2)
                pool.array["id"][ids] = [5, 6]
                lcore = max(os.sched_getaffinity(0))
                subprocess.run([sys.executable, "-c", OTHER, PREFIX, str(lcore)], check=True)
                print(pool.outstanding().tolist() == ids[1:].tolist(), pool.read(ids[1:])["id"])
                pool.put(ids[1:])
                print(pool)
    """)
    assert done.stdout.splitlines() == [
        "('id', 'n') [5, 6]", "True [77]", "<ObjectPool 'flows' n=63 in_use=0>",
    ], done.stderr  # fmt: skip

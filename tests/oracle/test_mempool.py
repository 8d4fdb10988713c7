"""mempool_autotest (app/test/test_mempool.c): its cases from Python, and itself.

Not ported, as they have no public counterpart: user-owned caches (Python threads that are lcores
have DPDK's), mempool events (internal to DPDK), and the steps of populating.
"""

import threading

import numpy as np
import pytest

from oracle.dpdk_test import run_autotest
from pydpdk import Eal, Mempool, MempoolFlag, ObjectPool
from pydpdk.errors import (
    BusyError,
    NameTakenError,
    NoRoomError,
)
from pydpdk.memory import address
from pydpdk.memory.mempool import mempools
from pydpdk.memory.memzone import memzones
from pydpdk.memory.objects_kind import PoolOps

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
@pytest.mark.parametrize("ops", [*map(str, PoolOps)])
def test_basic(eal: Eal, name: str, ops, cache_size: int):
    """test_mempool_basic: without cache, with cache, with stack ops, with the best ops."""
    with ObjectPool.create(name, SIZE, FLOW, ops_name=ops, cache_size=cache_size) as pool:
        assert (pool.ops_name, pool.cache_size, pool.capacity) == (ops, cache_size, SIZE)
        with pytest.raises(TypeError, match="len"):
            len(pool)  # type: ignore[arg-type]
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
    """test_mempool_basic_ex: one more than all raises; all or nothing."""
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
def test_flags_that_are_internal_to_dpdk(eal: Eal, name: str, flags: int):
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
def test_unknown_ops(eal: Eal, name: str, ops):
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


def test_pools_that_lose_objects_raise(eal: Eal, name: str):
    """`ring_mt_rts`: four threads lose 64 of 1,023 objects in one of seven runs."""
    for create in (
        lambda: ObjectPool.create(name, SIZE, "u8", ops_name="ring_mt_rts"),
        lambda: Mempool.create(name, SIZE, ops_name="ring_mt_rts"),
    ):
        with pytest.raises(ValueError, match=r"loses objects: .*; ring_mt_hts"):
            create()


@pytest.mark.parametrize("ops", [*map(str, PoolOps)])
def test_concurrent_threads_in_a_pool_get_objects_or_an_error(eal: Eal, name: str, ops):
    """In C two consumers of a single-consumer pool get the same objects."""
    errors = []
    with ObjectPool.create(name, SIZE, "u8", ops_name=ops) as pool:

        def work(me: int) -> None:
            for _ in range(300):
                try:
                    ids = pool.get(64)
                except BusyError as error:
                    errors.append(error)
                    continue
                pool.array[ids] = me
                assert (pool.array[ids] == me).all()
                while True:
                    try:
                        pool.put(ids)
                        break
                    except BusyError as error:
                        errors.append(error)

        threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert pool.avail_count == SIZE
    assert ops in ONE_BY_ONE or not errors


def test_objects_that_devices_do_not_use(eal: Eal, name: str):
    """MEMPOOL_F_NON_IO: set where there is no IOVA, and only there.

    test_mempool_flag_non_io_set_when_no_iova_contig_set,
    test_mempool_flag_non_io_unset_when_populated_with_valid_iova
    """
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


@pytest.mark.parametrize("n", [0, -1, 1 << 31])
def test_counts_out_of_range(eal: Eal, name: str, n: int):
    """n = 0: EINVAL."""
    with pytest.raises(ValueError, match=rf"n must be 1\.\..*\(got {n}\)"):
        ObjectPool.create(name, n, "u8")


def test_bigger_than_memory_raises_no_room_and_leaves_nothing(run_script):
    """ENOMEM; under a limit, because the attempt takes all pages it can get."""
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
def test_names_that_dpdk_leaks_on(eal: Eal, length: int):
    """26 to 28 characters: ENAMETOOLONG, and memzone MP_<name> leaks (still in 26.07)."""
    name = "n" * length
    before = {zone.name for zone in memzones()}
    for create in (lambda: ObjectPool.create(name, 7, "u8"), lambda: Mempool.create(name, 7)):
        for _ in range(2):
            with pytest.raises(ValueError, match=r"1\.\.25"):
                create()
    assert {zone.name for zone in memzones()} == before


def test_the_longest_name(eal: Eal):
    with ObjectPool.create("n" * 25, 7, "u8") as pool:
        assert ObjectPool.lookup("n" * 25) is pool


@pytest.mark.parametrize("socket_id", [-1, -2, 9, 1 << 31])
def test_unknown_sockets(eal: Eal, name: str, socket_id: int):
    with pytest.raises(ValueError, match="socket_id"):
        ObjectPool.create(name, SIZE, "u8", socket_id=socket_id)

"""Pools of objects looked up, closed and used after that, here and in another process."""

import numpy as np
import pytest

from pydpdk import Eal, Mempool, ObjectPool, lcore
from pydpdk.errors import (
    ClosedError,
    InUseError,
    NotFoundError,
)

SIZE = 1023
FLOW = np.dtype([("id", "<u4"), ("bytes", "<u8"), ("mac", "u1", 6)])


@pytest.fixture
def pool(eal: Eal, name: str):
    with ObjectPool.create(name, SIZE, FLOW) as made:
        yield made


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


def test_close_raises_while_objects_are_outstanding(eal: Eal, name: str):
    """rte_mempool_free accepts it, and they dangle."""
    pool = ObjectPool.create(name, SIZE, "u8")
    ids = pool.get(3)
    with pytest.raises(InUseError, match="3 of its 1023 objects are out"):
        pool.close()
    pool.put(ids)
    pool.close()


@pytest.mark.parametrize("look", [lambda p: p.array, lambda p: p[0], lambda p: p.arrays[0][5:]])
def test_close_raises_while_a_view_is_alive(eal: Eal, name: str, look):
    pool = ObjectPool.create(name, SIZE, FLOW)
    view = look(pool)
    with pytest.raises(InUseError, match="1 numpy view"):
        pool.close()
    del view
    pool.close()


def test_a_closed_pool_raises_and_closes_again(eal: Eal, name: str):
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
    """Ids, kind and outstanding objects agree in both processes; closing there frees nothing."""
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

"""Pools over memory of the user (app/test/test_mbuf.c of v22.11)."""

from __future__ import annotations

import numpy as np
import pytest

import pydpdk
from pydpdk import Burst, Mempool, OlFlag


@pytest.fixture
def memory() -> np.ndarray:
    return np.zeros(1 << 20, np.uint8)


def test_pktmbuf_ext_pinned_buf(
    eal: object, pool: Mempool, burst: Burst, other: Burst, memory: np.ndarray, name: str
):
    """test_pktmbuf_ext_pinned_buffer: alloc, clone, copy and bulk over memory of the user."""
    with Mempool.create_extbuf(f"{name}-ext", memory, data_room_size=2176) as ext:
        assert ext.external
        assert not pool.external
        assert ext.capacity in ((1 << 20) // 2176, ((1 << 20) - 4096) // 2176)  # whole pages only
        burst.alloc(ext, 32)
        burst.fill(b"outside")
        m = burst.mbuf(3)
        offset = m.data_addr - memory.ctypes.data
        assert memory[offset : offset + 7].tobytes() == b"outside"
        assert OlFlag.EXTERNAL in m.ol_flags
        m.data[0] = ord("O")
        clone = m.clone(pool, other)
        assert (bytes(clone), clone.data_addr, m.shared, clone.shared) == (
            b"Outside", m.data_addr, True, True)  # fmt: skip
        copy, inside = m.copy(pool, other), m.copy(ext, other)
        assert [OlFlag.EXTERNAL in c.ol_flags for c in (copy, inside)] == [False, True]
        assert (bytes(copy), bytes(inside), inside.check()) == (b"Outside", b"Outside", None)
        with pytest.raises(ValueError, match="clones need a pool"):
            m.clone(ext, other)
        with pytest.raises(ValueError, match="clones need a pool"):
            burst.clone(ext, other)
        burst.free()
        assert (other.bytes(0), ext.in_use_count) == (b"Outside", 2)
        view = other[0]
        with pytest.raises(pydpdk.InUseError, match="2 of its"):
            ext.close()
        del view
        other.free()
        with pytest.raises(ValueError, match="cannot resize"):
            memory.resize(1 << 21, refcheck=True)


def test_memory_of_a_pool_stays_while_views_live(eal: object, burst: Burst, name: str):
    ext = Mempool.create_extbuf(name, np.zeros(1 << 18, np.uint8))
    burst.alloc(ext, 2, length=4)
    view = burst[0].copy()
    kept = burst[1]
    with pytest.raises(pydpdk.InUseError, match="view is alive"):
        ext.close()
    assert kept.tobytes() == view.tobytes()
    del kept
    burst.free()
    ext.close()


def test_memory_of_a_pool_can_be_used_again(eal: object, memory: np.ndarray, name: str):
    """test_external_mem.c: registered twice EEXIST; unregistered with the pool."""
    with Mempool.create_extbuf(name, memory), pytest.raises(pydpdk.NameTakenError):
        Mempool.create_extbuf(f"{name}-2", memory)
    Mempool.create_extbuf(f"{name}-2", memory).close()


@pytest.mark.parametrize(
    "wrong",
    [None, 5, b"readonly" * 4096, "text", np.zeros(100, np.uint8),
     np.zeros((64, 4096), np.uint8)[:, ::2]],
)  # fmt: skip
def test_memory_of_a_pool_must_be_writable_pages(eal: object, name: str, wrong: object):
    with pytest.raises((TypeError, ValueError)):
        Mempool.create_extbuf(name, wrong)


def test_memory_of_a_pool_must_be_large_enough(eal: object, memory: np.ndarray, name: str):
    for options in (
        {"n": 1000},
        {"n": 0},
        {"cache_size": 513},
        {"data_room_size": 127},
        {"priv_size": 3},
    ):
        with pytest.raises(ValueError, match=next(iter(options))):
            Mempool.create_extbuf(name, memory, **options)
    Mempool.create_extbuf(name, memory, n=10).close()

"""Mirrors DPDK's mempool_autotest (app/test/test_mempool.c), as far as the API goes."""

import pytest

from pydpdk import Burst, Eal, Mempool, lcore
from pydpdk.errors import (
    ClosedError,
    DpdkError,
    InUseError,
    NameTakenError,
    NoRoomError,
    NotFoundError,
)
from pydpdk.memory.mempool import mempools, object_size_bytes
from pydpdk.memory.memzone import memzones


def test_numbers_are_as_requested(eal: Eal, name: str):
    with Mempool.create(
        name, 1023, cache_size=32, priv_size=64, data_room_size=1024, socket_id=0
    ) as pool:
        assert (pool.capacity, pool.cache_size, pool.priv_size) == (1023, 32, 64)
        assert (pool.data_room_size, pool.socket_id) == (1024, 0)
        assert (pool.avail_count, pool.in_use_count) == (1023, 0)
        info = next(p for p in mempools() if p.name == name)
        assert (info.size, info.cache_size, info.in_use_count) == (1023, 32, 0)
        assert info.elt_size == 128 + 64 + 1024
        assert info.total_size == object_size_bytes(1024, 64)


def test_all_can_be_taken_and_not_one_more(eal: Eal, name: str):
    """test_mempool_basic_ex, test_pktmbuf_pool."""
    with Mempool.create(name, 127, cache_size=0) as pool, Burst(127) as all_of_it, Burst(1) as one:
        assert all_of_it.alloc(pool) == 127
        assert (pool.avail_count, pool.in_use_count) == (0, 127)
        with pytest.raises(NoRoomError, match="rte_pktmbuf_alloc_bulk"):
            one.alloc(pool)
        assert all_of_it.free() == 127
        assert pool.avail_count == 127


def test_taking_is_all_or_nothing(eal: Eal, name: str):
    """test_pktmbuf_alloc_bulk."""
    with Mempool.create(name, 127, cache_size=0) as pool, Burst(128) as burst:
        with pytest.raises(NoRoomError):
            burst.alloc(pool)
        assert (len(burst), pool.in_use_count) == (0, 0)


def test_what_an_lcore_caches_is_not_in_use(eal: Eal, name: str):
    with Mempool.create(name, 255, cache_size=32) as pool, Burst(32) as burst:
        assert pool.cache_counts == {}
        burst.alloc(pool)
        burst.free()
        assert list(pool.cache_counts) == [lcore.current()]
        assert pool.in_use_count == 0
        assert pool.avail_count == 255


def test_a_name_is_taken_once(eal: Eal, pool: Mempool):
    with pytest.raises(NameTakenError, match=pool.name):
        Mempool.create(pool.name, 127, cache_size=0)


def test_lookup_finds_the_same_object(eal: Eal, pool: Mempool):
    assert Mempool.lookup(pool.name) is pool
    with pytest.raises(NotFoundError):
        Mempool.lookup(f"{pool.name}-not")


@pytest.mark.parametrize(
    ("bad", "what"),
    [
        ({"n": 0}, r"n must be .*\(got 0\)"),
        ({"n": -1}, r"n must be .*\(got -1\)"),
        ({"n": 1 << 31}, "n must be"),
        ({"cache_size": 513}, r"cache_size must be .*\(got 513\)"),
        ({"n": 10, "cache_size": 7}, r"0\.\.6 with n=10"),
        ({"cache_size": -1}, r"cache_size must be .*\(got -1\)"),
        ({"priv_size": 7}, "multiple of 8"),
        ({"priv_size": 1 << 16}, "priv_size"),
        ({"data_room_size": 127}, r"128\.\.65535 bytes"),
        ({"data_room_size": 1 << 16}, "data_room_size"),
        ({"socket_id": 7}, "socket_id"),
    ],
)
def test_number_out_of_range_raises(eal: Eal, name: str, bad: dict[str, int], what: str):
    """test_mempool_creation_with_exceeded_cache_size among them."""
    with pytest.raises(ValueError, match=what):
        Mempool.create(name, **{"n": 1023, "cache_size": 0, **bad})


@pytest.mark.parametrize("bad", ["", "x" * 26, "a b", "a%b", "a/b", "é"])
def test_invalid_name_raises(eal: Eal, bad: str):
    with pytest.raises(ValueError, match="mempool name"):
        Mempool.create(bad, 127, cache_size=0)


def test_longest_name_comes_and_goes(eal: Eal):
    for _ in range(2):
        Mempool.create("x" * 25, 127, cache_size=0).close()


def test_bigger_than_memory_raises_no_room_and_leaves_nothing(eal: Eal, name: str):
    before = len(memzones())
    with pytest.raises(NoRoomError):
        Mempool.create(name, 1 << 24, cache_size=0)
    assert len(memzones()) == before
    Mempool.create(name, 127, cache_size=0).close()


@pytest.mark.parametrize("ops", ["stack", "lf_stack", "ring_mp_mc"])
def test_ops_are_interchangeable(eal: Eal, name: str, ops: str):
    with Mempool.create(name, 127, cache_size=0, ops_name=ops) as pool, Burst(127) as burst:
        assert burst.alloc(pool) == 127
        assert burst.free() == 127
        assert pool.avail_count == 127


def test_unknown_ops_raise_and_leave_nothing(eal: Eal, name: str):
    with pytest.raises(DpdkError, match="error setting mempool handler"):
        Mempool.create(name, 127, cache_size=0, ops_name="nope")
    Mempool.create(name, 127, cache_size=0).close()


def test_close_raises_while_mbufs_are_outstanding(eal: Eal, name: str):
    pool = Mempool.create(name, 127, cache_size=0)
    with Burst(5) as burst:
        burst.alloc(pool)
        with pytest.raises(InUseError, match="5 of its 127 mbufs are out"):
            pool.close()
        burst.free()
    pool.close()


def test_close_raises_while_a_view_is_alive(eal: Eal, name: str):
    pool = Mempool.create(name, 127, cache_size=0)
    with Burst(1) as burst:
        burst.alloc(pool, length=64)
        view = burst[0][10:]
        with pytest.raises(InUseError, match="1 numpy view"):
            pool.close()
        del view
        burst.free()
    pool.close()


def test_close_raises_while_a_port_uses_the_pool(device, name: str):
    pool = Mempool.create(name, 127, cache_size=0)
    port = device("net_null_mp")
    port.configure(mempool=pool)
    with pytest.raises(InUseError, match="net_null_mp"):
        pool.close()
    port.close()
    pool.close()


def test_a_port_releases_its_previous_pool(device, pool: Mempool, name: str):
    former = Mempool.create(name, 127, cache_size=0)
    port = device("net_null_mp")
    port.configure(mempool=former)
    port.configure(mempool=pool)
    try:
        former.close()
    finally:
        port.close()
        former.close()


def test_a_closed_pool_raises_and_closes_again(eal: Eal, name: str, burst: Burst):
    pool = Mempool.create(name, 127, cache_size=0)
    pool.close()
    pool.close()
    assert repr(pool) == f"<Mempool '{name}' closed>"
    for use in (lambda: pool.capacity, lambda: pool.in_use_count, lambda: burst.alloc(pool)):
        with pytest.raises(ClosedError):
            use()


def test_repr_shows_the_state(pool: Mempool, burst: Burst):
    burst.alloc(pool, 3)
    assert repr(pool) == f"<Mempool '{pool.name}' n=511 in_use=3>"

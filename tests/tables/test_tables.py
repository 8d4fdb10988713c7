"""Faults of DPDK's tables that pydpdk works around: `docs/upstream` has each of them."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator

import numpy as np
import pytest
from routes_model import Keys, as_keys, routes_of, walk_routes

from pydpdk import Bpf, Burst, Eal, Fib, Fib6, Hash, Mempool, Meter, NoRoomError
from pydpdk.tables.meter import Color

V4_LAST, V6_LAST = (1 << 32) - 1, (1 << 128) - 1
AROUND_64 = (1, 31, 32, 33, 62, 63, 64, 65, 127, 128, 129, 192, 256)


@pytest.fixture
def fib(eal: Eal, name: str) -> Iterator[Fib]:
    with Fib(name, nh_bytes=1, default_nh=9, max_routes=100, num_tbl8=5) as made:
        yield made


@pytest.fixture
def fib6(eal: Eal, name: str) -> Iterator[Fib6]:
    with Fib6(f"{name}v6", default_nh=9, max_routes=100, num_tbl8=26) as made:
        yield made


def hops6(fib6: Fib6, *addresses: int) -> list[int]:
    data = b"".join(each.to_bytes(16, "big") for each in addresses)
    return fib6.find(np.frombuffer(data, np.uint8).reshape(-1, 16)).tolist()


def test_a_default_route_added_last_keeps_the_longer_ones(fib: Fib):
    """rte_fib_add, rte_rib_insert, rte_rib_remove."""
    asked = [0, 0x08080808, 0x80000000, V4_LAST]
    fib.add("0.0.0.0/1", 1)
    fib.add("128.0.0.0/1", 2)
    fib.add("0.0.0.0/0", 3)
    assert fib.find(asked).tolist() == [1, 1, 2, 2]
    fib.add("0.0.0.0/0", 4)
    assert fib.find(asked).tolist() == [1, 1, 2, 2]
    fib.delete("128.0.0.0/1")
    assert fib.find(asked).tolist() == [1, 1, 4, 4]
    fib.add("128.0.0.0/1", 2)
    fib.delete("0.0.0.0/0")
    assert fib.find(asked).tolist() == [1, 1, 2, 2]


def test_a_default_route_in_an_empty_table(fib: Fib, fib6: Fib6):
    fib.add("0.0.0.0/0", 3)
    fib6.add("::/0", 3)
    assert fib.find([0, V4_LAST]).tolist() == hops6(fib6, 0, V6_LAST) == [3, 3]
    fib.delete("0.0.0.0/0")
    fib6.delete("::/0")
    assert fib.find([0, V4_LAST]).tolist() == hops6(fib6, 0, V6_LAST) == [9, 9]


def test_a_prefix_of_ipv6_that_ends_last_keeps_the_others(fib6: Fib6):
    """rte_fib6_add, rte_rib6_insert, rte_rib6_remove."""
    asked = 0, 0x2001 << 112, 0xFE80 << 112, V6_LAST
    fib6.add("2000::/3", 5)
    fib6.add("fe00::/8", 1)
    fib6.add("ff00::/8", 2)
    fib6.add("fe00::/7", 3)
    assert hops6(fib6, *asked) == [9, 5, 1, 2]
    fib6.delete("fe00::/7")
    assert hops6(fib6, *asked) == [9, 5, 1, 2]


def test_two_halves_cover_any_prefix_at_the_end(fib6: Fib6):
    for depth in range(128):
        whole = V6_LAST >> (128 - depth) << (128 - depth)
        half = 1 << (127 - depth)
        parts = (whole, depth + 1), (whole | half, depth + 1), (whole, depth)
        for hop, part in enumerate(parts):
            fib6.add(fib6._network(part), hop)
        before, first = (whole - 1, 9) if depth else (V6_LAST, 1)
        found = hops6(fib6, before, whole, whole | half - 1, whole | half, V6_LAST)
        assert found == [first, 0, 0, 1, 1]
        for part in parts:
            fib6.delete(fib6._network(part))
        assert hops6(fib6, 0, whole, whole | half, V6_LAST) == [9] * 4


def test_a_route_added_and_deleted_frees_its_steps(fib: Fib, fib6: Fib6):
    for i in range(500):
        fib.add(f"10.1.{i % 256}.7/32", 1)
        fib.delete(f"10.1.{i % 256}.7/32")
        fib6.add(f"2001:db8:{i:x}::7/128", 1)
        fib6.delete(f"2001:db8:{i:x}::7/128")
    assert (fib._c.routes.steps, fib6._c.routes.steps) == (0, 0)
    fib6.add("2001:db8::/128", 1)
    fib6.add("2001:db9::/128", 2)  # 13 steps each
    assert hops6(fib6, 0x20010DB8 << 96, 0x20010DB9 << 96) == [1, 2]


def test_a_route_with_the_next_hop_of_its_parent_counts(fib: Fib):
    fib.add("0.0.0.0/0", 1)
    for _ in range(10):
        fib.add("10.1.1.7/32", 1)
        fib.delete("10.1.1.7/32")
        fib.add("192.0.2.1/32", 1)
        fib.delete("192.0.2.1/32")
    for i in range(5):
        fib.add(f"192.0.{i}.1/32", 1)
    with pytest.raises(NoRoomError, match="5 of 5 tbl8"):
        fib.add("198.18.0.1/32", 1)
    fib.add("0.0.0.0/0", 2)
    asked = [0xC0000001, 0xC0000101, 0xC0000102, 0xC6120001]
    assert fib.find(asked).tolist() == [1, 1, 2, 2]


def test_a_rejected_route_changes_nothing(fib: Fib, fib6: Fib6):
    for i in range(5):
        fib.add(f"10.0.{i}.128/25", i)
    for prefix in ("10.0.5.0/25", "255.255.255.255/32", "0.0.0.0/32"):
        with pytest.raises(NoRoomError, match="5 of 100 routes, 5 of 5 tbl8"):
            fib.add(prefix, 7)
    fib.add("10.0.4.0/26", 8)  # it needs none
    assert fib.find([0x0A000500, V4_LAST, 0, 0x0A000480, 0x0A000400]).tolist() == [
        9,
        9,
        9,
        4,
        8,
    ]
    fib6.add("2001:db8::1/128", 1)
    fib6.add("ffff::1/128", 2)
    for prefix in ("2001:db9::/64", "::/25", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128"):
        with pytest.raises(NoRoomError, match="2 of 100 routes, 26 of 26 tbl8"):
            fib6.add(prefix, 7)
    assert hops6(fib6, 0x20010DB9 << 96, 0, V6_LAST, (0xFFFF << 112) + 1) == [9, 9, 9, 2]
    fib6.delete("ffff::1/128")
    fib6.add("2001:db9::/64", 7)
    assert hops6(fib6, 0x20010DB9 << 96, (0xFFFF << 112) + 1) == [7, 9]


def test_as_many_routes_fit_as_requested(eal: Eal, name: str):
    for kind, top in ((Fib, 1 << 28), (Fib6, 1 << 124)):
        with kind(name, max_routes=16) as table:
            for i in range(16):
                table.add(table._network((i * top, 4)), i)
            with pytest.raises(NoRoomError, match="16 of 16 routes"):
                table.add(table._network((0, 0)), 20)
            table.add(table._network((0, 4)), 21)
            table.delete(table._network((0, 4)))
            table.add(table._network((0, 0)), 20)  # by parts, although the table is full


@pytest.mark.parametrize(("kind", "size"), [(Fib, 1), (Fib, 2), (Fib, 4), (Fib6, 2), (Fib6, 4)])
def test_random_steps_match_the_model(eal: Eal, name: str, kind: type[Fib | Fib6], size: int):
    """`scripts/tools/table_model` takes a million steps, with 8-byte next hops too."""
    table = routes_of(kind, name, size, random.Random(f"{kind.__name__} {size}"))
    with table.fib:
        for _ in walk_routes([table], 1000, check_every=100):
            pass
    assert min(table.done["added"], table.done["deleted"]) > 50


@pytest.mark.parametrize(("kind", "whole"), [(Fib, "0.0.0.0/0"), (Fib6, "::/0")])
def test_a_lookup_beside_changes_finds_the_old_or_the_new(
    eal: Eal, name: str, kind: type[Fib | Fib6], whole: str
):
    """The steps of the other route come and go, and this address is in them too."""
    with kind(name) as table:
        bits = table._network(whole).max_prefixlen
        near = table._network((0x0A << (bits - 8), bits))
        asked = np.zeros((50_000, bits // 8), np.uint8)
        asked[:, 0], asked[:, -1] = 0x0A, 1
        if kind is Fib:
            asked = asked.view(">u4").astype(np.uint32).ravel()
        table.add(whole, 1)
        found: list[int] = []
        stop = threading.Event()

        def look() -> None:
            while not stop.is_set():
                found.extend(np.unique(table.find(asked)).tolist())

        thread = threading.Thread(target=look)
        thread.start()
        for i in range(2000):
            table.add(near, 2)
            table.delete(near)
            if i % 100 == 0:
                table.add(whole, 1 + i // 100 % 2 * 4)
        stop.set()
        thread.join()
        assert set(found) <= {1, 5}


def test_a_column_of_a_burst_finds_its_routes(fib: Fib, pool: Mempool, burst: Burst):
    from packets import ethernet, ipv4, udp

    fib.add("0.0.0.0/1", 1)
    fib.add("128.0.0.0/1", 2)
    fib.add("0.0.0.0/0", 3)
    burst.alloc(pool, 32)
    burst.fill(ethernet(0x0800, ipv4(udp(b"x"))))
    burst.rewrite("ipv4.dst_addr", np.arange(32, dtype=np.uint32) << 27)
    assert fib.find(burst.columns["ipv4.dst_addr"]).tolist() == [1] * 16 + [2] * 16
    burst.free()


@pytest.mark.parametrize("key", ["u2", "u4", ("u1", 16), ("u1", 13)])
def test_keys_are_found_in_batches_of_any_size(eal: Eal, name: str, key: object):
    """rte_hash_lookup_bulk: also if all keys of a batch are in extended buckets."""
    with Hash(name, key, entries=400) as table:
        numbers = list(range(400))
        positions = table.add(as_keys(table.dtype, numbers))
        for n in AROUND_64:
            for start in (*range(0, 400 - n, 37), 400 - n):
                some = as_keys(table.dtype, numbers[start : start + n])
                assert (table.find(some) == positions[start : start + n]).all()
        one = positions[7]
        for n in AROUND_64:
            assert (table.find(as_keys(table.dtype, [7] * n)) == one).all()


def some_keys(n: int) -> np.ndarray:
    """Return distinct keys, none of which is 0."""
    return np.random.default_rng(n).permutation(1 << 16)[:n].astype(np.uint32) + 1


def test_keys_in_extended_buckets_are_found_in_batches_of_64(eal: Eal, name: str):
    """A full table has some; which ones is unknown."""
    with Hash(name, "u4", entries=1024) as table:
        keys = some_keys(1024)
        positions = table.add(keys)
        for n in (63, 64, 65):
            found = [table.find(np.full(n, key)) for key in keys]
            assert (np.array(found) == positions[:, None]).all()


def test_a_key_of_zeros_is_found_once(eal: Eal, name: str):
    """An empty place of its bucket looks equal to rte_hash_add_key."""
    with Hash(name, "u4", entries=64) as table:
        others = some_keys(40)
        table.add(others)
        zero = table.add([0])
        table.delete(others)
        for _ in range(3):
            assert table.add([0]) == zero
        assert (len(table), table.items()[0].tolist()) == (1, [0])
        assert table.delete([0]) == zero
        assert (len(table), table.find([0]).tolist()) == (0, [-1])


@pytest.mark.parametrize("entries", [8, 60])
def test_random_batches_of_keys_match_a_dictionary(eal: Eal, name: str, entries: int):
    with Hash(name, "u1", entries=entries) as table:
        beside = Keys(table, random.Random(entries))
        for _ in range(1500):
            beside.step()
        beside.check_all()
    assert min(beside.done.values()) > 0


@pytest.mark.parametrize("n", AROUND_64)
def test_masks_meters_and_filters_of_any_size(eal: Eal, name: str, n: int):
    from packets import ethernet, ipv4, udp

    with Mempool.create(name, 1023) as pool, Burst(256) as burst, Burst(256) as other:
        burst.alloc(pool, n)
        burst.fill(ethernet(0x0800, ipv4(udp(b"x"))))
        burst.rewrite("udp.dst_port", np.arange(n) % 2 + 52)
        odd = np.arange(n) % 2 == 1
        with Bpf("udp port 53") as bpf:
            assert (bpf.match(burst) == odd).all()
        colors = Meter(1, 100, n=n).color(np.arange(n), 100)
        assert (colors == Color.GREEN).all()
        assert burst.take(odd, other) == odd.sum()
        assert (len(burst), len(other)) == (n - odd.sum(), odd.sum())
        assert (other.columns["udp.dst_port"] == 53).all()
        assert burst.drop(np.ones(len(burst), bool)) == 0
        other.free()
        assert pool.in_use_count == 0

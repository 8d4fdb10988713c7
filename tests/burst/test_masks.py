"""Masks: kept packets stay in order, the others are freed or moved, none is lost."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

import pydpdk
from pydpdk import Burst, Mempool, NoRoomError
from pydpdk.errors import ClosedError, InUseError


@pytest.fixture
def other(pool: Mempool) -> Iterator[Burst]:
    with Burst(16) as made:
        yield made
        made.free()


@pytest.fixture
def numbered(pool: Mempool, burst: Burst) -> Burst:
    """Return 32 packets that contain their number."""
    burst.alloc(pool)
    burst.fill([bytes([i]) * 60 for i in range(32)])
    return burst


def numbers(burst: Burst) -> list[int]:
    return [burst.bytes(i)[0] for i in range(len(burst))]


@pytest.mark.parametrize("seed", range(6))
def test_keep_and_drop_free_the_others_in_order(pool: Mempool, numbered: Burst, seed: int):
    """rte_pktmbuf_free_bulk."""
    mask = np.random.default_rng(seed).random(32) < seed / 5
    kept = np.flatnonzero(mask).tolist()
    assert numbered.keep(mask) == len(kept)
    assert (numbers(numbered), pool.in_use_count) == (kept, len(kept))
    half = np.arange(len(kept)) % 2 == 0
    assert numbered.drop(half) == len(kept[1::2])
    assert (numbers(numbered), pool.in_use_count) == (kept[1::2], len(kept[1::2]))


def test_more_packets_than_are_freed_at_once(eal: pydpdk.Eal, name: str):
    with Mempool.create(name, 1023, cache_size=0) as pool, Burst(1000) as burst:
        burst.alloc(pool, 1000, length=60)
        burst.poke(0, np.arange(1000, dtype=">u2").view(np.uint8).reshape(1000, 2))
        burst.keep(np.arange(1000) % 3 == 0)
        assert burst.peek(0, 2).view(">u2").ravel().tolist() == list(range(0, 1000, 3))
        assert pool.in_use_count == 334
        burst.free()


def test_an_earlier_mbuf_object_is_stale(numbered: Burst):
    mbuf = numbered.mbuf(0)
    numbered.keep(np.ones(32, bool))
    with pytest.raises(ClosedError):
        mbuf.pkt_len  # noqa: B018


def test_take_appends_to_the_burst(numbered: Burst, other: Burst, pool: Mempool):
    mask = np.arange(32) < 3
    assert numbered.take(mask, other) == 3
    assert numbered.take(np.arange(29) % 10 == 0, other) == 3
    assert numbers(other) == [0, 1, 2, 3, 13, 23]
    assert len(numbered) == 26
    assert pool.in_use_count == 32


def test_take_without_room_moves_nothing(numbered: Burst, other: Burst):
    with pytest.raises(NoRoomError):
        numbered.take(np.ones(32, bool), other)
    assert (len(numbered), len(other)) == (32, 0)


def test_split_by_a_mask_makes_two(numbered: Burst, pool: Mempool):
    rest, small = numbered.split(np.arange(32) < 5)
    with rest, small:
        assert (numbers(rest), numbers(small)) == (list(range(5, 32)), list(range(5)))
        assert (len(numbered), pool.in_use_count) == (0, 32)
        rest.free(), small.free()


def test_split_by_classes(numbered: Burst):
    made = numbered.split(np.arange(32) % 3)
    assert [numbers(b) for b in made] == [list(range(i, 32, 3)) for i in range(3)]
    for burst in made:
        burst.free()
        burst.close()


def test_split_into_existing_bursts(numbered: Burst, other: Burst):
    with Burst(32) as wide:
        assert numbered.split(np.arange(32) % 4 == 0, into=[wide, other]) == (wide, other)
        assert numbers(other) == list(range(0, 32, 4))
        wide.free()


def test_split_that_raises_moves_nothing(numbered: Burst, other: Burst):
    with Burst(32) as wide:
        for classes, into, error in (
            (np.ones(32, bool), [wide, other], NoRoomError),
            (np.full(32, 2), [wide, other], ValueError),
            (np.full(32, -1), [wide, other], ValueError),
            (np.zeros(32, int), [wide, wide], ValueError),
            (np.zeros(32, int), [wide, numbered], ValueError),
            (np.zeros(32, int), [], ValueError),
            (np.zeros(31, int), [wide], ValueError),
            (np.zeros(32), [wide], TypeError),
            (np.zeros(32, int), [None], TypeError),
            (np.full(32, 5000), None, ValueError),
        ):
            with pytest.raises(error):
                numbered.split(classes, into=into)
        assert (len(numbered), len(wide), len(other)) == (32, 0, 0)


def test_split_into_a_closed_burst_moves_nothing(numbered: Burst, other: Burst):
    closed = Burst(32)
    closed.close()
    with pytest.raises(ClosedError):
        numbered.split(np.arange(32) % 2, into=[other, closed])
    with pytest.raises(ClosedError):
        numbered.take(np.ones(32, bool), closed)
    assert (len(numbered), len(other)) == (32, 0)
    assert numbered.take(np.arange(32) == 0, other) == 1


@pytest.mark.parametrize("mask", [np.ones(31, bool), np.ones(32), np.ones((32, 1), bool), True, 1])
def test_an_invalid_mask_raises(numbered: Burst, other: Burst, mask: object):
    for call in (numbered.keep, numbered.drop, lambda m: numbered.take(m, other)):
        with pytest.raises((TypeError, ValueError), match="mask must"):
            call(mask)
    assert len(numbered) == 32


def test_packets_with_views_are_not_freed(numbered: Burst, other: Burst):
    view = numbered[0]
    for call in (
        lambda: numbered.keep(np.zeros(32, bool)),
        lambda: numbered.take(np.ones(32, bool), other),
        lambda: numbered.split(np.ones(32, bool)),
    ):
        with pytest.raises(InUseError, match="views alive"):
            call()
    assert view[0] == 0
    del view


def test_an_empty_burst_has_an_empty_mask(burst: Burst):
    assert burst.keep(np.zeros(0, bool)) == 0
    rest, chosen = burst.split(np.zeros(0, bool))
    rest.close(), chosen.close()


def test_without_check_mode_masks_take_the_fast_path(run_script):
    """The same results and the same exceptions."""
    done = run_script(
        """
        import numpy as np
        with init(), Mempool.create("p", 255, cache_size=0) as pool, Burst(8) as burst:
            burst.alloc(pool, 8, length=60)
            burst.poke(0, np.arange(8, dtype=np.uint8).reshape(8, 1))
            even = np.arange(8) % 2 == 0
            print(burst.keep(even), burst.drop(even[:4]), burst.peek(0, 1).ravel().tolist())
            for mask in (even, even[:2][::-1], [True, False], np.ones(2), None):
                try:
                    print(burst.keep(mask), pool.in_use_count)
                except (ValueError, TypeError) as error:
                    print(type(error).__name__)
            burst.free()
        print(pydpdk.burst.burst.CHECK)
        """,
        PYDPDK_CHECK="0",
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "4 2 [2, 6]", "ValueError", "1 1", "ValueError", "TypeError", "TypeError", "False",
    ]  # fmt: skip

"""Columns, bytes and selection on the fast path: when it is taken, and what the rest does."""

import operator
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from packets import ethernet, ipv4, udp

from pydpdk import Burst, ClosedError, Mempool
from pydpdk.burst.columns import Bound, Columns, names

N = 8
FIELD, MAC = "ipv4.src_addr", "ether.dst_addr"
U4 = np.arange(N, dtype=np.uint32)
MASK = U4 % 2 == 0


def frames(function: Callable[..., Any], *arguments: Any, **options: Any) -> tuple[Any, int]:
    """Return the result, and how many functions in Python ran for it."""
    seen = []
    sys.setprofile(lambda frame, event, _: seen.append(frame) if event == "call" else None)
    try:
        result = function(*arguments, **options)
    finally:
        sys.setprofile(None)
    return result, len(seen)


@pytest.fixture
def full(pool: Mempool, eal):
    """Return a burst of UDP packets."""
    with Burst(2 * N) as burst:
        burst.alloc(pool, N)
        burst.fill([ethernet(0x0800, ipv4(udp(bytes(20 + i)))) for i in range(N)])
        yield burst
        burst.free()


def test_a_name_is_known_after_its_first_use(full):
    columns = full.columns
    for key in (FIELD, (FIELD, MAC)):
        first = columns[key]
        again, ran = frames(operator.getitem, columns, key)
        assert ran == 0
        assert np.array_equal(first[0], again[0])
    columns[FIELD] = U4
    for value in (U4 + 1, 7):
        assert frames(operator.setitem, columns, FIELD, value)[1] == 0
        assert (columns[FIELD] == value).all()


def test_every_column_is_the_same_on_both_paths(full):
    """In one call as many as the fast path has room for, and more."""
    columns, wanted = full.columns, names()
    wanted.remove("mbuf.timestamp")
    long = {name: columns[name] for name in wanted}
    for name in wanted:
        short, ran = frames(operator.getitem, columns, name)
        assert ran == 0
        assert short.dtype == long[name].dtype
        assert np.array_equal(short, long[name])
    for count in (1, 32, 33):
        several, ran = frames(operator.getitem, columns, tuple(wanted[:count]))
        assert (ran == 0) == (count <= 32)
        for name, values in zip(wanted, several, strict=False):
            assert np.array_equal(values, long[name])


@pytest.mark.parametrize(
    ("key", "value"),
    [
        (FIELD, U4[::2]), (FIELD, U4.astype(">u4")), (FIELD, U4.astype("u8")), (FIELD, 1 << 32),
        (FIELD, -1), (FIELD, 1.5), (FIELD, None), (FIELD, True), (MAC, 5), (MAC, U4),
        (MAC, np.zeros((N, 7), np.uint8)), (MAC, bytes(6)), ("udp?", MASK), ("nothing", 1),
    ],
)  # fmt: skip
def test_values_that_do_not_match_are_converted_or_refused(full, key: str, value: Any):
    columns = full.columns
    for name in (FIELD, MAC, "udp?"):
        columns[name]  # known from here on
    before = [full.bytes(i) for i in range(N)]
    try:
        _, ran = frames(operator.setitem, columns, key, value)
    except (ValueError, TypeError):
        assert [full.bytes(i) for i in range(N)] == before
    else:
        assert ran > 0
        wanted = list(value) if isinstance(value, bytes) else value
        assert np.array_equal(columns[key], np.broadcast_to(wanted, columns[key].shape))


def test_columns_cannot_be_deleted(full):
    with pytest.raises(AttributeError, match="__delitem__"):
        del full.columns[FIELD]


def test_columns_are_those_of_a_burst_that_was_opened(eal):
    with pytest.raises(TypeError, match="a Burst that __init__ made"):
        Columns(Burst.__new__(Burst))
    with pytest.raises(AttributeError):
        Bound.__new__(Bound)()


def test_bound_columns_return_the_same_arrays_for_as_many_packets(full, pool: Mempool):
    bound = full.columns.bind(FIELD, "udp?")
    eight, ran = bound(), frames(bound)[1]
    assert ran == 0
    assert bound() is eight
    full.keep(MASK)
    four, ran = bound(), frames(bound)[1]
    assert ran == 0
    assert bound() is four
    assert [len(values) for values in four] == [4, 4]
    assert np.shares_memory(four[0], eight[0])
    with Burst(N) as whole:
        whole.alloc(pool)
        full_length = whole.columns.bind("mbuf.pkt_len")
        assert full_length() is full_length()
        assert len(full_length()[0]) == N
        whole.free()
        assert len(full_length()[0]) == 0
    with pytest.raises(ClosedError):
        full_length()


def test_bound_columns_take_no_arguments(full):
    bound = full.columns.bind(FIELD)
    for arguments, options in (((1,), {}), ((), {"n": 1})):
        with pytest.raises(TypeError, match="__call__"):
            bound(*arguments, **options)


def test_selection_takes_the_fast_path(full):
    lengths, ran = frames(lambda: full.lengths)
    assert ran == 1  # the lambda
    assert lengths.tolist() == [len(full.bytes(i)) for i in range(N)]
    with Burst(N) as other, Burst(N) as third:
        assert frames(full.take, MASK, other) == (4, 0)
        assert other.lengths.tolist() == lengths[::2].tolist()
        into = third, full
        assert frames(other.split, MASK[:4], into) == (into, 0)
        assert third.lengths.tolist() == lengths[2::4].tolist()
        third.free()


def test_without_check_mode_keep_and_drop_take_the_fast_path(run_script):
    done = run_script(
        """
        import sys
        import numpy as np
        eal = init()
        pool, burst = Mempool.create("p", 127, cache_size=0), Burst(8)
        burst.alloc(pool)
        mask, seen = np.arange(8) % 2 == 0, []
        sys.setprofile(lambda frame, event, _: seen.append(event))
        left = burst.keep(mask), burst.drop(mask[:4])
        sys.setprofile(None)
        print(left, seen.count("call"), pool.in_use_count)
        for wrong in (1, mask, np.ones(2, np.uint8)):
            try:
                burst.keep(wrong)
            except (TypeError, ValueError) as error:
                print(type(error).__name__)
        print(burst.keep([True, False]), burst.drop(mask=np.ones(1, bool)), pool.in_use_count)
        burst.close()
        eal.close()
        """,
        PYDPDK_CHECK="0",
    )
    wanted = "(4, 2) 0 2\nTypeError\nValueError\nTypeError\n1 0 0\n"
    assert (done.stdout, done.returncode) == (wanted, 0), done.stderr


def test_bytes_take_the_fast_path(full):
    data, ran = frames(full.peek, 0, 6)
    assert (ran, data.shape, data.dtype) == (0, (N, 6), np.uint8)
    assert frames(full.poke, 6, b"abcdef") == (None, 0)
    assert full.bytes(3)[6:12] == b"abcdef"
    wide = full.peek(0, 1000)  # more than any packet has
    assert not wide.any()
    valid = np.zeros(N, np.bool_)
    assert full.peek(0, 6, valid=valid).any()
    assert valid.all()

"""Compiled code with arrays, rings and packets, and its errors."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pydpdk import Burst, CompileError, Ring, Worker, worker
from pydpdk.errors import InUseError
from pydpdk.lcore import running


@worker
def keeps(burst, mempool, ring, mask):
    burst.alloc(mempool, 8, 20)
    for i in range(8):
        burst[i][0] = i
    kept = burst.keep(mask)
    ring.tx(burst)
    return kept


def test_keep_frees_the_others_in_order(pool, burst, name: str):
    mask = np.array([1, 0, 0, 1, 1, 0, 1, 0], bool)
    with Ring.create(name, 16, element="mbuf") as ring:
        assert keeps.launch(burst, pool, ring, mask).result() == 4
        assert pool.in_use_count == ring.rx(burst) == 4
        assert [burst.bytes(i)[0] for i in range(4)] == [0, 3, 4, 6]
        burst.free()
        with pytest.raises(ValueError, match="mask"):
            keeps.launch(burst, pool, ring, mask[:7]).result()
    assert pool.in_use_count == 0


@worker
def values(ring, array, out):
    return ring.enqueue_burst(array), ring.dequeue_burst(out), out[2]


def test_rings_of_values_carry_arrays(eal, name: str):
    with Ring.create(name, 8, element="float64") as ring:
        array, out = np.arange(9, dtype=float), np.zeros(3)
        assert values.launch(ring, array, out).result() == (7, 3, 2.0)
        assert len(ring) == 4
        for wrong in (np.arange(4), np.zeros((2, 2)), np.zeros(8)[::2]):
            with pytest.raises(CompileError, match="contiguous array of float64"):
                values.launch(ring, wrong, out)


@worker
def reach(burst, mempool, array, what):  # noqa: C901
    burst.alloc(mempool, 2, 20)
    p = burst[0]
    if what == 0:
        return array[len(array) + 5]
    if what == 1:
        return len(burst[2])
    if what == 2:
        return p[20]
    if what == 3:
        p[-1] = 1
    if what == 4:
        return p.get_be32(17)
    if what == 5:
        p.set_be16(19, 1)
    if what == 6:
        return p.ipv4.src_addr
    if what == 7:
        p.tcp.cksum = 1
    if what == 8:
        burst.alloc(mempool, 1)
    if what == 9:
        burst.free()
        burst.alloc(mempool, 33)
    if what == 10:
        burst.fill(array)
    if what == 11:
        return 1 // (what - 11)
    if what == 12:
        return p.get_be32(0x7FFFFFFFFFFFFFFE)
    if what == 13:
        p[np.uint64(0xFFFFFFFFFFFFFFFF)] = 1
    if what == 14:
        return len(burst[np.uint64(1 << 63)])
    if what == 15:
        burst.free()
        burst.alloc(mempool, -1)
    if what == 16:
        burst.free()
        burst.alloc(mempool, 1, 65536)
    return 0


REACHES = {
    0: IndexError, 1: IndexError, 2: IndexError, 3: IndexError, 4: IndexError, 5: IndexError,
    6: ValueError, 7: ValueError, 8: InUseError, 9: ValueError, 10: ValueError,
    11: ZeroDivisionError, 12: IndexError, 13: IndexError, 14: IndexError, 15: ValueError,
    16: ValueError,
}  # fmt: skip


@pytest.mark.parametrize("what", REACHES)
def test_beyond_the_end_is_an_exception_not_a_crash(what: int, pool, burst):
    array = np.zeros(4096, np.uint8)
    with pytest.raises(REACHES[what]):
        reach.launch(burst, pool, array, what).result()
    assert pool.in_use_count == 0


@worker
def unknown_verb(burst):
    while running():
        n = len(burst)
        burst.frobnicate(n)


@worker
def unknown_field(burst):
    return burst[0].ipv4.colour


@worker
def no_such_name(burst):
    x = 1
    return undefined + x  # noqa: F821


@worker
def at_a_fraction(burst):
    return burst[0].get_be32(0.5)


@worker
def for_a_fraction(burst, mempool):
    return burst.alloc(mempool, 1.5)


@worker
def gives_its_burst_away(burst):
    return burst


@worker
def gives_a_packet_away(burst, mempool):
    burst.alloc(mempool, 1)
    return burst[0]


def test_invalid_code_does_not_compile(burst, pool, name: str):
    with pytest.raises(CompileError):
        at_a_fraction.launch(burst)
    with pytest.raises(CompileError):
        for_a_fraction.launch(burst, pool)
    with Ring.create(name, 8, element="V12") as ring, pytest.raises(CompileError):
        takes_an_object.launch(burst, ring)


@worker
def gives_a_header_away(burst, mempool):
    burst.alloc(mempool, 1, 60)
    return burst[0].eth


def test_a_leased_object_cannot_be_returned(burst, pool):
    for gives, more in (
        (gives_its_burst_away, ()), (gives_a_packet_away, (pool,)), (gives_a_header_away, (pool,))
    ):  # fmt: skip
        with pytest.raises(TypeError, match="cannot convert native"):
            gives.launch(burst, *more).result()


@worker
def with_defaults(first, scale=3, *more):
    return first * scale + len(more)


def test_defaults_and_further_arguments_work_as_in_python(eal):
    assert with_defaults.launch(2).result() == 6
    assert with_defaults.launch(2, 5).result() == 10
    assert with_defaults.launch(2, 5, 1, 1).result() == 12
    with pytest.raises(CompileError, match="first"):
        with_defaults.launch()


@worker
def takes_an_object(burst, thing):
    return len(burst)


@pytest.mark.parametrize(
    ("launched", "line", "message"),
    [
        (unknown_verb, "burst.frobnicate(n)", "frobnicate"),
        (unknown_field, "ipv4.colour", "colour"),
        (no_such_name, "undefined + x", "undefined"),
    ],
)
def test_a_compile_error_names_the_line(launched: Worker, line: str, message: str, burst):
    source = Path(__file__).read_text().splitlines()
    number = next(i for i, text in enumerate(source, 1) if line in text)
    with pytest.raises(CompileError, match=message) as caught:
        launched.launch(burst)
    assert str(caught.value).startswith(f"{__file__}:{number}: worker {launched.__name__}: ")


def test_arguments_without_a_compiled_type_raise(burst, null):
    for thing in (object(), null, {"a": 1}):
        with pytest.raises(CompileError, match="takes_an_object"):
            takes_an_object.launch(burst, thing)


def test_without_numba_the_decorator_says_what_to_install(run_script):
    out = run_script("""
        import sys
        sys.modules["numba"] = None
        try:
            @pydpdk.worker
            def mine(): pass
        except ModuleNotFoundError as error:
            print(error)
    """)
    assert "pip install 'pydpdk[jit]'" in out.stdout, out.stderr
    assert "mine" in out.stdout


def test_only_python_functions_can_be_compiled():
    for wrong in (len, 5, Burst, None):
        with pytest.raises(TypeError, match="written in Python"):
            worker(wrong)  # type: ignore[arg-type]

"""Code that cannot be compiled: the message has the line, and what to write instead."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pydpdk import Burst, CompileError, worker


class Thing:
    x = 1


thing, table = Thing(), [1, 2]


def helper() -> int:
    return 4


def dict_of_lists(burst):
    found = {}
    found["a"] = [1]  # here
    return len(found)


def generator(burst):  # here
    yield len(burst)


def generator_expression(burst):
    return sum(x for x in range(3))  # here


async def coroutine(burst):  # here
    return len(burst)


def finally_after_error(burst):
    try:
        burst.free()
    finally:
        burst.frobnicate()  # here


def exception_as(burst):
    try:
        burst.free()
    except Exception as error:  # here
        return error
    return 0


def exception_of_a_class(burst):
    try:
        burst.free()
    except KeyError:  # here
        return 1
    return 0


def keywords(burst, **more):  # here
    return len(more)


def object_outside(burst):
    return thing.x + len(burst)  # here


def list_outside(burst):
    return table[1]  # here


def unknown_attribute(burst):
    n = len(burst)
    return n + burst.lengths  # here


def too_many_arguments(burst):
    return burst.free(1)  # here


def unknown_keyword(burst):
    return burst.vlan_push(1, colour=3)  # here


def makes_a_burst(burst):
    return Burst(3)  # here


def two_types(burst):
    x = 1
    if len(burst):
        x = "a"
    return x  # here


def makes_a_class(burst):
    class Mine:  # here
        pass

    return Mine()


def imports(burst):
    import time as clock  # here

    return clock.monotonic()


def calls_python(burst):
    return helper()  # here


def unknown_column(burst):
    burst[0].rewrite("ipv4.colour", 3)  # here


def text_for_a_number(burst):
    burst[0].ipv4.src_addr = "1.2.3.4"  # here


def iterates(burst):
    n = 0
    for packet in burst:  # here
        n += len(packet)
    return n


def clock_of_python(burst):
    return time.monotonic()  # here


ADVICE = {
    dict_of_lists: "numpy array or a tuple",
    generator: "keep what it finds in an array",
    generator_expression: "write a loop",
    coroutine: "one function to its end",
    finally_after_error: "docs/workers.md lists what there is",
    exception_as: "without `as`",
    exception_of_a_class: "except Exception:",
    keywords: "name each argument",
    object_outside: "as arguments",
    list_outside: "numpy array or a tuple",
    unknown_attribute: "'lengths' of type burst",
    too_many_arguments: "free: too many positional arguments",
    unknown_keyword: "vlan_push: got an unexpected keyword argument 'colour'",
    makes_a_burst: "as arguments",
    two_types: "one type",
    makes_a_class: "outside of workers",
    imports: "at the top of the file",
    calls_python: "numba.njit",
    unknown_column: "rewrite takes one of ipv4.type_of_service",
    text_for_a_number: "it must be a number",
    iterates: "for i in range(len(burst))",
    clock_of_python: "time",
}


@pytest.mark.parametrize("function", ADVICE, ids=lambda function: function.__name__)
def test_the_error_has_the_line_and_what_to_write_instead(
    function: Callable[..., Any], burst: Burst
):
    lines = Path(__file__).read_text().splitlines()
    first = next(i for i, line in enumerate(lines) if f"def {function.__name__}(" in line)
    number = next(i for i in range(first, len(lines)) if "# here" in lines[i]) + 1
    with pytest.raises(CompileError) as caught:
        worker(function).launch(burst)
    said = str(caught.value)
    assert said.startswith(f"{__file__}:{number}: worker {function.__name__}: ")
    assert ADVICE[function] in said
    assert said.endswith(lines[number - 1].strip())
    assert len(said.splitlines()) == 2
    assert len(said.splitlines()[0]) < 900


def prints(burst):
    print(len(burst), "packets")  # noqa: T201
    return 1


def finishes(burst, mempool, out):
    try:
        burst.alloc(mempool, 1)
    finally:
        out[0] = len(burst)


def test_print_and_finally_compile(burst, pool, capfd):
    """`print` takes the GIL for it."""
    assert worker(prints).launch(burst).result() == 1
    assert "0 packets" in capfd.readouterr().out
    out = np.zeros(1, np.int64)
    worker(finishes).launch(burst, pool, out).result()
    assert out[0] == 1

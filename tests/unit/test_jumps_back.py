"""A loop within `try` or `with` goes back under the same handler.

Where a signal handler raises as a loop goes back, from Python 3.12 on the compiler may have left
that jump out of the handlers around it: behind a condition, it is a block of its own which has
none. The `finally` does not run, a lock stays held. Such loops are functions of their own here, and
the call is under the handler.
"""

from __future__ import annotations

import dis
import sys
import types
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "pydpdk"


def codes(code: types.CodeType) -> Iterator[types.CodeType]:
    yield code
    for const in code.co_consts:
        if isinstance(const, types.CodeType):
            yield from codes(const)


def bare_jumps(code: types.CodeType) -> Iterator[int]:
    """Yield the lines of the jumps back that are under another handler than where they go to."""
    bytecode = dis.Bytecode(code)
    instructions = list(bytecode)
    names = {one.offset: one.opname for one in instructions}

    def handler(offset: int) -> int | None:
        """Return the first `except`, `finally` or `with` that what is raised there comes to.

        Others only tidy up, as those of comprehensions and generators do.
        """
        at: int | None = offset
        while at is not None:
            at = next((e.target for e in bytecode.exception_entries if e.start <= at < e.end), None)
            if at is None or names[at] == "PUSH_EXC_INFO":
                break
        return at

    line = code.co_firstlineno
    for one in instructions:
        line = (one.positions and one.positions.lineno) or line
        if one.opname == "JUMP_BACKWARD" and handler(one.argval) not in (None, handler(one.offset)):
            yield line


def compiled(source: str) -> list[int]:
    top = compile(source, "", "exec")
    return [line for code in codes(top) for line in bare_jumps(code)]


@pytest.mark.skipif(sys.version_info < (3, 12), reason="Python 3.11 has no such jump")
def test_the_jump_is_found_where_the_compiler_leaves_it_out():
    bare = "with lock:\n    while True:\n        call()\n        if late():\n            call()\n"
    assert compiled(bare) != []


def test_a_loop_of_its_own_is_under_no_handler():
    assert compiled("def f():\n    while a():\n        b()\nwith lock:\n    f()\n") == []


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: path.name)
def test_all_loops_of_the_package_go_back_under_their_handlers(path):
    assert compiled(path.read_text()) == []

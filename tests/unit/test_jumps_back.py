"""A loop within `try` or `with` jumps back under the same handler.

A signal handler may raise when a loop jumps back. From Python 3.12 on the compiler may leave that
jump out of the surrounding handlers: behind a condition it is a separate block without handlers.
Then the `finally` does not run, and a lock stays taken. Such loops are separate functions here,
and the call is under the handler.
"""

from __future__ import annotations

import dis
import sys
import types
from collections.abc import Iterator
from pathlib import Path

import pytest

TIDYING = ("POP_TOP", "POP_EXCEPT", "POP_JUMP_IF_TRUE", "RERAISE", "TO_BOOL", "NOT_TAKEN")
PACKAGE = Path(__file__).parents[2] / "pydpdk"


def codes(code: types.CodeType) -> Iterator[types.CodeType]:
    yield code
    for const in code.co_consts:
        if isinstance(const, types.CodeType):
            yield from codes(const)


def bare_jumps(code: types.CodeType) -> Iterator[int]:
    """Yield the lines of backward jumps whose handler differs from that of their target."""
    bytecode = dis.Bytecode(code)
    instructions = list(bytecode)
    names = {one.offset: one.opname for one in instructions}

    def handler(offset: int) -> int | None:
        """Return the first `except`, `finally` or `with` that handles an exception raised there.

        Others only clean up, as those of comprehensions and generators do.
        """
        at: int | None = offset
        while at is not None:
            at = next((e.target for e in bytecode.exception_entries if e.start <= at < e.end), None)
            if at is None or names[at] == "PUSH_EXC_INFO":
                break
        return at

    line = code.co_firstlineno
    for i, one in enumerate(instructions):
        line = (one.positions and one.positions.lineno) or line
        if one.opname != "JUMP_BACKWARD" or leaves_handler(instructions[:i]):
            continue
        if handler(one.argval) not in (None, handler(one.offset)):
            yield line


def leaves_handler(before: list[dis.Instruction]) -> bool:
    """Whether a jump belongs to no loop: a `with` that swallowed an exception, `yield from`."""
    rest = (one.opname for one in reversed(before) if one.opname not in TIDYING)
    return next(rest, "") in ("WITH_EXCEPT_START", "CLEANUP_THROW")


def compiled(source: str) -> list[int]:
    top = compile(source, "", "exec")
    return [line for code in codes(top) for line in bare_jumps(code)]


def test_a_jump_outside_of_the_handlers_is_found_from_python_3_12_on():
    bare = "with lock:\n    for one in all:\n        if one:\n            call()\n"
    assert bool(compiled(bare)) == (sys.version_info >= (3, 12))


def test_a_loop_in_a_separate_function_has_no_handler():
    assert compiled("def f():\n    while a():\n        b()\nwith lock:\n    f()\n") == []


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: path.name)
def test_all_loops_of_the_package_jump_back_under_their_handlers(path):
    assert compiled(path.read_text()) == []

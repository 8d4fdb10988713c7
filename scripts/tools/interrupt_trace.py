"""Raise at one bytecode of this package's own code, as a signal handler raises."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple

_spec = find_spec("pydpdk")
assert _spec is not None and _spec.origin is not None
PACKAGE = str(Path(_spec.origin).parent) + os.sep


class Interrupt(BaseException):
    """The exception that a signal handler raises."""


class Point(NamedTuple):
    """A bytecode, and the number of its run within the call."""

    file: str
    line: int
    name: str
    offset: int
    run: int

    def __str__(self) -> str:
        where = self.file.removeprefix(PACKAGE)
        return f"{where}:{self.line} {self.name} +{self.offset} (run {self.run})"


Note = Callable[[Point], None]


@contextmanager
def traced(note: Note) -> Iterator[None]:
    """Call `note` at each bytecode of this package that this thread runs in the block."""
    runs: Counter[tuple[Any, int]] = Counter()

    def each(frame: FrameType, event: str, _: Any) -> Any:
        if event == "opcode":
            code, offset = frame.f_code, frame.f_lasti
            runs[code, offset] += 1
            line = frame.f_lineno or 0
            note(Point(code.co_filename, line, code.co_name, offset, runs[code, offset]))
        return each

    def enter(frame: FrameType, _: str, __: Any) -> Any:
        if not frame.f_code.co_filename.startswith(PACKAGE):
            return None
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        return each

    sys.settrace(enter)
    try:
        yield
    finally:
        sys.settrace(None)

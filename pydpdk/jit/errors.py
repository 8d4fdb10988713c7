"""Errors of workers: of their compilation, and of workers that do not stop."""

from __future__ import annotations

import inspect
import linecache
import re
from types import FunctionType

_ADVICE = (
    (r"yield in a closure", "write a loop instead of a generator"),
    (
        r"Cannot determine Numba type of <class 'function'>",
        "mark the function that is called with numba.njit(boundscheck=True)",
    ),
    (
        r"Untyped global name|Untyped freevar|untyped global",
        "objects of Python stay outside: pass numbers, arrays, queues, bursts, rings and mempools"
        " as arguments",
    ),
    (r"[Cc]annot determine Numba type|cannot be typed|non-precise type", "arguments are queues,"
     " bursts, rings, mempools, tuples of them, arrays and numbers"),
    (r"cannot be stored into variable", "write `except Exception:`, without `as`"),
    (
        r"exception_match|Exception matching is limited",
        "write `except Exception:`, no other class is known",
    ),
    (r"IMPORT_NAME", "import at the top of the file"),
    (r"LOAD_BUILD_CLASS", "classes are made outside of workers"),
    (r"construct is not supported", "write it out: `with` is not known"),
    (r"reflected|is forbidden", "keep it in a numpy array or a tuple"),
    (r"Cannot unify|cannot unify", "a name keeps one type in all of the function"),
    (r"Unknown attribute|nothing is known", "docs/workers.md lists what there is"),
    (r"too many positional|unexpected keyword|missing a required", "as in docs/workers.md"),
    (r"Cannot cast", "it must be a number"),
    (r"use of getiter", "iterate by index: `for i in range(len(burst))`"),
)  # fmt: skip


_WRONG = (
    (inspect.CO_VARKEYWORDS, "**keywords are not known: name each argument"),
    (inspect.CO_GENERATOR, "it yields; keep what it finds in an array, and return at the end"),
    (inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR,
     "it is a coroutine; an lcore runs one function to its end"),
)  # fmt: skip
"""Flags of functions that are no workers, and why."""


class CompileError(TypeError):
    """A worker cannot be compiled; the message starts with file and line.

    Numba's full error is the exception's `__cause__`.
    """


class WorkerStoppedError(Exception):
    """A worker that does not check `running()` polled on after it had been asked to stop."""


def check_kind(function: FunctionType) -> None:
    """Raise for kinds of functions for which Numba's error is hard to understand.

    Raises
    ------
    CompileError
    """
    flags = function.__code__.co_flags
    for wrong, why in _WRONG:
        if flags & wrong:
            raise CompileError(_message(function, _def_line(function), why))


def at_line(error: Exception, function: FunctionType) -> CompileError:
    """Convert Numba's error to one with the line of the user's function that caused it.

    Parameters
    ----------
    error
        From Numba; its text names the lines of all functions in between.
    function
        The worker.
    """
    filename, text = function.__code__.co_filename, str(error)
    line = _line_in(text, filename)
    loc = getattr(error, "loc", None)
    if line is None and loc is not None and loc.filename == filename:
        line = loc.line
    what = _advised(_cause(text), text)
    return CompileError(_message(function, line or _def_line(function), what))


def _message(function: FunctionType, line: int, what: str) -> str:
    filename = function.__code__.co_filename
    source = linecache.getline(filename, line).strip()
    said = f"{filename}:{line}: worker {function.__name__}: {what}"
    return f"{said}\n    {source}" if source else said


def _def_line(function: FunctionType) -> int:
    """Return the line of `def`: the code object has that of its first decorator."""
    first = function.__code__.co_firstlineno
    for line in range(first, first + 20):
        if re.match(r"\s*(async\s+)?def\b", linecache.getline(function.__code__.co_filename, line)):
            return line
    return first


def _line_in(text: str, filename: str) -> int | None:
    """Return the last line of the user's file that Numba names."""
    tail = re.escape(filename.rpartition("/")[2])
    for pattern in (
        rf'File "{re.escape(filename)}", line (\d+)',
        rf'File "[^"]*{tail}", line (\d+)',
        rf"{re.escape(filename)} \((\d+)\)",
    ):
        if named := re.findall(pattern, text):
            return int(named[-1])
    return None


def _cause(text: str) -> str:
    """Return the sentence of Numba's text with the cause."""
    said: list[str] = re.findall(r"TypingError: (.+)", text)
    ours = [line for line in said if not line.startswith(("Failed in", "No implementation"))]
    verb = re.findall(r"resolving callee type: BoundFunction\(\(.*?, '(\w+)'\)", text)
    if ours:
        prefix = f"{verb[-1]}: " if verb and not ours[0].startswith(verb[-1]) else ""
        return prefix + ours[0]
    lines = [
        line.strip()
        for line in text.splitlines()
        if line.strip() and not line.startswith(("Failed in nopython mode", "- Resolution failure"))
    ]
    return (
        re.sub(r"\.*\s*Raised from .*|: i8\*.*", "", lines[0]) if lines else "it cannot be compiled"
    )


def _advised(cause: str, text: str) -> str:
    for pattern, advice in _ADVICE:
        if re.search(pattern, cause):
            return f"{cause.rstrip('.')}: {advice}"
    return cause

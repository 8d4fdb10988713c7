"""What can go wrong with a worker beside what can go wrong with packets."""

from __future__ import annotations

import re


class CompileError(TypeError):
    """A worker uses what cannot be compiled; the message starts with its file and line."""


class StoppedError(Exception):
    """A worker that does not ask `running()` polled on after it had been asked to stop."""


def at_line(error: Exception, filename: str, line: int, name: str) -> CompileError:
    """Say Numba's error with the line of the user's that it is about.

    Parameters
    ----------
    error
        From Numba; its text names the lines of every function on the way.
    filename, line
        Where the worker begins.
    """
    text = str(error)
    named = re.findall(rf'File "{re.escape(filename)}", line (\d+)', text)
    loc = getattr(error, "loc", None)
    if not named and loc is not None and loc.filename == filename:
        named = [loc.line]
    if not named:
        tail = re.escape(filename.rpartition("/")[2])
        named = re.findall(rf'File "[^"]*{tail}", line (\d+)', text)
    return CompileError(f"{filename}:{named[-1] if named else line}: worker {name}: {text.strip()}")

"""Standard output: if it is closed, full or a broken pipe, print one line and exit with 1."""

from __future__ import annotations

import io
import os
import sys
from contextlib import suppress
from typing import NoReturn

from pydpdk._core.callbacks import EndError


class OutputError(EndError):
    """Standard output could not be written. No OSError, as other code handles those."""


class _Output(io.TextIOWrapper):
    def write(self, text: str) -> int:
        try:
            return super().write(text)
        except OSError as error:
            raise OutputError(f"standard output: {error.strerror}") from None

    def flush(self) -> None:
        try:
            super().flush()
        except OSError as error:
            raise OutputError(f"standard output: {error.strerror}") from None


def check() -> None:
    """Let standard output raise `OutputError`; exit with 1 if it is closed.

    The next file opened would get the descriptor of a closed stream, and DPDK's output would go to
    that file.
    """
    if sys.stdin is None:
        os.open(os.devnull, os.O_RDONLY)
    if sys.stdout is None:
        os.open(os.devnull, os.O_WRONLY)
    if sys.stderr is None:
        sys.stderr = os.fdopen(os.open(os.devnull, os.O_WRONLY), "w")
    if sys.stdout is None:
        fail("standard output: it is closed", 1)
    if type(sys.stdout) is io.TextIOWrapper:
        encoding, errors, by_line = (
            sys.stdout.encoding, sys.stdout.errors, sys.stdout.line_buffering,
        )  # fmt: skip
        sys.stdout = _Output(sys.stdout.detach(), encoding, errors, line_buffering=by_line)


def fail(text: str, code: int) -> NoReturn:
    """Write a line to standard error, if that is possible, and exit."""
    with suppress(OSError):
        sys.stderr.write(f"{text}\n")
        sys.stderr.flush()
    raise SystemExit(code)


def give_up(error: OutputError) -> NoReturn:
    """Discard the output buffer, print the error and exit."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.close(nowhere)
    fail(str(error), 1)

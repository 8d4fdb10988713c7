"""Deferred signals: kept during a block, passed to their handlers after it.

The EAL makes files while it starts and removes them at its end. An exception that a handler raises
in the middle (Ctrl-C) would leave them.
"""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any, Self

_Handler = Callable[[int, FrameType | None], Any]


class Deferred:
    """Defer all signal handlers written in Python until the end of a `with` block.

    Parameters
    ----------
    drop
        Drop the signals instead of calling their handlers at the end: the process is ending.

    Notes
    -----
    Threads  any; only the main thread runs handlers, so it does nothing elsewhere. System calls
             are started again instead of failing with EINTR
    """

    def __init__(self, *, drop: bool = False) -> None:
        self._drop = drop
        self._before: dict[int, _Handler] = {}
        self._pending: list[int] = []

    def __enter__(self) -> Self:
        if threading.current_thread() is not threading.main_thread():
            return self
        try:
            self._replace_all()
        except BaseException:  # of a handler that was not replaced yet
            self._restore()
            raise
        return self

    def _replace_all(self) -> None:
        for number in signal.valid_signals():
            handler = signal.getsignal(number)
            if callable(handler):
                self._before[number] = handler
                signal.signal(number, self._note)
                signal.siginterrupt(number, False)

    def _note(self, number: int, frame: FrameType | None) -> None:
        if number not in self._pending:
            self._pending.append(number)

    def __exit__(self, *error: object) -> None:
        raised = self._restore()
        for number in () if self._drop else self._pending:
            try:
                self._before[number](number, sys._getframe(1))
            except BaseException as another:  # call all handlers, then raise the first error
                raised = raised or another
        try:
            if raised is not None:
                raise raised
        finally:
            del raised  # no cycle with its traceback: what its frames have is freed at once

    def _restore(self) -> BaseException | None:
        """Restore all handlers; return what one of them raised meanwhile."""
        raised = None
        left = list(self._before.items())
        while left:
            try:
                _put_back(left)
            except BaseException as error:  # of a handler that is back already
                raised = raised or error
        try:
            return raised
        finally:
            del raised  # as in `__exit__`


def _put_back(left: list[tuple[int, _Handler]]) -> None:
    while left:
        signal.signal(*left[-1])
        left.pop()

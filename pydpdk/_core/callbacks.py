"""User callbacks on pydpdk's own threads: whatever they raise, the thread goes on.

A callback may raise, call `sys.exit()` or get an asynchronous exception, and so may a handler of
`logging`. If that ended the thread, dead processes would no longer be recovered and messages no
longer answered.
"""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress


class EndError(Exception):
    """Raised by a callback to end its caller; the thread that started the caller gets it raised."""


class Voice:
    """A logger that never raises on pydpdk's threads; `logging` keeps the levels and handlers.

    On the main thread Ctrl-C and `sys.exit()` pass, as they are meant for it.
    """

    def __init__(self, name: str) -> None:
        self._logger = logging.getLogger(name)

    def warning(self, text: str, *args: object) -> None:
        """Log a warning."""
        self.log(logging.WARNING, text, *args)

    def error(self, text: str, *args: object) -> None:
        """Log an error."""
        self.log(logging.ERROR, text, *args)

    def exception(self, text: str, *args: object) -> None:
        """Log an error, and the traceback of the exception that is being handled."""
        self.log(logging.ERROR, text, *args, traceback=True)

    def log(self, level: int, text: str, *args: object, traceback: bool = False) -> None:
        """Log at a level."""
        with kept():
            self._logger.log(level, text, *args, exc_info=traceback, stacklevel=3)


@contextmanager
def kept() -> Iterator[None]:
    """Keep the thread alive: exceptions of the block go to `threading.excepthook`."""
    try:
        yield
    except BaseException as error:
        if _is_meant(error):
            raise
        _say(error)


def call(voice: Voice, text: str, function: Callable[..., object], *arguments: object) -> None:
    """Call a user's function; log what it raises under `text`."""
    try:
        function(*arguments)
    except BaseException as error:
        if _is_meant(error):
            raise
        voice.exception(text)


def _is_meant(error: BaseException) -> bool:
    """Return whether the exception is for this thread: Ctrl-C or `sys.exit()` on the main one."""
    on_main = threading.current_thread() is threading.main_thread()
    return on_main and not isinstance(error, Exception)


def _say(error: BaseException) -> None:
    """Show an exception as Python shows one that ends a thread; on stderr if that raises."""
    shown = error
    if isinstance(error, SystemExit):  # the hook ignores it
        shown = RuntimeError(f"{error!r} on a thread of pydpdk")
        shown.__cause__ = error
    thread = threading.current_thread()
    try:
        threading.excepthook(
            threading.ExceptHookArgs((type(shown), shown, shown.__traceback__, thread))
        )
    except BaseException:
        with suppress(BaseException):
            sys.stderr.write(f"pydpdk: {type(error).__name__} on thread {thread.name}\n")

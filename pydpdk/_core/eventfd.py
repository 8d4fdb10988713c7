"""Descriptors for `select` and event loops: readable while a flag is set."""

from __future__ import annotations

import os
from contextlib import suppress

from pydpdk._core.fixed import Fixed
from pydpdk._core.signals import Deferred


class Eventfd(Fixed):
    """An eventfd, closed with the last reference to it.

    Notes
    -----
    Threads  any
    """

    def __init__(self) -> None:
        with Deferred():  # else a handler that raises could leave the descriptor without an owner
            self._fd = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)

    def fileno(self) -> int:
        """Return the descriptor."""
        return self._fd

    def set(self) -> None:
        """Make it readable."""
        os.eventfd_write(self._fd, 1)

    def clear(self) -> None:
        """Make it unreadable."""
        with suppress(BlockingIOError):
            os.eventfd_read(self._fd)

    def __del__(self) -> None:
        with suppress(AttributeError, OSError):
            os.close(self._fd)

"""The descriptor of a channel: a thread waits for messages, as futexes have no descriptor."""

from __future__ import annotations

import errno
import select
import threading
from typing import Any

from pydpdk._core.eventfd import Eventfd
from pydpdk._core.fixed import Fixed
from pydpdk._dpdk import lib

_SLICE_NS = 1_000_000_000
_MESSAGE = 1
_SHUT = -errno.EPIPE
_NOTHING = (-errno.EAGAIN, -errno.EINTR)


class Readable(Fixed):
    """A descriptor that is readable while a channel has messages, or once it is shut or closed.

    It stays readable until a call finds the channel empty.

    Notes
    -----
    Owns     a thread, which ends once the channel is closed
    Threads  any
    """

    def __init__(self, c: Any) -> None:
        self._eventfd, self._again = Eventfd(), Eventfd()
        self._thread = threading.Thread(
            target=_watch, args=(c, self._eventfd, self._again), name="pydpdk-channel", daemon=True
        )

    def start(self) -> None:
        """Start the thread; do nothing if it has been started."""
        if self._thread.ident is None:
            self._thread.start()

    def fileno(self) -> int:
        """Return the descriptor."""
        return self._eventfd.fileno()

    def look_again(self) -> None:
        """Make it unreadable until the thread finds a message: a call has found none."""
        self._eventfd.clear()
        self._again.set()

    def end(self) -> None:
        """Make it readable for good: the channel is closed, and the thread ends."""
        self._eventfd.set()
        self._again.set()


def _watch(c: Any, eventfd: Eventfd, again: Eventfd) -> None:
    poll = select.poll()
    poll.register(again, select.POLLIN)
    while True:
        result = lib.pyd_channel_await(c, _SLICE_NS)
        if result in _NOTHING:
            continue
        eventfd.set()
        if result not in (_MESSAGE, _SHUT):
            return
        poll.poll()
        again.clear()

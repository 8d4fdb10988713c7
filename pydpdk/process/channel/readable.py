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
_NOTHING = (-errno.EAGAIN, -errno.EINTR)


class Readable(Fixed):
    """A descriptor that is readable while a channel has messages, or once it is shut or closed.

    It stays readable until a call finds the channel empty.

    Notes
    -----
    Owns     a thread, until `end`
    Threads  any
    """

    def __init__(self, c: Any) -> None:
        self._c = c
        self._eventfd, self._again = Eventfd(), Eventfd()
        self._ended = False
        self._thread = threading.Thread(target=self._run, name="pydpdk-channel", daemon=True)

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
        """End the thread; it is not waited for. The descriptor is readable for good."""
        self._ended = True
        self._eventfd.set()
        self._again.set()

    def _run(self) -> None:
        poll = select.poll()
        poll.register(self._again, select.POLLIN)
        while not self._ended:
            if lib.pyd_channel_await(self._c, _SLICE_NS) in _NOTHING:
                continue
            self._eventfd.set()
            poll.poll()
            self._again.clear()

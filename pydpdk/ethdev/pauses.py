"""The pauses of a loop while no packet comes: ever longer, or until the kernel has one."""

from __future__ import annotations

import asyncio
import select
import time
from collections.abc import Iterable

_SHORTEST_S, _LONGEST_S = 50e-6, 1e-3
_LOOK_S = 0.1
"""[s] after which a loop that waits for the kernel looks at its port, which may be stopped."""


class Pauses:
    """The pauses of one loop, from a packet to the next.

    Parameters
    ----------
    fds
        A descriptor for each polled queue, readable when it has a packet; -1 for a queue without:
        then the loop sleeps, 50 us at first and up to 1 ms.
    """

    def __init__(self, fds: Iterable[int]) -> None:
        self._fds = tuple(fds)
        if any(fd < 0 for fd in self._fds):
            self._fds = ()
        self._next = _SHORTEST_S

    def reset(self) -> None:
        """Begin with short pauses again, as a packet has come."""
        self._next = _SHORTEST_S

    def wait(self, left: float | None) -> None:
        """Wait for a moment, at most `left` seconds."""
        if self._fds:
            poll = select.poll()
            for fd in self._fds:
                poll.register(fd, select.POLLIN)
            poll.poll(_shorter(_LOOK_S, left) * 1000)
        else:
            time.sleep(self._pause(left))

    async def await_(self, left: float | None) -> None:
        """Do the same and let other tasks run."""
        if not self._fds:
            await asyncio.sleep(self._pause(left))
            return
        loop = asyncio.get_running_loop()
        readable = asyncio.Event()
        for fd in self._fds:
            loop.add_reader(fd, readable.set)
        try:
            await asyncio.wait_for(readable.wait(), _shorter(_LOOK_S, left))
        except TimeoutError:
            pass
        finally:
            for fd in self._fds:
                loop.remove_reader(fd)

    def _pause(self, left: float | None) -> float:
        pause = self._next
        self._next = min(pause * 2, _LONGEST_S)
        return _shorter(pause, left)


def _shorter(seconds: float, left: float | None) -> float:
    return seconds if left is None else min(seconds, left)

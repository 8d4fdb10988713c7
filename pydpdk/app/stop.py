"""When to end: after a duration, on Ctrl-C, on SIGTERM."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGALRM)


class Stop:
    """A flag that signals set, so that a polling loop has nothing to ask the clock."""

    def __init__(self) -> None:
        self.requested = False

    def request(self) -> None:
        """Ask the loop to end."""
        self.requested = True

    @contextmanager
    def on_signals(self, duration_s: float | None) -> Iterator[None]:
        """Set the flag on Ctrl-C and SIGTERM, and after `duration_s` seconds.

        A second Ctrl-C or SIGTERM raises `KeyboardInterrupt`, for loops that never look.
        """
        before = {number: signal.signal(number, self._on_signal) for number in _SIGNALS}
        try:
            if duration_s is not None:
                signal.setitimer(signal.ITIMER_REAL, max(duration_s, 1e-6))
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            for number, handler in before.items():
                signal.signal(number, handler)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if self.requested and number != signal.SIGALRM:
            raise KeyboardInterrupt
        self.requested = True

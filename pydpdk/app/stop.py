"""When to end: after a timeout, on Ctrl-C, on SIGTERM, when the terminal closes."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from pydpdk._core.timeouts import check_timeout

_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class StoppedError(SystemExit):
    """A signal came before the app ran; the exit code is 128 + its number, as in shells.

    Attributes
    ----------
    number : int
        The signal's number; 0 if the program requested the stop.
    """

    def __init__(self, number: int = 0) -> None:
        super().__init__(128 + number if number else 0)
        self.number = number


class Stop:
    """A flag that signals set, so that a polling loop need not read the clock.

    A signal raises nothing where it arrives: creating or closing an object is finished first.
    """

    def __init__(self) -> None:
        self.requested = False
        self._number = 0
        self._breakable = False

    def request(self) -> None:
        """Ask the loop to end."""
        self.requested = True

    def check(self) -> None:
        """Raise `StoppedError` once a signal has come; for the steps before the loop."""
        if self.requested:
            raise StoppedError(self._number)

    @contextmanager
    def on_signals(self, timeout: float | None = None) -> Iterator[None]:
        """Set the flag on Ctrl-C, SIGTERM and SIGHUP, and after `timeout` seconds.

        A signal that is ignored (by `nohup`, in a shell's background job) stays so.
        """
        seconds = check_timeout(timeout)
        handled = [n for n in _ENDING if signal.getsignal(n) is not signal.SIG_IGN]
        before = {n: signal.signal(n, self._on_signal) for n in (*handled, signal.SIGALRM)}
        try:
            if seconds is not None:
                signal.setitimer(signal.ITIMER_REAL, max(seconds, 1e-6))
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            for number, handler in before.items():
                signal.signal(number, signal.SIG_DFL if handler is None else handler)

    @contextmanager
    def breakable(self) -> Iterator[None]:
        """Let a second signal raise `KeyboardInterrupt`, for user code that never checks `running`.

        In such code the exception cannot interrupt a change of our own state.
        """
        self._breakable = True
        try:
            yield
        finally:
            self._breakable = False

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        again = self.requested and number != signal.SIGALRM
        self.requested = True
        if number != signal.SIGALRM:
            self._number = number
        if again and self._breakable:
            raise KeyboardInterrupt

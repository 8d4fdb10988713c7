"""Timeouts: seconds from Python; 0 looks once, None waits for ever. C has its own units inside."""

from __future__ import annotations

import time
from numbers import Real

FOREVER_S = 2_000_000.0
"""[s] A longer timeout is for ever: in ms, as `poll` takes it, this fits an int of C."""


def check_timeout(timeout: float | None, name: str = "timeout") -> float | None:
    """Return a timeout [s] as a float; None: for ever.

    Raises
    ------
    TypeError, ValueError
        It is neither None nor a number from 0.
    """
    if timeout is None:
        return None
    kind: type = type(timeout)
    if kind is not float and kind is not int and (kind is bool or not issubclass(kind, Real)):
        raise TypeError(f"{name} must be a number of seconds, or None (got {timeout!r})")
    if not timeout >= 0:
        raise ValueError(f"{name} must be at least 0, or None (got {timeout!r})")
    return float(timeout) if timeout <= FOREVER_S else None


def deadline(timeout: float | None) -> float | None:
    """Return when a timeout ends, on the clock of `time.monotonic`; None: never.

    Raises
    ------
    TypeError, ValueError
        As `check_timeout`.
    """
    seconds = check_timeout(timeout)
    return None if seconds is None else time.monotonic() + seconds


def left(end: float | None) -> float | None:
    """Return the seconds until a deadline, at least 0; None: for ever."""
    return None if end is None else max(0.0, end - time.monotonic())


def left_ms(end: float | None) -> float | None:
    """Return the milliseconds until a deadline, for `poll`; None: for ever."""
    return None if end is None else max(0.0, end - time.monotonic()) * 1000


def left_ns(end: float | None, most: int) -> int:
    """Return the nanoseconds until a deadline, for one wait in C: 0 to `most`."""
    return most if end is None else max(0, min(most, int((end - time.monotonic()) * 1e9) + 1))

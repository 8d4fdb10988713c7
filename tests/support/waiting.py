"""Wait for a state that no pipe and no event reports: ask again, up to a deadline."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

LIMIT = 60  # [s] for what takes milliseconds: a machine that is very slow passes too
EVERY = 0.002  # [s]


def until(
    condition: Callable[[], Any],
    timeout: float = LIMIT,
    *,
    every: float = EVERY,
    what: Callable[[], object] = str,
) -> Any:
    """Return the value of `condition()` once it is true; at the deadline, fail with `what()`."""
    deadline = time.monotonic() + timeout
    while not (value := condition()):
        assert time.monotonic() < deadline, f"not within {timeout} s: {what()}"
        time.sleep(every)
    return value


def cpu_time(task: str) -> float:
    """Return how long a process or a thread has run [s]: it grows while a call spins.

    Parameters
    ----------
    task
        A directory: `/proc/PID`, or `/proc/self/task/ID` with the native id of a thread.
    """
    words = Path(task, "stat").read_text().rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")

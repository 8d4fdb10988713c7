"""Wait for a state that no pipe and no event reports: ask again, up to a deadline."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import suppress
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
    words = _stat(task)
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def state_of(task: Path) -> str:
    """Return the letter of its state: `T` once it is stopped."""
    return _stat(task)[0]


def _stat(task: str | Path) -> list[str]:
    """Return the fields of its `stat` from the state on."""
    return Path(task, "stat").read_text().rpartition(")")[2].split()


def open_files() -> set[tuple[int, str]]:
    """Return the descriptors of this process, and what each is of."""
    found = set()
    for fd in list(Path("/proc/self/fd").iterdir()):
        with suppress(FileNotFoundError):  # another thread had it open for a moment
            found.add((int(fd.name), str(fd.readlink())))
    return found

"""Whether a process is alive: by PID and start time, as PIDs are reused."""

from __future__ import annotations

from pathlib import Path


def start_time(pid: int | str = "self") -> int:
    """Return the start time of a process [ticks since boot]; 0 if it is dead or there is none."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0
    return 0 if fields[0] in "ZX" else int(fields[19])


def is_alive(pid: int, started: int) -> bool:
    """Whether the process of that PID is alive and has that start time."""
    return start_time(pid) == started

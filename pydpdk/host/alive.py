"""Whether a process is alive: by PID and start time, as PIDs are reused."""

from __future__ import annotations

from pathlib import Path

from pydpdk.host import files


def start_time(pid: int | str = "self") -> int:
    """Return the start time of a process [ticks since boot]; 0 if it is dead or there is none."""
    fields = (files.text(f"/proc/{pid}/stat") or "").rpartition(")")[2].split()
    return 0 if not fields or fields[0] in "ZX" else int(fields[19])


def is_alive(pid: int, started: int) -> bool:
    """Whether the process of that PID is alive and has that start time."""
    return started != 0 and start_time(pid) == started


def exists(pid: int) -> bool:
    """Whether a process of that PID is visible here; a zombie is, too."""
    return Path(f"/proc/{pid}").exists()

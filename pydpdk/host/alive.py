"""Whether a process lives: by its PID and when it started, as PIDs are used again."""

from __future__ import annotations

from pathlib import Path


def start_time(pid: int | str = "self") -> int:
    """Return when a process started [ticks since boot]; 0 where there is none, or a dead one."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0
    return 0 if fields[0] in "ZX" else int(fields[19])


def is_alive(pid: int, started: int) -> bool:
    """Whether the process of that PID is still the one that started then."""
    return start_time(pid) == started

"""The primary process of a file prefix: whether it runs and accepts secondaries, and its CPUs."""

from __future__ import annotations

import operator
import os
import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from pydpdk.host import alive, files, registry, runtime
from pydpdk.host.registry_page import RegisteredProcess
from pydpdk.host.trust import distrust, regular

# names of worker threads in EALs of 20.11 to 25.11, which end with the lcore's number
_WORKER = re.compile(r"(?:rte|lcore|dpdk)-(?:worker|slave)-?(\d+)")


@dataclass(frozen=True)
class Primary:
    """A primary as seen from outside.

    Attributes
    ----------
    pid : int
        0 if there is none, or if it is in another PID namespace.
    running : bool
        Whether a live process uses the prefix.
    problem : str
        Why no secondary can attach; empty if one can.
    """

    prefix: str
    pid: int
    running: bool
    problem: str


def look(prefix: str) -> Primary:
    """Look for the primary of a prefix, without sending anything or taking a lock."""
    pid = _locker(runtime.runtime_dir(prefix) / "config")
    alone = registry.unshared(prefix) if pid is None else []
    running = pid is not None or bool(alone) or runtime.is_in_use(prefix)
    problem = _problem(prefix, locked=pid is not None, running=running, alone=alone)
    return Primary(prefix, pid or 0, running, problem)


def running_prefixes() -> list[str]:
    """Return the prefixes of all live primaries that this user can see."""
    return [name for name in runtime.prefixes() if _is_locked(name) or registry.unshared(name)]


def _is_locked(prefix: str) -> bool:
    return _locker(runtime.runtime_dir(prefix) / "config") is not None


def processes(primary: Primary) -> list[int]:
    """Return the PIDs of the primary and of the secondaries that are attached to it."""
    entries = files.entries(runtime.runtime_dir(primary.prefix))
    sockets = ((runtime.MP_SOCKET.fullmatch(entry.name), entry) for entry in entries)
    found = {int(match[1]) for match, entry in sockets if match and runtime.answers(entry)}
    return sorted({pid for pid in found | {primary.pid} if pid and alive.exists(pid)})


def workers(pid: int) -> dict[int, frozenset[int]]:
    """Return the worker lcores of a process, each with the CPUs that its thread may use.

    Notes
    -----
    The EAL names a worker's thread after its lcore. The main lcore is the program's own thread,
    without such a name: see `main_cpus`.
    """
    found = {}
    for task in files.entries(Path(f"/proc/{pid}/task")):
        match = _WORKER.fullmatch(files.word(task / "comm"))
        with suppress(OSError):
            if match:
                found[int(match[1])] = frozenset(os.sched_getaffinity(int(task.name)))
    return found


def main_cpus(pid: int) -> frozenset[int]:
    """Return the CPUs of a process's first thread: one CPU if it is a pinned main lcore."""
    try:
        return frozenset(os.sched_getaffinity(pid))
    except OSError:
        return frozenset()


def remove_traces(prefix: str, pid: int) -> list[Path]:
    """Remove the files in a runtime directory that only a secondary of that PID used."""
    pid = operator.index(pid)  # as it is used in a pattern
    mine = re.compile(rf"(?:fbarray_.*_{pid}(?:_[0-9a-f]+)?|mp_socket_{pid}_[0-9a-f]+)")
    removed: list[Path] = []
    directory = runtime.runtime_dir(prefix)
    if distrust(directory):
        return removed
    for entry in files.entries(directory):
        if mine.fullmatch(entry.name):
            with suppress(OSError):
                entry.unlink()
                removed.append(entry)
    return removed


def _problem(
    prefix: str, *, locked: bool, running: bool, alone: Sequence[RegisteredProcess]
) -> str:
    directory = runtime.runtime_dir(prefix)
    if not running:
        left = "what it left is still there" if directory.is_dir() else _alternatives()
        return f"no DPDK program runs with file prefix {prefix!r}: {left}"
    private = "shares its memory with no other process, so nothing can attach"
    if alone:
        pids = ", ".join(str(member.pid) for member in alone)
        return f"{prefix!r} (PID {pids}) runs without hugepages or in memory: it {private}"
    if not (directory / "config").exists():
        return f"{prefix!r} runs with --in-memory or --no-shconf: it {private}"
    if not locked:
        return f"the primary of {prefix!r} is gone, only secondaries of it still run"
    if (directory / "fbarray_nohugemem").exists():
        return f"{prefix!r} runs with --no-huge: it {private}"
    if not runtime.hugepage_files(prefix):
        return f"{prefix!r} has unlinked its hugepages (--huge-unlink): it {private}"
    return ""


def _alternatives() -> str:
    here = ", ".join(map(repr, running_prefixes()))
    return f"running here: {here}" if here else "none is running here"


def _locker(config: Path) -> int | None:
    """Return the PID of the primary lock's owner; None if it is free. Does not take the lock."""
    if runtime.fd_here(config) is not None:
        return os.getpid()
    try:
        with regular(config) as fd:
            return runtime.locker(fd)
    except OSError:
        return None

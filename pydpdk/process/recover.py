"""Recover what dead processes held: mbufs, plain objects, ring slots, process table entries.

The primary stops the world, rolls back operations that dead processes left unfinished in rings and
stacks, and returns every object that no living process can reach to its pool.
"""

from __future__ import annotations

import errno
import os
import time
from dataclasses import field
from enum import StrEnum
from typing import Any

from pydpdk import eal
from pydpdk._core.frozen import frozen
from pydpdk._core.lifetime import Undo, lock
from pydpdk._core.timeouts import deadline, left, left_ns
from pydpdk._dpdk import ffi, lib
from pydpdk.choices import RingSync
from pydpdk.errors import DpdkError, call_errno, make_error
from pydpdk.host import primary as host_primary
from pydpdk.memory._rows import text
from pydpdk.ring.element import SYNCS

STOP_TIMEOUT_S = 5.0
_ENDING_S = 2.0
_UNLISTED = "(being made, or of unknown ops)"


class RingSide(StrEnum):
    """One of the two sides of a ring."""

    PRODUCER = "producer"
    CONSUMER = "consumer"


@frozen
class Undone:
    """A ring operation in which a process died; it was rolled back.

    Attributes
    ----------
    side : RingSide
        Where it died.
    sync : RingSync
        How that side is synchronized. `rts` does not record which operations were finished:
        elements that others enqueued behind those of the dead process are lost with them.
    n : int
        [elements]
    """

    ring: str
    side: RingSide
    sync: RingSync
    n: int

    def __str__(self) -> str:
        return f"{self.side} of {self.sync} ring {self.ring!r}, {self.n} elements"


@frozen
class Recovery:
    """The result of a recovery.

    Attributes
    ----------
    processes : tuple of int
        PIDs of the dead.
    mbufs, objects : dict
        [mbufs], [plain objects] that were returned, by pool.
    recounted : dict
        [mbufs] whose reference counts included references of the dead, by pool.
    relinked : dict
        [nodes] that a pool's `lf_stack` had lost, by pool; 1 if only its counts were wrong.
    undone : tuple of Undone
        Ring operations that were rolled back.
    in_doubt : dict
        [objects] that a living process may still use, by pool. Those of pools that cannot be listed
        are one entry.
    inexact : str
        Why only certain objects were returned; empty if all were. `recover` looks again, and a
        later call, when the reason is gone, finds the rest.
    stopped_ms : float
        [ms] for which the world was stopped.
    """

    processes: tuple[int, ...] = ()
    mbufs: dict[str, int] = field(default_factory=dict)
    objects: dict[str, int] = field(default_factory=dict)
    recounted: dict[str, int] = field(default_factory=dict)
    relinked: dict[str, int] = field(default_factory=dict)
    undone: tuple[Undone, ...] = ()
    in_doubt: dict[str, int] = field(default_factory=dict)
    inexact: str = ""
    stopped_ms: float = 0.0

    def __bool__(self) -> bool:
        return bool(self.processes or self.mbufs or self.objects or self.undone or self.in_doubt)

    def __str__(self) -> str:
        if not self:
            return "nothing to recover"
        pids = ", ".join(map(str, self.processes))
        parts = [f"recovered from process {pids}" if pids else "recovered"]
        parts += [f"{n} mbufs back in {pool!r}" for pool, n in self.mbufs.items()]
        parts += [f"{n} objects back in {pool!r}" for pool, n in self.objects.items()]
        parts += [f"undone: {operation}" for operation in self.undone]
        parts += [f"{n} in doubt of {pool!r}" for pool, n in self.in_doubt.items()]
        if self.inexact:
            parts.append(f"only what is certain, as {self.inexact}")
        return "; ".join(parts)


def recover(*, everything: bool = False, timeout: float | None = STOP_TIMEOUT_S) -> Recovery:
    """Recover what dead processes of ours held; do nothing if none died.

    A process is dead if it is gone or a zombie. A plain object that a process took and passed on by
    id still counts as held by that process.

    Parameters
    ----------
    everything
        Check all pools even if no process died.
    timeout
        [s] to wait until all other processes are outside of a call; 0 looks once, None waits for
        ever.

    Raises
    ------
    SecondaryError
        Only the primary recovers.
    BusyError
        A process stays inside a call; the message has its PID. It may spin on an operation that a
        dead process left unfinished: `multi` rings and pools over them cannot be recovered then,
        `hts`, `single` and `lf_stack` can. No object was returned. Operations of `hts` rings may
        have been rolled back, so that threads that waited for them went on; the message names them.
    NoRoomError
        ENOMEM: no memory for the lists of rings and pools. As with BusyError.
    DpdkError
        EOWNERDEAD: what one of DPDK's own locks guards cannot be made consistent; the message says
        what. End all processes of the prefix; `pydpdk reap` removes the files that they leave.

    Notes
    -----
    Threads  any of the primary; no object is created or closed meanwhile, and calls of all
             processes wait
    Cost     0.4 ms, and 0.07 us for each object of all pools; for half of that the world is stopped
    """
    eal.require_primary("pyd_recover")
    end = deadline(timeout)
    eal.current()._peers.give_back_locks()
    with lock():
        lib.pyd_channels_remove()
        out = ffi.new("struct pyd_recovery *")
        foreign = _foreign()
        with Undo(lib.pyd_recovery_free, out):
            result = _attempts(out, foreign, everything, end)
            if result < 0:
                raise _error(-result, out)
            done = _read(out, foreign)
            lib.pyd_recovery_free(out)
        for pid in done.processes:
            host_primary.remove_traces(eal.current().file_prefix, pid)
        return done


def _attempts(out: Any, foreign: list[int], everything: bool, end: float | None) -> int:
    result = _attempt(out, foreign, everything, end)
    while result == -errno.EBUSY and left(end) != 0:
        result = _attempt(out, foreign, everything, end)
    return result


def _attempt(out: Any, foreign: list[int], everything: bool, end: float | None) -> int:
    """Try to stop the world until the deadline, for 5 s at most: then signals are handled.

    What is rolled back meanwhile is added to `out`.
    """
    timeout_ms = left_ns(end, int(STOP_TIMEOUT_S * 1e9)) // 1_000_000
    return int(lib.pyd_recover(out, bool(foreign), bool(everything), timeout_ms))


def recover_from(pid: int, started: int) -> Recovery | None:
    """Recover from a process that has just died; return None if there was nothing to recover.

    The kernel drops its locks shortly before the process is gone; until then it may still write.
    """
    deadline = time.monotonic() + _ENDING_S
    while lib.pyd_process_alive(pid, started) and time.monotonic() < deadline:
        time.sleep(0.001)
    return recover() or None


def _foreign() -> list[int]:
    """Return the PIDs that share this memory and are not in the process table."""
    pids = ffi.new("uint64_t[]", lib.PYD_MAX_PROCESSES)
    n = call_errno(lib.pyd_process_pids, pids, lib.PYD_MAX_PROCESSES, detail="the process table")
    ours = {int(pids[i]) for i in range(n)}
    # not `look`: it would open, and so unlock, the file whose lock makes us the primary
    here = host_primary.Primary(eal.current().file_prefix, os.getpid(), True, "")
    return [pid for pid in host_primary.processes(here) if pid not in ours]


def _error(number: int, out: Any) -> DpdkError:
    why = f"process {out.culprit} stays inside a call, so" if number == errno.EBUSY else ""
    parts = [f"{why} no object was returned".strip()]
    parts += [f"undone: {operation}" for operation in _undone(out)]
    return make_error("pyd_recover", number, "; ".join(parts))


def _read(out: Any, foreign: list[int]) -> Recovery:
    pools = [out.pools[i] for i in range(out.n_pools)]
    unlisted = {_UNLISTED: out.unlisted} if out.unlisted else {}
    return Recovery(
        processes=tuple(int(out.gone[i].pid) for i in range(out.n_gone)),
        mbufs=_counts((pool for pool in pools if pool.mbufs), "returned"),
        objects=_counts((pool for pool in pools if not pool.mbufs), "returned"),
        recounted=_counts(pools, "recounted"),
        relinked=_counts(pools, "relinked"),
        undone=_undone(out),
        in_doubt=_counts(pools, "in_doubt") | unlisted,
        inexact=_why(out, foreign),
        stopped_ms=out.stopped_ns / 1e6,
    )


def _why(out: Any, foreign: list[int]) -> str:
    if out.exact or not out.stopped_ns:
        return ""
    if foreign:
        return f"programs that are not ours share this memory: {', '.join(map(str, foreign))}"
    return f"{text(out.holds_mbufs)} may hold mbufs"


def _counts(pools: Any, what: str) -> dict[str, int]:
    return {text(pool.name): getattr(pool, what) for pool in pools if getattr(pool, what)}


def _undone(out: Any) -> tuple[Undone, ...]:
    n = min(out.n_undone, lib.PYD_UNDONE_MAX)
    return tuple(
        Undone(
            text(entry.name), RingSide.CONSUMER if entry.consumer else RingSide.PRODUCER,
            SYNCS[entry.sync], entry.n,
        )
        for entry in out.undone[0:n]
    )  # fmt: skip

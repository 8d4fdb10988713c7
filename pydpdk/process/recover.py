"""What dead processes held comes back: mbufs, plain objects, ring slots, their places.

The primary pauses all of ours, undoes what the dead left half-done in rings and stacks, and gives
back to its pool every object that nobody living can reach.
"""

from __future__ import annotations

import errno
import os
import time
from dataclasses import field
from typing import Any

from pydpdk import eal
from pydpdk._core.frozen import frozen
from pydpdk._core.lifetime import lock
from pydpdk._dpdk import ffi, lib
from pydpdk.eal.deaths import set_recovery
from pydpdk.errors import BusyError, call_errno, check_range, make_error
from pydpdk.host import primary as host_primary
from pydpdk.memory._rows import text

PAUSE_TIMEOUT_S = 5.0
_ENDING_S = 2.0
_SYNCS = {
    lib.RTE_RING_SYNC_MT: "multi",
    lib.RTE_RING_SYNC_ST: "single",
    lib.RTE_RING_SYNC_MT_RTS: "rts",
    lib.RTE_RING_SYNC_MT_HTS: "hts",
}


@frozen
class Undone:
    """An operation that a process died in, as if it had never begun.

    Attributes
    ----------
    side : str
        `producer` or `consumer`.
    sync : str
        How that side is kept apart. `rts` cannot say which operations were done: elements that
        others have put behind the dead one's are gone with them.
    n : int
        [elements]
    """

    ring: str
    side: str
    sync: str
    n: int

    def __str__(self) -> str:
        return f"{self.side} of {self.sync} ring {self.ring!r}, {self.n} elements"


@frozen
class Recovery:
    """What a recovery did.

    Attributes
    ----------
    processes : tuple of int
        PIDs of the dead.
    mbufs, objects : dict
        [mbufs], [plain objects] that came back, by pool.
    recounted : dict
        [mbufs] whose reference counts held references of the dead, by pool.
    relinked : dict
        [nodes] that a pool's `lf_stack` had lost, by pool; 1 where only its counts were wrong.
    undone : tuple of Undone
        Ring operations.
    in_doubt : dict
        [objects] of which it is not certain that nobody has them, by pool.
    inexact : str
        Why only what is certain came back; empty where all did. `recover` looks again, and a
        later one, when the reason is gone, finds the rest.
    stopped_ms : float
        [ms] for which all processes stood still.
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


def recover(*, everything: bool = False, timeout_s: float = PAUSE_TIMEOUT_S) -> Recovery:
    """Take back what dead processes of ours held; do nothing where none died.

    Dead is who is gone or a zombie. What a plain object's taker handed on by id counts as his.

    Parameters
    ----------
    everything
        Look at all pools although nobody died.
    timeout_s
        [s] to wait at most until all others are outside of a call.

    Raises
    ------
    SecondaryError
        Only the primary recovers.
    BusyError
        A process stays inside a call; the message has its PID. It may spin for what a dead one
        keeps: rings `multi` and pools over them cannot be recovered then, `hts`, `single` and
        `lf_stack` can. Nothing was changed.
    DpdkError
        EOWNERDEAD: what a lock of DPDK's own guards cannot be made sound; the message says what.
        End all processes of the prefix; `pydpdk reap` removes what they leave.

    Notes
    -----
    Threads  any of the primary; no object is made or closed meanwhile, and calls of all processes
             wait
    Cost     0.4 ms, and 0.07 us for each object of all pools; half of that is the pause
    """
    eal.require_primary("pyd_recover")
    check_range("timeout_s", int(timeout_s * 1000), 0, 3_600_000, " ms")
    eal.current().peers.give_back_locks()
    with lock():
        lib.pyd_channels_remove()
        out = ffi.new("struct pyd_recovery *")
        foreign = _foreign()
        result = lib.pyd_recover(out, bool(foreign), bool(everything), int(timeout_s * 1000))
        if result == -errno.EBUSY:
            raise BusyError(
                errno.EBUSY, f"pyd_recover: process {out.culprit} stays inside a call; nothing done"
            )
        if result < 0:
            raise make_error("pyd_recover", -result)
        done = _read(out, foreign)
        for pid in done.processes:
            host_primary.remove_traces(eal.current().file_prefix, pid)
        return done


def recover_from(pid: int, started: int) -> Recovery | None:
    """Recover from one that was just found dead; None where there was nothing.

    Its locks fall a moment before it is gone, and until it is gone it may still write.
    """
    deadline = time.monotonic() + _ENDING_S
    while lib.pyd_process_alive(pid, started) and time.monotonic() < deadline:
        time.sleep(0.001)
    return recover() or None


def _foreign() -> list[int]:
    """Return the PIDs that share this memory and are not in the ledger."""
    pids = ffi.new("uint64_t[]", lib.PYD_MAX_PROCESSES)
    n = call_errno(lib.pyd_process_pids, pids, lib.PYD_MAX_PROCESSES, detail="who is there")
    ours = {int(pids[i]) for i in range(n)}
    # not `look`, which would open, and so unlock, the very file that makes us the primary
    here = host_primary.Primary(eal.current().file_prefix, os.getpid(), True, "")
    return [pid for pid in host_primary.processes(here) if pid not in ours]


def _read(out: Any, foreign: list[int]) -> Recovery:
    rows = [out.pools[i] for i in range(out.n_pools)]
    return Recovery(
        processes=tuple(int(out.gone[i].pid) for i in range(out.n_gone)),
        mbufs=_counts((row for row in rows if row.mbufs), "returned"),
        objects=_counts((row for row in rows if not row.mbufs), "returned"),
        recounted=_counts(rows, "recounted"),
        relinked=_counts(rows, "relinked"),
        undone=tuple(
            _undone(out.undone[i]) for i in range(min(out.n_undone, lib.PYD_RECOVERY_ROWS))
        ),
        in_doubt=_counts(rows, "in_doubt"),
        inexact=_why(out, foreign),
        stopped_ms=out.stopped_ns / 1e6,
    )


def _why(out: Any, foreign: list[int]) -> str:
    if out.exact or not out.stopped_ns:
        return ""
    if foreign:
        return f"programs that are not ours share this memory: {', '.join(map(str, foreign))}"
    return f"{text(out.holds_mbufs)} may hold mbufs"


def _counts(rows: Any, what: str) -> dict[str, int]:
    return {text(row.name): getattr(row, what) for row in rows if getattr(row, what)}


def _undone(row: Any) -> Undone:
    side = "consumer" if row.consumer else "producer"
    return Undone(text(row.name), side, _SYNCS.get(row.sync, "unknown"), row.n)


set_recovery(lambda dead: recover_from(dead.pid, dead.started))

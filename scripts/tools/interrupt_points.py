"""Raise at one bytecode of this package's own code, and check what is left.

A signal handler that raises does so between two bytecodes. `points` finds all that a call runs,
`raise_at` raises at one of them, once; `Witness` reports which DPDK resources are out of place.
"""

from __future__ import annotations

import gc
import os
import queue
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from interrupt_trace import Interrupt, Point, traced

from pydpdk import log
from pydpdk._core import lifetime
from pydpdk._core.signals import Deferred
from pydpdk._dpdk import ffi, lib
from pydpdk.host import registry
from pydpdk.memory.heap import heaps
from pydpdk.memory.mempool import mempools
from pydpdk.memory.memzone import memzones

PATIENCE_S = 20.0


def points(call: Callable[[], object], every: int = 1) -> list[Point]:
    """Return the bytecodes that a call runs, the first and last run of each."""
    found: list[Point] = []
    with traced(lambda point: _deferring() or found.append(point)):
        call()
    last = {point[:4]: point.run for point in found}
    chosen = [point for point in found if point.run in (1, last[point[:4]])]
    return chosen[::every]


def _deferring() -> bool:
    """Whether `Deferred` has replaced all handlers, so that none can raise."""
    return isinstance(getattr(signal.getsignal(signal.SIGALRM), "__self__", None), Deferred)


def raise_at(point: Point, call: Callable[[], object]) -> bool:
    """Call, and raise at that point; return whether the call reached it."""
    raised = False

    def note(here: Point) -> None:
        nonlocal raised
        if here == point:
            raised = True
            raise Interrupt(str(point))

    try:
        with traced(note):
            call()
    except Interrupt:
        return True
    return raised


def _stop_world() -> None:
    found = ffi.new("struct pyd_recovery *")
    with lifetime.lock():  # the watching thread may run a recovery, after a death
        done = lib.pyd_recover(found, False, True, 1000)
        lib.pyd_recovery_free(found)
    assert done == 0, "a thread is left inside a call"


class Other:
    """A second thread; no lock may be left that it needs.

    `stop_world` checks that all threads stop at a safepoint, as recovery needs.
    """

    def __init__(self, stop_world: Callable[[], None] = _stop_world) -> None:
        self.stop_world = stop_world
        self._asked: queue.SimpleQueue[Callable[[], object]] = queue.SimpleQueue()
        self._done: queue.SimpleQueue[BaseException | None] = queue.SimpleQueue()
        threading.Thread(target=self._run, daemon=True).start()

    def do(self, call: Callable[[], object]) -> None:
        """Call it in the other thread; raise what it raises, or if it does not return."""
        self._asked.put(call)
        try:
            error = self._done.get(timeout=PATIENCE_S)
        except queue.Empty:
            raise AssertionError("another thread waits forever: a lock is held") from None
        if error is not None:
            raise error

    def _run(self) -> None:
        while True:
            call = self._asked.get()
            try:
                call()
                self._done.put(None)
            except BaseException as error:
                self._done.put(error)
            del call


PIDFD = "anon_inode:[pidfd]"
CHANNEL_THREAD = "pydpdk-channel"  # ends soon after its channel is closed, with two descriptors


def _look() -> dict[str, Any]:
    return {
        "pools": {pool.name: pool.in_use_count for pool in mempools()},
        "zones": {zone.name for zone in memzones()},
        "blocks": sum(heap.alloc_count for heap in heaps()),
        "files": _files(),
        "signals": (
            signal.pthread_sigmask(signal.SIG_BLOCK, ()),
            *map(signal.getsignal, sorted(signal.valid_signals())),
        ),
        "threads": Counter(thread.name for thread in threading.enumerate()),
        "children": Path(f"/proc/self/task/{os.getpid()}/children").read_text().split(),
    }


def _files() -> Counter[str]:
    """Return the open files, except those that the watching thread has open for a moment."""
    found: Counter[str] = Counter()
    for link in Path("/proc/self/fd").iterdir():
        with suppress(OSError):
            found[str(link.readlink())] += 1
    passing = ("/proc/", "/sys/", registry.FILE)
    return Counter({k: n for k, n in found.items() if not any(text in k for text in passing)})


class Witness:
    """The state before, which must be restored."""

    def __init__(self, other: Other) -> None:
        self._other = other
        self._owners = set(map(id, lifetime.owners()))
        self._before = _look()

    def other_thread(self) -> None:
        """Check that another thread gets all locks."""
        self._other.do(lambda: (memzones(), log.flush()))

    def stop_world(self) -> None:
        """Check that no thread is left in its critical section: recovery waits for all."""
        self._other.stop_world()

    def close_all(self) -> None:
        """Close what is open and unreferenced: it must be registered, and intact."""
        for owner in lifetime.owners():
            if id(owner) not in self._owners and not owner.closed:
                owner.close(force=True)
        for thread in threading.enumerate():
            if thread.name == CHANNEL_THREAD:
                thread.join(PATIENCE_S)

    def drift(self) -> int:
        """Return how many more memory blocks there are: a driver may leave some each time."""
        return int(_look()["blocks"] - self._before["blocks"])

    def compare(self, drift: int) -> None:
        """Raise if something is out of place; `drift`: blocks that a complete call leaves.

        Other threads may lag: the watching thread has a descriptor for each process.
        """
        deadline = time.monotonic() + PATIENCE_S
        while (wrong := self._wrong(drift)) and time.monotonic() < deadline:
            gc.collect()  # an exception in a cycle with its traceback keeps what the frames have
            time.sleep(0.01)
        assert not wrong, wrong

    def _wrong(self, drift: int) -> list[str]:
        now = _look()
        if now["blocks"] == self._before["blocks"] + drift:
            now["blocks"] = self._before["blocks"]
        # that of a process of an earlier case may have been open still
        now["files"][PIDFD] = max(now["files"][PIDFD], self._before["files"][PIDFD])
        return [
            f"{what}: {_difference(before, now[what])}"
            for what, before in self._before.items()
            if now[what] != before
        ]


def _difference(before: Any, now: Any) -> str:
    if isinstance(before, tuple):
        return str([pair for pair in zip(before, now, strict=True) if pair[0] != pair[1]])
    if isinstance(before, Counter):
        return f"{dict(before - now)} gone, {dict(now - before)} more"
    return f"{before} before, {now} now"

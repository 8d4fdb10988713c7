"""Memory events: pages that DPDK maps and unmaps while a program runs.

DPDK calls back under its memory lock, where waiting for Python would be a deadlock. So the events
wait in a queue in C until Python reads them.
"""

from __future__ import annotations

import itertools
import os
import select
from enum import StrEnum
from typing import Any

from pydpdk import eal
from pydpdk._core.frozen import frozen
from pydpdk._core.lifetime import Owner, Rank, Undo, address_of, lock
from pydpdk._core.timeouts import deadline, left_ms
from pydpdk._dpdk import ffi, lib
from pydpdk.errors import ClosedError, call_errno, call_rte_errno

_ROOM = 256
_numbers = itertools.count()


class MemEventKind(StrEnum):
    """Whether DPDK mapped or unmapped the pages of an event."""

    ALLOC = "alloc"
    FREE = "free"


@frozen
class MemEvent:
    """Pages that DPDK mapped or unmapped.

    Attributes
    ----------
    addr, len : int
        The pages [bytes], one piece of address space.
    time_ns : int
        The time, on the clock of `time.monotonic_ns`.
    """

    kind: MemEventKind
    addr: int
    len: int
    time_ns: int


class Watch(Owner):
    """The memory events since `watch` was called.

    Notes
    -----
    Wraps    rte_mem_event_callback_unregister (rte_memory.h) in `close`
    Owns     its registration with DPDK; `close` ends it
    Threads  any; each event is read once
    """

    _rank = Rank.WATCH

    def __init__(self, name: str, c: Any) -> None:
        self._c, events = c, c.events
        self._entries = ffi.new(f"struct pyd_event[{_ROOM}]")
        self._fd = int(lib.pyd_events_fd(events))
        self._lost = ffi.new("uint64_t *")
        super().__init__(name, events, ffi.addressof(c, "gate"), address=address_of(events))

    def read(self) -> list[MemEvent]:
        """Return the events that were not read yet, oldest first, without waiting."""
        found: list[MemEvent] = []
        n = _ROOM
        while n == _ROOM:
            with lock():  # threads share the array
                self.handle  # noqa: B018  # raises when closed
                n = lib.pyd_events_take(self._c, self._entries, _ROOM, self._lost)
                if n < 0:
                    raise ClosedError(f"{self!r} is being closed")
                found += [_event(self._entries[i]) for i in range(n)]
        return found

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for an event.

        Parameters
        ----------
        timeout
            [s]; 0 looks once, None waits for ever.

        Returns
        -------
        bool
            Whether there is something to `read`.
        """
        end = deadline(timeout)
        poll = select.poll()
        poll.register(self.fileno(), select.POLLIN)
        return bool(poll.poll(left_ms(end)))

    def fileno(self) -> int:
        """Return a descriptor for `select` and event loops, readable while there are events."""
        self.handle  # noqa: B018  # raises when closed
        return self._fd

    @property
    def lost(self) -> int:
        """How many events were lost because 65,536 were waiting already."""
        return int(self._lost[0])

    def _free(self, force: bool) -> None:
        call_errno(lib.pyd_events_close, self._c, detail=self.name)


def watch() -> Watch:
    """Record, from now on, the pages that DPDK maps and unmaps.

    Returns
    -------
    Watch
        Close it, e.g. `with events.watch() as w: ...; w.read()`.

    Raises
    ------
    NotSupportedError
        Without hugepages memory does not change.

    Notes
    -----
    Wraps  rte_mem_event_callback_register (rte_memory.h)
    Cost   nothing while DPDK maps and unmaps no pages
    """
    eal.require_running()
    name = f"pydpdk-{os.getpid()}-{next(_numbers)}"
    c = ffi.new("struct pyd_watch *")
    with eal.running(), Undo(lib.pyd_events_close, c):
        call_rte_errno(lib.pyd_events_open, c, name.encode(), detail="memory events need hugepages")
        return Watch(name, c)


def _event(c: Any) -> MemEvent:
    alloc = c.kind == lib.RTE_MEM_EVENT_ALLOC
    return MemEvent(MemEventKind.ALLOC if alloc else MemEventKind.FREE, c.addr, c.len, c.time_ns)

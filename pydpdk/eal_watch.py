"""Deaths among the processes of a prefix, told at once to whoever asked."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from pydpdk._lifetime import lock
from pydpdk.host import registry
from pydpdk.host.primary import remove_traces
from pydpdk.host.registry_page import Member
from pydpdk.host.watch import Watch

_logger = logging.getLogger("pydpdk")


@dataclass(frozen=True)
class Death:
    """A process of ours that ended without leaving.

    Attributes
    ----------
    recovered : object
        What recovery found and gave back; None where there was none to do, or it failed.
    error : Exception or None
        Why recovery failed: what the process held is still out, and `recover()` tries again.
    """

    process: Member
    recovered: object = None
    error: Exception | None = None


Recovery = Callable[[Member], object]
_recovery: Recovery | None = None


def set_recovery(function: Recovery) -> None:
    """Call this in a primary for each dead process, before callbacks hear of the death.

    Notes
    -----
    Threads  on the watching thread, under `_lifetime.lock()`, while the EAL runs
    """
    global _recovery
    _recovery = function


class Watcher:
    """What a running EAL hears of the other processes.

    Attributes
    ----------
    primary_alive : bool
        In a secondary whether its primary lives; always true in a primary.
    """

    def __init__(self, prefix: str, primary_pid: int, me: Member | None) -> None:
        self.primary_alive = True
        self._prefix, self._primary_pid, self._me = prefix, primary_pid, me
        self._on_primary: list[Callable[[], object]] = []
        self._on_process: list[Callable[[Death], object]] = []
        self._stopped = False
        self._watch = Watch(self._tell, self._look)

    def start(self) -> None:
        """Begin: a secondary with its primary, a primary with all who attach."""
        if self._primary_pid:
            if not self._watch.process(self._primary_pid):
                self._lost_primary()
        else:
            self._watch.file(registry.path_of(self._prefix))
            self._look()
        self._watch.start()

    def stop(self) -> None:
        """Hear nothing more; what has begun to be told waits for the lock and is dropped."""
        self._stopped = True
        self._watch.stop()

    def on_primary_death(self, callback: Callable[[], object]) -> None:
        """Add a callback; call it now where the primary is dead."""
        _check(callback)
        with lock():
            self._on_primary.append(callback)
            late = not self.primary_alive
        if late:
            _call(callback)

    def on_process_death(self, callback: Callable[[Death], object]) -> Callable[[], None]:
        """Add a callback; return what takes it away again."""
        _check(callback)
        with lock():
            self._on_process.append(callback)

        def remove() -> None:
            with lock(), suppress(ValueError):
                self._on_process.remove(callback)

        return remove

    def _tell(self, pid: int) -> None:
        if pid == self._primary_pid:
            self._lost_primary()
        else:
            self._look()

    def _lost_primary(self) -> None:
        with lock():
            if self._stopped:
                return
            self.primary_alive = False
            callbacks = tuple(self._on_primary)
        _logger.error(
            "the primary of %r (PID %d) is gone: what is mapped stays usable, nothing new can be"
            " had; leave, so that a new primary can start", self._prefix, self._primary_pid,
        )  # fmt: skip
        for callback in callbacks:
            _call(callback)

    def _look(self) -> None:
        """Watch who has come, and tell of those that died, if the pidfd did not first."""
        for member in registry.members(self._prefix):
            if self._me is None or member.index != self._me.index:
                self._watch.process(member.pid)
        for member in registry.dead(self._prefix):
            self._watch.leave(member.pid)
            self._lost(member)

    def _lost(self, member: Member) -> None:
        _logger.warning("the %s died without leaving %r", member, self._prefix)
        with lock():
            if self._stopped:
                return
            death = _recover(member)
            callbacks = tuple(self._on_process)
        remove_traces(self._prefix, member.pid)
        registry.forget(self._prefix, member)
        if death.error is not None:
            _logger.error("what the %s held is still out: %s", member, death.error)
        elif death.recovered is not None:
            _logger.warning("of the %s: %s", member, death.recovered)
        for callback in callbacks:
            _call(callback, death)


def _recover(member: Member) -> Death:
    try:
        return Death(member, _recovery(member) if _recovery else None)
    except Exception as error:  # told to all who are told of the death, on this thread
        return Death(member, error=error)


def _check(callback: object) -> None:
    if not callable(callback):
        raise TypeError(f"callback={callback!r}: takes a function")


def _call(callback: Callable[..., object], *arguments: object) -> object:
    try:
        return callback(*arguments)
    except Exception:
        _logger.exception("a callback for the death of a process failed")
        return None

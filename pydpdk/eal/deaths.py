"""Watch the processes of a prefix; when one dies, recover and call the callbacks."""

from __future__ import annotations

import errno
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from threading import Lock

from pydpdk._core import hooks
from pydpdk._core.callbacks import Voice, call, kept
from pydpdk._core.frozen import frozen
from pydpdk._core.lifetime import Locked, Undo, lock
from pydpdk._dpdk import ffi, lib
from pydpdk.errors import damage_error, make_error
from pydpdk.host import registry
from pydpdk.host.primary import remove_traces
from pydpdk.host.registry_page import RegisteredProcess
from pydpdk.host.watch import ProcessWatch

_logger = Voice("pydpdk")
_FAILED = "a callback for the death of a process failed"
_STILL_MS = 500
_PATIENCE_MS = 12000  # DPDK waits 5 s for a process that does not answer


@frozen
class Death:
    """A process of ours that ended without leaving.

    Attributes
    ----------
    recovered : object
        The result of recovery; None if there was nothing to do, or it failed.
    error : Exception or None
        Why recovery failed: the objects of the process are still missing; `recover()` tries again.
    """

    process: RegisteredProcess
    recovered: object = None
    error: Exception | None = None


class Watcher:
    """Watches the other processes of a running EAL.

    Attributes
    ----------
    primary_alive : bool
        In a secondary whether its primary is alive; always true in a primary.
    answered_for : set of int
        Dead processes whose sockets the primary listens on, until their recovery has ended.
    """

    def __init__(self, prefix: str, primary_pid: int, me: RegisteredProcess | None) -> None:
        self.primary_alive = True
        self.answered_for: set[int] = set()
        self._prefix, self._primary_pid, self._me = prefix, primary_pid, me
        self._on_primary: list[Callable[[], object]] = []
        self._on_process: list[Callable[[Death], object]] = []
        self._stopped = False
        self._damaged = False
        self._unlocking = Lock()
        self._watch = ProcessWatch(self._died, self._changed)

    def start(self) -> None:
        """Begin to watch: a secondary its primary, a primary all processes that attach."""
        self._watch.file(registry.path_of(self._prefix))
        if not self._primary_pid:
            self._look()
        elif not self._watch.process(self._primary_pid):
            self._lost_primary()
        self._watch.start()

    def stop(self) -> None:
        """Stop watching; a notification that has begun waits for the lock and is dropped."""
        with Locked(self._unlocking):
            self._stopped = True
        self._watch.stop()

    def give_back_locks(self) -> tuple[str, ...]:
        """Release, in a primary, the DPDK locks that dead processes held; return their names.

        Raises
        ------
        DpdkError
            EOWNERDEAD: what a lock guards cannot be made consistent; all processes of the prefix
            must end.
        BusyError
            A living process may hold a lock, which stays locked; those released before are logged.

        Notes
        -----
        Threads  any, without `_core.lifetime.lock()`: its owner may be waiting for a DPDK lock
        """
        with Locked(self._unlocking):
            if self._stopped or self._primary_pid:
                return ()
            out = ffi.new("struct pyd_locks *")
            result = lib.pyd_locks_give_back(out, _STILL_MS, _PATIENCE_MS)
        names = tuple(ffi.string(out.names[i]).decode() for i in range(out.n))
        if names:
            _logger.warning("a dead process held the lock of %s: released", "; ".join(names))
        if result == -errno.EOWNERDEAD:
            raise damage_error("pyd_locks_give_back")
        if result < 0:
            why = f"process {out.culprit} stays inside a call" if out.culprit else "DPDK is at work"
            raise make_error("pyd_locks_give_back", -result, f"{why}; a lock stays locked")
        return names

    def on_primary_death(self, callback: Callable[[], object]) -> None:
        """Add a callback; call it now if the primary is dead already."""
        _check(callback)
        with lock():
            self._on_primary.append(callback)
            late = not self.primary_alive
        if late:
            call(_logger, _FAILED, callback)

    def on_process_death(self, callback: Callable[[Death], object]) -> Callable[[], None]:
        """Add a callback; return a function that removes it."""
        _check(callback)
        with Undo(self.forget, callback):
            with lock():
                self._on_process.append(callback)
            return partial(self.forget, callback)

    def forget(self, callback: Callable[[Death], object]) -> None:
        """Remove a callback of `on_process_death`, if it is there."""
        with lock(), suppress(ValueError):
            self._on_process.remove(callback)

    @kept()
    def _died(self, pid: int) -> None:
        if pid == self._primary_pid:
            self._lost_primary()
        else:
            self._look()

    @kept()
    def _changed(self) -> None:
        self._look()

    def _lost_primary(self) -> None:
        with self._unlocking:  # without `lock()`: its owner may be waiting for a DPDK lock
            if not self._stopped:
                self._look_for_damage(lib.pyd_locks_abandon(_STILL_MS, _PATIENCE_MS))
        with lock():
            if self._stopped:
                return
            self.primary_alive = False
            lib.pyd_foreign(lib.PYD_FOREIGN_SEEN, 0)  # no primary sees new processes any more
            callbacks = tuple(self._on_primary)
        _logger.error(
            "the primary of %r (PID %d) is gone: mapped memory stays usable, nothing new can be"
            " allocated; leave, so that a new primary can start", self._prefix, self._primary_pid,
        )  # fmt: skip
        for callback in callbacks:
            call(_logger, _FAILED, callback)

    def _look_for_damage(self, result: int) -> None:
        """Log once that shared memory is damaged."""
        if result == -errno.EOWNERDEAD and not self._damaged:
            self._damaged = True
            _logger.error("%s", damage_error("rte_eal"))

    def _look(self) -> None:
        """Watch new processes, and handle deaths that no pidfd has reported."""
        if self._primary_pid:
            with self._unlocking:
                if not self._stopped:
                    self._look_for_damage(lib.pyd_damage_look())
            return
        for member in registry.members(self._prefix):
            if self._me is None or member.index != self._me.index:
                self._watch.process(member.pid)
        for member in registry.dead(self._prefix):
            self._watch.leave(member.pid)
            with kept():  # one failure must not skip the next dead process
                self._lost(member)

    def _lost(self, member: RegisteredProcess) -> None:
        _logger.warning("the %s died without leaving %r", member, self._prefix)
        death = self._recover(member)
        if death is None:
            return
        remove_traces(self._prefix, member.pid)
        self.answered_for.discard(member.pid)
        registry.forget(self._prefix, member)
        if death.error is not None:
            _logger.error("the objects of the %s are still missing: %s", member, death.error)
        elif death.recovered is not None:
            _logger.warning("of the %s: %s", member, death.recovered)
        with lock():
            callbacks = tuple(self._on_process)
        for callback in callbacks:
            call(_logger, _FAILED, callback, death)

    def _recover(self, member: RegisteredProcess) -> Death | None:
        try:
            recover = hooks.recovery() if hooks.recovery else None
            with self._unlocking:
                if not self._stopped:
                    self.answered_for.add(member.pid)
                    lib.pyd_answer_for(member.pid)
            self.give_back_locks()
            with lock():
                if self._stopped:
                    return None
                return Death(member, recover(member) if recover else None)
        except Exception as error:  # passed to the callbacks as `Death.error`
            return Death(member, error=error)


def _check(callback: object) -> None:
    if not callable(callback):
        raise TypeError(f"callback must be callable (got {callback!r})")

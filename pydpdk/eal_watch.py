"""Deaths among the processes of a prefix, told at once to whoever asked."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from threading import Lock

from pydpdk._callbacks import Voice, call, kept
from pydpdk._dpdk import lib
from pydpdk._frozen import frozen
from pydpdk._lifetime import lock
from pydpdk.errors import make_error
from pydpdk.host import registry
from pydpdk.host.primary import remove_traces
from pydpdk.host.registry_page import Member
from pydpdk.host.watch import Watch

_logger = Voice("pydpdk")
_FAILED = "a callback for the death of a process failed"
_RECOVERY = "pydpdk.process.recover"
_STILL_MS = 1000
_MAP_LOCKED = "the lock of the memory map stays shut: end all processes of this prefix"


@frozen
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
        self._unlocking = Lock()
        self._watch = Watch(self._tell, self._changed)

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
        with self._unlocking:
            self._stopped = True
        self._watch.stop()

    def unlock_memory_map(self) -> None:
        """In a primary, give back what processes keep that die while they attach or leave.

        Raises
        ------
        DpdkError
            EOWNERDEAD: it stays locked; all processes of the prefix must end.

        Notes
        -----
        Threads  any, without `_lifetime.lock()`: who has that one may wait for DPDK's
        """
        with self._unlocking:
            if self._stopped or self._primary_pid or not self._died_inside_eal():
                return
            result = lib.pyd_leave_memory_map(_STILL_MS)
        if result < 0:
            raise make_error("rte_mcfg_mem_write_lock", -result, _MAP_LOCKED)

    def on_primary_death(self, callback: Callable[[], object]) -> None:
        """Add a callback; call it now where the primary is dead."""
        _check(callback)
        with lock():
            self._on_primary.append(callback)
            late = not self.primary_alive
        if late:
            call(_logger, _FAILED, callback)

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
        with kept():
            if pid == self._primary_pid:
                self._lost_primary()
            else:
                self._look()

    def _changed(self) -> None:
        with kept():
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
            call(_logger, _FAILED, callback)

    def _look(self) -> None:
        """Watch who has come, and tell of those that died, if the pidfd did not first."""
        for member in registry.members(self._prefix):
            if self._me is None or member.index != self._me.index:
                self._watch.process(member.pid)
        for member in registry.dead(self._prefix):
            self._watch.leave(member.pid)
            with kept():  # the next may be dead as well
                self._lost(member)

    def _lost(self, member: Member) -> None:
        _logger.warning("the %s died without leaving %r", member, self._prefix)
        death = self._recover(member)
        if death is None:
            return
        remove_traces(self._prefix, member.pid)
        registry.forget(self._prefix, member)
        if death.error is not None:
            _logger.error("what the %s held is still out: %s", member, death.error)
        elif death.recovered is not None:
            _logger.warning("of the %s: %s", member, death.recovered)
        with lock():
            callbacks = tuple(self._on_process)
        for callback in callbacks:
            call(_logger, _FAILED, callback, death)

    def _recover(self, member: Member) -> Death | None:
        try:
            _load_recovery()
            self.unlock_memory_map()
            with lock():
                if self._stopped:
                    return None
                return Death(member, _recovery(member) if _recovery else None)
        except Exception as error:  # told to all who are told of the death, on this thread
            return Death(member, error=error)

    def _died_inside_eal(self) -> bool:
        return not all(dead.ready for dead in registry.dead(self._prefix))


def _load_recovery() -> None:
    """Import what recovers: it stands on rooms above this one, and calls `set_recovery`."""
    if _recovery is None:
        import_module(_RECOVERY)


def _check(callback: object) -> None:
    if not callable(callback):
        raise TypeError(f"callback={callback!r}: takes a function")

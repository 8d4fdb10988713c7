"""One process of a group, as seen by its primary."""

from __future__ import annotations

import contextlib
import pickle
import signal
import threading
from enum import StrEnum
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection
from typing import Any

from pydpdk._core.eventfd import Eventfd
from pydpdk._core.fixed import Fixed
from pydpdk._core.lifetime import Locked, Undo
from pydpdk._core.timeouts import check_timeout
from pydpdk.eal.deaths import Death
from pydpdk.process import child
from pydpdk.process.child import Order

_EXIT_S = 5.0


class MemberDiedError(RuntimeError):
    """A process of a group ended without returning from its function."""


class RemoteTracebackError(Exception):
    """The cause of an exception from another process: its traceback there."""

    def __str__(self) -> str:
        return f"\n{self.args[0]}"


class MemberState(StrEnum):
    """The state of a process of a group: `failed` where its function raised."""

    STARTING = "starting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    DEAD = "dead"


class Ending(Fixed):
    """The base of a process of a group, and of the group: threads wait until it is `done`."""

    _changed: threading.Condition
    _ready: Eventfd | None = None

    def done(self) -> bool:
        """Return whether it is."""
        raise NotImplementedError

    def fileno(self) -> int:
        """Return a descriptor for `select` and event loops, readable while it is `done`.

        Notes
        -----
        Owns  the descriptor, which is valid as long as this object
        """
        with Locked(self._changed):
            if self._ready is None:
                self._ready = Eventfd()
            self._signal()
            return self._ready.fileno()

    def _signal(self) -> None:
        """Make the descriptor readable, or not; under the lock."""
        if self._ready is not None:
            self._ready.set() if self.done() else self._ready.clear()


class Member(Ending):
    """A process that runs one function.

    Attributes
    ----------
    name : str
        The name given to `start`. Default: the function's.

    Notes
    -----
    Threads  any
    Like     concurrent.futures.Future: `done`, `running`, `result`, `exception`, `cancel`
    """

    def __init__(
        self, context: Any, order: Order, restarts: int, changed: threading.Condition
    ) -> None:
        self.name = order.name
        self._pid = 0
        self._state = MemberState.STARTING
        # the state to show once its descriptors are closed
        self._outcome: MemberState | None = None
        self._restarted = 0
        self._context, self._order, self._restarts = context, order, restarts
        self._changed = changed
        self._value: Any = None
        self._error: BaseException | None = None
        self._process: Any = None
        self._link: Connection[Any, Any] | None = None

    @property
    def pid(self) -> int:
        """The process id; it changes with each restart."""
        return self._pid

    @property
    def state(self) -> MemberState:
        """`starting`, `running`, `done`, `failed` (the function raised), or `dead`."""
        return self._state

    @property
    def restarted(self) -> int:
        """How many times the process was restarted."""
        return self._restarted

    def done(self) -> bool:
        """Return whether the function has returned or raised, or the process died for good."""
        return self.state in (MemberState.DONE, MemberState.FAILED, MemberState.DEAD)

    def running(self) -> bool:
        """Return whether the function runs in its process."""
        return self.state == MemberState.RUNNING

    @property
    def alive(self) -> bool:
        """Whether the process is alive."""
        process = self._process
        with contextlib.suppress(ValueError):  # closed by another thread meanwhile
            return process is not None and bool(process.is_alive())
        return False

    def wait_ready(self, timeout: float | None = None) -> bool:
        """Wait until the process has attached and its function runs; return whether it does.

        Parameters
        ----------
        timeout
            [s]; 0 looks once, None waits for ever.
        """
        seconds = check_timeout(timeout)
        with Locked(self._changed):
            self._changed.wait_for(lambda: self.state != MemberState.STARTING, seconds)
            return self.state == MemberState.RUNNING

    def result(self, timeout: float | None = None) -> Any:
        """Wait for the result of the function.

        Parameters
        ----------
        timeout
            [s]; 0 looks once, None waits for ever.

        Raises
        ------
        TimeoutError
            The function has not returned yet.
        MemberDiedError
            The process died; the message says why, and what it held.
        Exception
            The exception of the function, with the traceback in its process as the cause.
        """
        self._join(timeout)
        if self._error is not None:
            raise self._error
        return self._value

    def exception(self, timeout: float | None = None) -> BaseException | None:
        """Wait as `result` does; return the exception that `result` raises, None for a result.

        Raises
        ------
        TimeoutError
            The function has not returned yet.
        """
        self._join(timeout)
        return self._error

    def cancel(self) -> bool:
        """Ask the function to return: `pydpdk.running()` is false in its process now.

        Returns
        -------
        bool
            Whether it had not returned. A function that returns has a result, as without `cancel`.
        """
        self._restarts = 0
        with contextlib.suppress(OSError, AttributeError):
            self._link.send("stop")  # type: ignore[union-attr]
        return not self.done()

    def terminate(self) -> None:
        """Send the process SIGTERM."""
        self._restarts = 0
        self._kill(signal.SIGTERM)

    def kill(self) -> None:
        """Send the process SIGKILL; a restart may follow, as after any death."""
        self._kill(signal.SIGKILL)

    def _join(self, timeout: float | None) -> None:
        seconds = check_timeout(timeout)
        with Locked(self._changed):
            if not self._changed.wait_for(self.done, seconds):
                raise TimeoutError(f"{self!r} has not returned within {timeout} s")

    def _kill(self, number: signal.Signals) -> None:
        process = self._process
        with contextlib.suppress(AttributeError, ValueError):  # it has ended, and was closed
            if process.is_alive():
                process.kill() if number == signal.SIGKILL else process.terminate()

    def _spawn(self) -> None:
        near, far = self._context.Pipe()
        self._process = self._context.Process(
            target=child.main, args=(far, self._order), name=self.name, daemon=True
        )
        self._start()
        far.close()
        self._link, self._pid, self._state = near, self._process.pid, MemberState.STARTING

    def _start(self) -> None:
        """Start the process with its ending signals blocked, until it has its handlers."""
        resource_tracker.ensure_running()  # its start would unblock the signals
        before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
        with Undo(signal.pthread_sigmask, signal.SIG_SETMASK, before):
            signal.pthread_sigmask(signal.SIG_BLOCK, child.SIGNALS)
            self._process.start()
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def _drop(self) -> None:
        """Kill a process that no caller knows: the call that started it was interrupted."""
        if self._process is not None and self._process.pid is not None:
            self._process.kill()
            self._process.join()

    def _links(self) -> list[Any]:
        return [self._link, self._process.sentinel]

    def _receive(self) -> bool:
        """Receive messages of the process; return whether it died instead."""
        assert self._link is not None  # noqa: S101  spawned
        try:
            self._take_all(self._link)
        except (EOFError, OSError):
            self._process.join()
        if self._outcome is not None:
            self._process.join()
            self._release()
            self._show(self._outcome)
            return False
        return not self._process.is_alive()

    def _take_all(self, link: Connection[Any, Any]) -> None:
        while link.poll():
            self._take(*link.recv())

    def _take(self, kind: str, payload: Any, text: str = "") -> None:
        if kind == "ready":
            self._show(MemberState.RUNNING)
            return
        value = pickle.loads(payload)  # noqa: S301  from a process that we started
        if kind == "failed":
            value.__cause__ = RemoteTracebackError(text)
            self._error = value
        else:
            self._value = value
        self._process.join(_EXIT_S)  # it has detached: only the interpreter has to end
        self._process.kill()
        self._outcome = MemberState.DONE if kind == "done" else MemberState.FAILED

    def _died(self, death: Death | None, *, again: bool) -> bool:
        """Restart the process if it has restarts left; return whether it was restarted."""
        code = self._release()
        with Locked(self._changed):
            if again and self.restarted < self._restarts:
                self._restarted += 1
                self._spawn()
                return True
        end = f"{_cause(code)}{_held(death)}"
        self._show(MemberState.DEAD, MemberDiedError(f"{self.name!r} (PID {self.pid}) {end}"))
        return False

    def _release(self) -> int:
        """Close the descriptors of an ended process; return its exit code."""
        assert self._link is not None  # noqa: S101  spawned
        process, self._process = self._process, None
        code = int(process.exitcode)
        process.close()
        self._link.close()
        return code

    def _give_up(self, error: BaseException) -> None:
        """Kill the process; its state is `failed`, with an error of this process."""
        if self._process is not None:
            self._process.kill()
            self._process.join()
            self._release()
        self._show(MemberState.FAILED, error)

    def _show(self, state: MemberState, error: BaseException | None = None) -> None:
        """Set a new state, and wake threads that wait for it."""
        with Locked(self._changed):
            self._error = error or self._error
            self._state = state
            self._signal()
            self._changed.notify_all()

    def __repr__(self) -> str:
        return f"<Member {self.name!r} (PID {self.pid}) {self.state}>"


def _cause(code: int) -> str:
    if code >= 0:
        return f"ended with exit code {code} before its function returned"
    try:
        return f"was ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"was ended by signal {-code}"


def _held(death: Death | None) -> str:
    if death is not None and death.error is not None:
        return f"; its objects are still missing: {death.error}"
    return f"; {death.recovered}" if death is not None and death.recovered else ""

"""Python functions in processes of their own, which share the memory of this primary."""

from __future__ import annotations

import multiprocessing
import operator
import os
import pickle
import threading
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import wait
from typing import Any

from pydpdk import eal
from pydpdk._core.callbacks import Voice
from pydpdk._core.lifetime import Closing, Locked, Undo
from pydpdk._core.signals import Deferred
from pydpdk._core.timeouts import check_timeout
from pydpdk.eal.checks import MAX_PROCESS_NAME, check_process_name
from pydpdk.eal.deaths import Death
from pydpdk.eal.lcores import parse_lcores
from pydpdk.errors import ClosedError, check_range
from pydpdk.process.child import Order
from pydpdk.process.member import Ending, Member, MemberState

_logger = Voice("pydpdk")
_INHERITED = ("base_virtaddr", "log_level", "extra", "iova_mode", "pci", "allow", "block")
_RECOVERY_S = 10.0  # [s] to wait for the result of a recovery


class Group(Closing, Ending):
    """Secondary processes that the primary starts and watches.

    Parameters
    ----------
    timeout
        [s] that a function has to return after a request to stop, before its process is killed;
        None: for ever.

    Notes
    -----
    Owns     its processes: `close`, or leaving the `with` block, ends them
    Threads  any; a thread of the group's own watches the processes
    """

    def __init__(self, *, timeout: float | None = 5.0) -> None:
        self._timeout = check_timeout(timeout)
        eal.require_primary("Group")
        self._eal = eal.current()
        self._watcher = self._eal._peers.watcher("Group")
        self._context = multiprocessing.get_context("spawn")  # a fork would share our lcores
        self._cpus = frozenset(os.sched_getaffinity(0))
        self._members: list[Member] = []
        self._closed = self._ended = False
        self._changed = threading.Condition()
        self._deaths: dict[int, Death] = {}
        self._wake, self._woken = self._context.Pipe(duplex=False)[::-1]
        self._thread: threading.Thread | None = None

    def _begin(self) -> None:
        """Start to watch with the first process: an unused group leaves no thread behind."""
        if self._thread is None or self._thread.ident is None:
            self._watcher.forget(self._on_death)  # in case an earlier start was interrupted
            self._watcher.on_process_death(self._on_death)
            self._thread = threading.Thread(target=self._watch, name="pydpdk-group", daemon=True)
            self._thread.start()

    def _settle(self, member: Member) -> None:
        """Complete or undo an interrupted start."""
        if member in self._members:
            self._wake.send(None)
        else:
            member._drop()

    @property
    def members(self) -> tuple[Member, ...]:
        """All processes that were started, including ended ones."""
        return tuple(self._members)

    def start(
        self,
        function: Callable[..., Any],
        *args: Any,
        lcores: str | int | None = None,
        name: str | None = None,
        restarts: int = 0,
        **kwargs: Any,
    ) -> Member:
        """Call a function in a process of its own.

        Parameters
        ----------
        function
            Importable by name, as the other process imports it again.
        *args, **kwargs
            Anything that can be pickled; a `Ring`, `Mempool`, `Memzone` or `Port` is looked up in
            the other process: the same object in shared memory.
        lcores
            Number or map, e.g. `"10@1"`: lcore 10 on CPU 1. The function runs on the first,
            pinned. Default: a free one.
        name
            Up to 63 characters. Default: the function's.
        restarts
            How many times to restart the function when its process dies. An exception is a
            result and causes no restart.

        Returns
        -------
        Member
            The process; `result()` waits for what the function returns.

        Raises
        ------
        TypeError, ValueError
            The function or an argument cannot be pickled, or `lcores` or `name` is invalid.
        """
        check_range("restarts", restarts, 0, 1_000_000)
        if not callable(function):
            raise TypeError(f"function must be callable (got {function!r})")
        if name is None:
            name = str(getattr(function, "__name__", "function"))[:MAX_PROCESS_NAME]
        check_process_name(name)
        wanted = None if lcores is None else _lcores(lcores)
        try:
            work = pickle.dumps((function, args, kwargs))
        except Exception as error:
            raise TypeError(f"{function!r} or an argument of it cannot be sent: {error}") from error
        options = {key: getattr(self._eal.options, key) for key in _INHERITED}
        order = Order(self._eal.file_prefix, wanted, name, options, self._cpus, work)
        with Locked(self._changed):
            if self._closed:
                raise ClosedError("the group has been closed")
            member = Member(self._context, order, restarts, self._changed)
            with Undo(self._settle, member), Deferred():
                self._begin()
                member._spawn()
                self._members.append(member)
                self._signal()
                self._wake.send(None)
        return member

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until every function has returned or failed; return whether all have.

        Parameters
        ----------
        timeout
            [s]; 0 looks once, None waits for ever.
        """
        seconds = check_timeout(timeout)
        with Locked(self._changed):
            return self._changed.wait_for(self.done, seconds)

    def done(self) -> bool:
        """Return whether every function has returned or failed."""
        return all(member.done() for member in self.members)

    def cancel(self) -> None:
        """Ask every function to return: `pydpdk.running()` is false in their processes now."""
        for member in self.members:
            member.cancel()

    def close(self) -> None:
        """Ask all processes to stop, kill those that do not, and wait for them.

        Once closed, it does nothing.

        Notes
        -----
        Owns  mbufs and objects that a killed process held return to their pools
        """
        with Locked(self._changed):
            if self._ended:
                return
            self._closed = True
        self.cancel()
        for end in (lambda m: None, Member.terminate, Member.kill):
            if self.wait(self._timeout):
                break
            for member in (m for m in self.members if not m.done()):
                end(member)
        self._end()

    def _end(self) -> None:
        """End the thread and stop watching; steps that were done before do nothing."""
        self._closed = True
        with suppress(OSError):
            self._wake.send(None)
        if self._thread is not None and self._thread.ident is not None:
            self._thread.join()
        self._watcher.forget(self._on_death)
        for link in (self._wake, self._woken):
            link.close()
        self._ended = True

    def _watch(self) -> None:
        """Receive messages from the processes, and notice their end."""
        os.sched_setaffinity(0, self._cpus)  # the thread that started this one may be pinned
        while True:
            with Locked(self._changed):
                self._signal()
            live = [member for member in self.members if not member.done()]
            if self._closed and not live:
                return
            by_link = {link: member for member in live for link in member._links()}
            for link in wait([self._woken, *by_link]):
                if link is self._woken:
                    self._woken.recv()
                elif not by_link[link].done():
                    self._serve(by_link[link])

    def _serve(self, member: Member) -> None:
        """Handle a message or the death of a process; if that fails, mark it as failed."""
        try:
            self._update(member)
        except BaseException as error:  # raised by unpickling its message, or by a restart
            member._give_up(error)

    def _update(self, member: Member) -> None:
        if not member._receive():
            return
        # recovery may never have seen a process that died before it was attached
        ran = member.state == MemberState.RUNNING
        death = self._recovered(member.pid, _RECOVERY_S if ran else 1.0)
        if member._died(death, again=not self._closed):
            _logger.warning("%r is started again", member)

    def _recovered(self, pid: int, timeout: float) -> Death | None:
        """Wait for the recovery of a dead process; return its result."""
        with Locked(self._changed):
            self._changed.wait_for(lambda: pid in self._deaths, timeout)
            return self._deaths.pop(pid, None)

    def _on_death(self, death: Death) -> None:
        with Locked(self._changed):
            self._deaths[death.process.pid] = death
            self._changed.notify_all()

    def __repr__(self) -> str:
        live = sum(not member.done() for member in self._members)
        return f"<Group of {len(self._members)} processes, {live} live>"


def _lcores(lcores: str | int) -> str:
    text = lcores if isinstance(lcores, str) else str(operator.index(lcores))
    parse_lcores(text)
    return text

"""The main function of a group's process: attach, call the function, send back its result."""

from __future__ import annotations

import os
import pickle
import signal
import threading
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import Any

from pydpdk import eal
from pydpdk._core.frozen import frozen
from pydpdk.process.attach import attach

_GRACE_S = 10.0
"""[s] before a process exits after its primary died: until then no new primary can start."""

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_SAME_WISH_S = 1.0
"""[s] A signal this soon after a request to stop counts as the same request: Ctrl-C reaches the
group's processes and its primary, which passes it on."""

_asked_at: float | None = None  # when this process was asked to stop; no Event: handlers set it
_signalled = False
_working = False


@frozen
class Order:
    """The orders of a group's process.

    Attributes
    ----------
    work : bytes
        The function and its arguments, pickled. They may name DPDK objects, so they are unpickled
        only when the EAL runs.
    """

    file_prefix: str
    lcores: str | None
    name: str
    options: dict[str, Any]
    cpus: frozenset[int]
    work: bytes


def running() -> bool:
    """Whether to go on: false once this process was asked to stop, or its primary has ended.

    For the loop of a function that a `Group` runs: `while pydpdk.running(): ...`. True in any
    process whose EAL runs and that was not asked to stop.

    Notes
    -----
    Cost  60 ns
    """
    return _asked_at is None and eal.state() == eal.EalState.RUNNING


def main(link: Connection[Any, Any], order: Order) -> None:
    """Attach, call the function, send the answer: the target of the spawned process."""
    for number in SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _on_signal)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
    os.sched_setaffinity(0, order.cpus)  # the thread that started us may be pinned
    threading.Thread(target=_listen, args=(link,), name="pydpdk-group", daemon=True).start()
    answer: tuple[str, bytes] | tuple[str, bytes, str]
    try:
        answer = ("done", _call(link, order))
    except BaseException as error:
        answer = ("failed", _pickled(error), traceback.format_exc())
    try:
        link.send(answer)
    except OSError:
        os._exit(1)  # the primary is gone


def _call(link: Connection[Any, Any], order: Order) -> bytes:
    with attach(order.file_prefix, order.lcores, name=order.name, **order.options) as joined:
        joined.on_primary_death(_primary_died)
        function, args, kwargs = pickle.loads(order.work)  # noqa: S301  from our own primary
        link.send(("ready", None))
        with joined.pinned(), _breakable():
            return pickle.dumps(function(*args, **kwargs))


@contextmanager
def _breakable() -> Iterator[None]:
    """Let a second signal raise: it may interrupt only the function."""
    global _working
    _working = True
    try:
        yield
    finally:
        _working = False


def _ask() -> None:
    global _asked_at
    _asked_at = time.monotonic() if _asked_at is None else _asked_at


def _listen(link: Connection[Any, Any]) -> None:
    """Wait for the request to stop, or for the end of the primary."""
    try:
        link.recv()
    except (EOFError, OSError):
        _primary_died()
    _ask()


def _primary_died() -> None:
    _ask()
    timer = threading.Timer(_GRACE_S, os._exit, (70,))
    timer.daemon = True
    timer.start()


def _on_signal(number: int, frame: object) -> None:
    global _signalled
    late = _asked_at is not None and time.monotonic() - _asked_at > _SAME_WISH_S
    again = _signalled or late
    _signalled = True
    _ask()
    if again and _working:
        raise KeyboardInterrupt


def _pickled(error: BaseException) -> bytes:
    """Pickle the exception, or a `RuntimeError` with its text if it cannot be pickled."""
    try:
        data = pickle.dumps(error)
        pickle.loads(data)  # noqa: S301  some only fail here
    except BaseException:  # raised by its own methods
        return pickle.dumps(RuntimeError(_text(error)))
    return data


def _text(error: BaseException) -> str:
    try:
        return f"{type(error).__name__}: {error}"
    except BaseException:
        return type(error).__name__

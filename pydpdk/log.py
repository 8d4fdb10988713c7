"""`rte_log` as Python logging: logger `dpdk.<type>`, e.g. `dpdk.lib.eal` or `dpdk.pmd.net.tap`.

DPDK logs from any thread, so its lines wait in a queue in C, and a daemon thread passes them to
`logging`. `Recorder` keeps the lines of one call, e.g. of `rte_eal_init`.
"""

from __future__ import annotations

import logging
import os
import re
import select
import threading
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, Self, TypeVar

from pydpdk._core.callbacks import Voice, kept
from pydpdk._core.lifetime import Locked
from pydpdk._dpdk import ffi, lib
from pydpdk.errors import make_error

_LEVELS = {
    lib.RTE_LOG_EMERG: logging.CRITICAL,
    lib.RTE_LOG_ALERT: logging.CRITICAL,
    lib.RTE_LOG_CRIT: logging.CRITICAL,
    lib.RTE_LOG_ERR: logging.ERROR,
    lib.RTE_LOG_WARNING: logging.WARNING,
    lib.RTE_LOG_NOTICE: logging.INFO,
    lib.RTE_LOG_INFO: logging.INFO,
    lib.RTE_LOG_DEBUG: logging.DEBUG,
}
_TYPE_LINE = re.compile(r"id (\d+): (\S+?),", re.MULTILINE)
_PATIENCE_S = 1.0  # then a thread logs out of turn: a handler of the other may wait for it
_OF_DRIVERS = ("pmd.net.", "lib.vhost.")
_FAILURES_MAX = 256
_TYPES_SIZE = 1 << 17  # [bytes] of rte_log_dump: some 600 types in Debian's build

T = TypeVar("T")


class Failure(NamedTuple):
    """A line that a driver logged as an error.

    Attributes
    ----------
    number : int
        Counted from 1 in this process.
    logtype : str
        The driver's log type, such as `pmd.net.virtio.driver`.
    """

    number: int
    logtype: str
    text: str


class _Drain:
    """Moves lines from C to `logging`; one for each process."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._logging = threading.RLock()  # taken without `_lock`: handlers are user code
        self._waiting: deque[tuple[str, int, str]] = deque()
        self._names: dict[int, str] = {}
        self.recorders: set[Recorder] = set()
        self._failures: deque[Failure] = deque(maxlen=_FAILURES_MAX)
        self._failed = 0
        self._thread: threading.Thread | None = None
        self._line = ffi.new("struct pyd_log_line *")

    def start(self) -> None:
        """Redirect `rte_log` and start the thread; do nothing the second time."""
        with Locked(self._lock):
            if self._thread is not None:
                return
            fd = lib.pyd_log_open()
            if fd < 0:
                raise make_error("rte_openlog_stream", -fd)
            self._thread = threading.Thread(
                target=self._run, args=(fd,), name="pydpdk-log", daemon=True
            )
            self._thread.start()

    def _run(self, fd: int) -> None:
        poll = select.poll()
        poll.register(fd, select.POLLIN)
        while True:
            poll.poll()
            os.eventfd_read(fd)
            with kept():
                self.take()

    def take(self) -> None:
        """Log all lines that are queued now."""
        self._collect()
        self._emit()

    def _collect(self) -> None:
        """Move the lines queued in C to the recorders and to `_waiting`."""
        with Locked(self._lock):
            self._keep_all()

    def _keep_all(self) -> None:
        while lib.pyd_log_take(self._line):
            raw = bytes(ffi.buffer(self._line.text, self._line.length))
            text = raw.decode(errors="replace").strip()
            if text:
                self._keep(text, self._line.level, self._line.logtype)

    def _keep(self, text: str, level: int, logtype: int) -> None:
        for recorder in self.recorders:
            recorder.lines.append(text)
        level, name = _LEVELS.get(level, logging.INFO), self._name(logtype)
        if level >= logging.ERROR and name.startswith(_OF_DRIVERS):
            self._failed += 1
            self._failures.append(Failure(self._failed, name, text))
        self._waiting.append((name, level, text))

    def _emit(self) -> None:
        """Log the waiting lines, one thread at a time, to keep their order."""
        alone = self._logging.acquire(timeout=_PATIENCE_S)
        try:
            self._emit_all()
        except IndexError:  # a thread that logs out of turn took the last one
            pass
        finally:
            if alone:
                self._logging.release()

    def _emit_all(self) -> None:
        while self._waiting:
            name, level, text = self._waiting.popleft()
            Voice(f"dpdk.{name}").log(level, "%s", text)

    def _name(self, logtype: int) -> str:
        # drivers register their types when they are loaded, so look an unknown one up again
        if logtype not in self._names:
            self._names.update(_log_types())
        return self._names.setdefault(logtype, f"type{logtype}")

    def failures(self) -> list[Failure]:
        return self.between(list, self._failures)

    def between(self, act: Callable[[Any], T], argument: Any) -> T:
        """Call a function between the lines that are queued now and those that follow."""
        with Locked(self._lock):
            self._collect()
            result = act(argument)
        self._emit()
        return result


class Recorder:
    """Keep the DPDK log lines of all threads during a `with` block, in `lines`."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def __enter__(self) -> Self:
        _drain.between(_drain.recorders.add, self)
        return self

    def __exit__(self, *error: object) -> None:
        _drain.between(_drain.recorders.discard, self)


def _log_types() -> Iterator[tuple[int, str]]:
    buffer = ffi.new("char[]", _TYPES_SIZE)
    if lib.pyd_log_types(buffer, _TYPES_SIZE) == 0:
        for match in _TYPE_LINE.finditer(ffi.string(buffer).decode(errors="replace")):
            yield int(match[1]), match[2]


_drain = _Drain()


def redirect() -> None:
    """Send `rte_log` to `logging` from now on.

    Notes
    -----
    Wraps    rte_openlog_stream (rte_log.h)
    Threads  a daemon thread logs the lines, a moment after DPDK wrote them
    """
    _drain.start()


def failures_so_far() -> int:
    """Return how many lines drivers have logged as errors, for `driver_failures`."""
    found = _drain.failures()
    return found[-1].number if found else 0


def driver_failures(driver: str, since: int = 0) -> list[str]:
    """Return the lines that drivers of one name logged as errors, among the last 256 of all.

    DPDK returns no error for many driver failures: only the log has them.

    Parameters
    ----------
    driver
        As in `PortInfo.driver_name`: `net_virtio_user` logs as `pmd.net.virtio`.
    since
        Skip as many lines: an earlier result of `failures_so_far`.
    """
    return [
        failure.text
        for failure in _drain.failures()
        if failure.number > since and _is_of(failure.logtype, driver)
    ]


def _is_of(logtype: str, driver: str) -> bool:
    kind = logtype.split(".")[2] if logtype.startswith("pmd.net.") else "vhost"
    return driver.startswith(f"net_{kind}")


def flush() -> None:
    """Log all lines that DPDK has written so far."""
    _drain.take()

"""Run a file's app, and report what it moved."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, field, replace
from functools import partial
from typing import Any

from pydpdk import version
from pydpdk._core.callbacks import EndError, Voice, call
from pydpdk._core.frozen import frozen
from pydpdk._core.timeouts import check_timeout
from pydpdk.app import apps, compiled, workers
from pydpdk.app.compiled import CompiledWorkers, LcoreReport
from pydpdk.app.session import App
from pydpdk.app.target import load_target
from pydpdk.app.workers import WorkerReport
from pydpdk.config.apps import ReceivingSpec
from pydpdk.errors import ConfigError
from pydpdk.ethdev.pauses import Pauses
from pydpdk.ethdev.port import Port
from pydpdk.ethdev.stats import PortStats
from pydpdk.host import captures
from pydpdk.process import Member

_OVERDUE_S = 2.0
_WAIT_S = 0.05
_CUT = (
    "packets longer than its frames are dropped: see frame_size, and interface-offloads of"
    " `pydpdk doctor`"
)
_UNSENDABLE = "packets longer than its MTU or its frames, or in several pieces, are dropped"
_ROUNDS: dict[str, Callable[[App, Any], apps.Round]] = {
    "forward": apps.forward,
    "drop": apps.drop,
    "generate": apps.generate,
    "respond": apps.respond,
    "switch": apps.switch,
}
_logger = Voice("pydpdk")


@frozen
class PortReport:
    """Packets that a port moved during a run.

    Attributes
    ----------
    rx_pps, tx_pps : float
        [packets/s], on average.
    rx_missed : int
        [packets] that the device dropped because it had no descriptors or mbufs.
    tx_dropped : int
        [packets] that were freed because the port did not take them, or would have cut them.
    rx_malformed : int
        [packets] that were dropped: their segments and lengths contradict each other.
    errors : int
        [packets] that the driver could not receive or send, as it counts them.
    """

    rx_packets: int
    tx_packets: int
    rx_bytes: int
    tx_bytes: int
    rx_pps: float
    tx_pps: float
    rx_missed: int
    tx_dropped: int
    rx_malformed: int
    errors: int


@frozen
class Report:
    """Packets that a run moved.

    Attributes
    ----------
    result : str or None
        The result of the function of `app: {python: ...}`; None without one.
    """

    dpdk_version: str
    hugepages: bool
    duration_s: float
    ports: dict[str, PortReport]
    mempools: dict[str, dict[str, int]]
    lcores: dict[str, LcoreReport] = field(default_factory=dict)
    workers: dict[str, WorkerReport] = field(default_factory=dict)
    result: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the report as plain data, for JSON."""
        return asdict(self)


class Measurement:
    """The counters of an open file's ports, since this object was made."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._compiled: CompiledWorkers | None = None
        self._start = time.monotonic()
        self._base = self._read()
        self._warned: set[tuple[str, str]] = set()

    def begin(self, compiled: CompiledWorkers | None) -> None:
        """Start the clock, once all workers run; packets that they moved before count, too."""
        self._compiled = compiled
        self._start = time.monotonic()

    def end(self) -> None:
        """End the run."""
        self._app.stop.request()

    def _read(self) -> dict[str, PortStats]:
        return {name: port.stats() for name, port in self._app.ports.items()}

    def report(self) -> Report:
        """Return what was moved so far."""
        duration = max(time.monotonic() - self._start, 1e-9)
        now = self._read()
        self._warn_of_losses()
        return Report(
            dpdk_version=version.RUNNING,
            hugepages=self._app.eal.hugepages,
            duration_s=round(duration, 3),
            ports={
                name: _port_report(self._base[name], now[name], duration, port)
                for name, port in self._app.ports.items()
            },
            mempools={
                name: {"n": pool.capacity, "in_use": pool.in_use_count}
                for name, pool in self._app.mempools.items()
            },
            lcores=self._compiled.report() if self._compiled else {},
        )

    def _warn_of_losses(self) -> None:
        """Warn once per port and reason that packets were freed."""
        for name, port in self._app.ports.items():
            for n, why in (
                (sum(queue.cut for queue in port.rx_queues), _CUT),
                (sum(queue.unsendable for queue in port.tx_queues), _UNSENDABLE),
            ):
                if n and (name, why) not in self._warned:
                    self._warned.add((name, why))
                    _logger.warning("ports.%s: %s (%d so far)", name, why, n)


def run(
    app: App,
    timeout: float | None = None,
    *,
    tick: Callable[[Report], None] | None = None,
    interval: float | None = 1.0,
) -> Report:
    """Run the file's app until its time is up or a stop is requested.

    Parameters
    ----------
    timeout
        [s] that it runs; None: until Ctrl-C, SIGTERM or SIGHUP.
    tick
        Called from another thread every `interval` seconds with what was moved so far. An
        exception from it ends the run, and is raised here.

    Raises
    ------
    ConfigError
        The file has neither app nor workers.

    Notes
    -----
    Threads  the calling thread polls, pinned to the main lcore; compiled workers poll on theirs
    """
    seconds, interval = check_timeout(timeout), check_timeout(interval, "interval")
    spec = app.config.app
    if spec is None and not app.config.workers:
        raise ConfigError([f"{app.config.where()}: no app: add one, or open it from Python"])
    measurement = Measurement(app)
    with workers.started(app) as members, compiled.launched(app) as on_lcores:
        poll = _poller(app, on_lcores)
        measurement.begin(on_lcores)
        with app.stop.on_signals(seconds), _overdue(app), _ticking(measurement, tick, interval):
            result = poll(members)
    report = measurement.report()
    _warn_of_captures(app, report)
    return replace(report, workers=workers.report(members), result=result)


def _warn_of_captures(app: App, report: Report) -> None:
    for name, port in report.ports.items():
        files = ", ".join(captures.files_of(app.config.ports[name].parsed))
        if files and port.errors:
            _logger.warning(
                "ports.%s: %s was not read to its end: libpcap could not read on, or the mempool"
                " was empty (%d errors)", name, files, port.errors
            )  # fmt: skip


def _poller(
    app: App, on_lcores: CompiledWorkers | None
) -> Callable[[dict[str, Member]], str | None]:
    """Return the loop of this thread: poll for the app, or wait for the workers.

    The loop returns the result of the app's own function.
    """
    if on_lcores is not None:
        return lambda _: on_lcores.watch()
    spec = app.config.app
    if spec is None:
        return partial(_wait, app)
    if spec.python:
        with app.stop.breakable():
            target = load_target(spec.python, app.config.where("app", "python"))
        return lambda _: _pinned(app, partial(_call, app, target))
    mine = getattr(spec, spec.kind)
    round_ = _ROUNDS[spec.kind](app, mine)
    adaptive = isinstance(mine, ReceivingSpec) and mine.idle == "adaptive"

    def loop() -> None:
        while app.running:
            round_()

    return lambda _: _pinned(app, partial(_sleeping, app, round_) if adaptive else loop)


def _sleeping(app: App, round_: apps.Round) -> None:
    """Run rounds, and sleep after those in which no packet came."""
    queues = tuple(dict.fromkeys(
        app.ports[poll.rx_port].rx_queues[poll.rx_queue or 0]
        for poll in app.plan.polls if poll.rx_port is not None
    ))  # fmt: skip
    pauses, seen = Pauses([queue._fd for queue in queues]), 0
    while app.running:
        round_()
        packets = sum(queue.packets for queue in queues)
        if packets == seen:
            pauses.wait(None)
        else:
            pauses.reset()
            seen = packets


def _call(app: App, target: Callable[[App], object]) -> str | None:
    """Call the user's function; a second signal ends it."""
    try:
        with app.stop.breakable():
            return repr(target(app))
    except KeyboardInterrupt:
        app.stop.request()
        return None


def _pinned(app: App, loop: Callable[[], str | None]) -> str | None:
    with app.eal.pinned():
        return loop()


def _wait(app: App, members: dict[str, Member]) -> None:
    while app.running and not all(member.done() for member in members.values()):
        time.sleep(_WAIT_S)


@contextmanager
def _overdue(app: App) -> Iterator[None]:
    """Log once if a user's function goes on after the stop, from a thread that is not pinned."""
    done = threading.Event()

    def watch() -> None:
        while not done.wait(_WAIT_S):
            if app.stop.requested:
                if not done.wait(_OVERDUE_S):
                    _logger.warning(
                        "app.python: the function has not returned %g s after the stop: let its"
                        " loop look at app.running; one more Ctrl-C interrupts it", _OVERDUE_S
                    )  # fmt: skip
                return

    if app.config.app is None or app.config.app.python is None:
        yield
        return
    thread = threading.Thread(target=watch, name="pydpdk-overdue", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


class _ticking:  # noqa: N801  # reads as a verb in `with`
    """Calls `tick` from a thread, made before the caller is pinned to its lcore's CPU."""

    def __init__(
        self,
        measurement: Measurement,
        tick: Callable[[Report], None] | None,
        interval: float | None,
    ) -> None:
        self._meter, self._tick, self._interval = measurement, tick, interval
        self._done = threading.Event()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="pydpdk-rate", daemon=True)

    def _run(self) -> None:
        while (
            self._tick is not None and self._error is None and not self._done.wait(self._interval)
        ):
            call(_logger, "the report of a running file failed", self._report)

    def _report(self) -> None:
        try:
            assert self._tick is not None  # noqa: S101  as _run has checked
            self._tick(self._meter.report())
        except EndError as error:  # raised in the thread that called run
            self._error = error
            self._meter.end()

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *error: object) -> None:
        self._done.set()
        self._thread.join()
        if self._error is not None and error[0] is None:
            raise self._error


def _port_report(base: PortStats, now: PortStats, seconds: float, port: Port) -> PortReport:
    received, sent = now.ipackets - base.ipackets, now.opackets - base.opackets
    return PortReport(
        rx_packets=received,
        tx_packets=sent,
        rx_bytes=now.ibytes - base.ibytes,
        tx_bytes=now.obytes - base.obytes,
        rx_pps=round(received / seconds, 1),
        tx_pps=round(sent / seconds, 1),
        rx_missed=now.imissed - base.imissed + now.rx_nombuf - base.rx_nombuf,
        tx_dropped=sum(queue.dropped for queue in port.tx_queues),
        rx_malformed=sum(queue.malformed for queue in port.rx_queues),
        errors=now.ierrors - base.ierrors + now.oerrors - base.oerrors,
    )

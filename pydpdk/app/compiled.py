"""Compiled workers of a file: launch them on their lcores, watch and end them, report counters."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import numpy as np
import numpy.typing as npt

from pydpdk._core.fixed import Fixed
from pydpdk._core.frozen import frozen
from pydpdk._core.lifetime import Undo
from pydpdk.app.session import App
from pydpdk.app.target import load_target
from pydpdk.config.polling import Poll
from pydpdk.errors import ConfigError
from pydpdk.jit import CompileError, Worker
from pydpdk.lcore.job import Job

COUNTERS = 8
"""Size of each worker's array of int64 counters."""
_LOOK_S = 0.02


@frozen
class LcoreReport:
    """Counters of the worker on one lcore during a run.

    Attributes
    ----------
    rx_packets, tx_packets : int
        [packets] through its queues.
    counters : tuple of int
        The worker's own counters.
    """

    lcore_id: int
    rx_packets: int
    tx_packets: int
    counters: tuple[int, ...]


class _Place:
    """A worker on one lcore."""

    def __init__(self, app: App, lcore_id: int, polls: list[Poll]) -> None:
        self.lcore_id = lcore_id
        self.counters: npt.NDArray[np.int64] = np.zeros(COUNTERS, np.int64)
        self.hops = app._hops(polls)

    def report(self) -> LcoreReport:
        received = {id(rxq): rxq.packets for rxq, _ in self.hops}
        sent = {id(txq): txq.packets for _, txq in self.hops}
        counters = tuple(map(int, self.counters))
        return LcoreReport(self.lcore_id, sum(received.values()), sum(sent.values()), counters)


@contextmanager
def launched(app: App) -> Iterator[CompiledWorkers | None]:
    """Launch the compiled worker of a file, if it has one; end it when the block ends.

    Raises
    ------
    ConfigError
        The worker cannot be imported or compiled, or is not a worker.
    """
    spec = app.config.app
    if spec is None or not spec.worker:
        yield None
        return
    where = app.config.where("app", "worker")
    with app.stop.breakable():
        worker = load_target(spec.worker, where)
    if not isinstance(worker, Worker):
        raise ConfigError([f"{where}: {spec.worker!r} is no worker: mark it with @pydpdk.worker"])
    compiled = CompiledWorkers(app)
    compiled.launch(worker, spec.burst)
    try:
        yield compiled
    finally:
        compiled.end()


class CompiledWorkers(Fixed):
    """The workers of a file, on all of its lcores."""

    def __init__(self, app: App) -> None:
        by_lcore: dict[int, list[Poll]] = {}
        for poll in app.plan.polls:
            by_lcore.setdefault(poll.lcore, []).append(poll)
        self._app = app
        self._jobs: list[Job] = []
        self._places = [_Place(app, lcore_id, polls) for lcore_id, polls in by_lcore.items()]

    def launch(self, worker: Worker, burst: int) -> None:
        """Launch the worker on all of its lcores, or on none.

        Raises
        ------
        ConfigError
            The worker cannot be compiled, or one of its lcores does not exist.
        """
        where = self._app.config.where("app", "worker")
        if not self._places:
            raise ConfigError([f"{where}: needs an lcore beside the main one, see eal.lcores"])
        try:
            with Undo(self.end):
                self._launch_all(worker, burst)
        except (CompileError, ValueError) as error:
            raise ConfigError([f"{where}: {error}"]) from error

    def _launch_all(self, worker: Worker, burst: int) -> None:
        for place in self._places:
            arguments = place.hops, self._app.burst(burst), place.counters
            self._jobs.append(worker.launch(*arguments, lcore_id=place.lcore_id))

    def watch(self) -> None:
        """Wait until the app is to end, or a worker has ended."""
        while self._app.running and all(job.running() for job in self._jobs):
            time.sleep(_LOOK_S)

    def end(self) -> None:
        """End all workers; raise the first exception that one raised."""
        for job in self._jobs:
            job.cancel()
        with ExitStack() as ends:  # so that all are ended, even if one raises
            for job in self._jobs:
                ends.callback(job.close)

    def report(self) -> dict[str, LcoreReport]:
        """Return what each worker has moved so far."""
        return {f"lcore {place.lcore_id}": place.report() for place in self._places}

"""The `workers` of a file: functions in processes of their own, each with an open file."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from pydpdk import eal
from pydpdk._core.frozen import frozen
from pydpdk.app.session import App
from pydpdk.app.target import load_target
from pydpdk.config.model import Config
from pydpdk.config.plan import Plan
from pydpdk.errors import ConfigError
from pydpdk.process import Group, Member
from pydpdk.process.member import MemberState

_START_S = 30.0
_LOOK_S = 0.05


@frozen
class WorkerReport:
    """How a worker ended.

    Attributes
    ----------
    state : str
        `done`, `failed` (its function raised) or `dead` (its process died).
    result : str
        The result of the function, or why there is none.
    restarted : int
        How many times its process was started again.
    """

    state: MemberState
    result: str
    restarted: int


@contextmanager
def started(app: App) -> Iterator[dict[str, Member]]:
    """Start the workers of an open file; when the block ends, ask them to end and wait."""
    specs = app.config.workers
    if not specs:
        yield {}
        return
    for name, spec in specs.items():
        with app.stop.breakable():
            load_target(spec.python, app.config.where("workers", name, "python"))
    if app.eal.proc_type == "primary" and not app.plan.start.shared:
        where = app.config.where("workers")
        why = app.plan.start.hugepages_reason
        raise ConfigError([f"{where}: no other process can attach to this memory ({why})"])
    with Group() as group:
        members = {
            name: group.start(
                work, app.config, app.plan, name,
                lcores=spec.lcores, name=name, restarts=spec.restarts,
            )
            for name, spec in specs.items()
        }  # fmt: skip
        _wait_ready(app, members.values())
        yield members


def _wait_ready(app: App, members: Iterable[Member]) -> None:
    deadline = time.monotonic() + _START_S
    for member in members:
        while member.state == "starting" and app.running and time.monotonic() < deadline:
            member.wait_ready(_LOOK_S)


def work(config: Config, plan: Plan, name: str) -> object:
    """Call a worker's function in its process."""
    target = load_target(config.workers[name].python, config.where("workers", name, "python"))
    app = App(config, plan, eal.current())
    app._bring_up()
    return target(app)


def report(members: dict[str, Member]) -> dict[str, WorkerReport]:
    """Return how each worker ended."""
    return {name: _report(member) for name, member in members.items()}


def _report(member: Member) -> WorkerReport:
    try:
        result = repr(member.result(0))
    except Exception as error:  # the function may raise anything
        result = f"{type(error).__name__}: {error}"
    return WorkerReport(member.state, result, member.restarted)

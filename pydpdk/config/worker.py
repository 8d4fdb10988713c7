"""Check rules between the keys of an app that is a worker."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pydpdk.config.apps import AppSpec
from pydpdk.config.faults import format_value
from pydpdk.config.model import Config
from pydpdk.config.polling import main_lcore, worker_lcores
from pydpdk.config.source import Fault
from pydpdk.eal.lcores import parse_lcores


def check(config: Config, app: AppSpec, ports: Sequence[str]) -> Iterator[Fault]:
    """Check the queues and lcores of a worker.

    Parameters
    ----------
    config
        The valid sections of the file.
    app
        The `app` section, with a worker.
    ports
        The names of all ports, valid or not.
    """
    yield from _queues(config, app, ports)
    yield from _lcores(config, app)


def _queues(config: Config, app: AppSpec, ports: Sequence[str]) -> Iterator[Fault]:
    if not app.queues and (len(ports) % 2 or not ports):
        allowed = f"hops such as [p0, 0, p1, 0]: {len(ports)} ports do not pair themselves"
        yield Fault(("app", "queues"), "missing", allowed)
    seen: set[tuple[str, int]] = set()
    for i, hop in enumerate(app.queues):
        if hop[:2] in seen:
            yield Fault(("app", "queues", i), format_value(list(hop)), "each rx queue once")
        seen.add(hop[:2])
        for j, key in ((0, "nb_rx_queues"), (2, "nb_tx_queues")):
            name, queue = (hop[0], hop[1]) if j == 0 else (hop[2], hop[3])
            port = config.ports.get(name)
            if name not in ports:
                listed = ", ".join(map(format_value, ports)) or "(there are none)"
                yield Fault(("app", "queues", i, j), repr(name), f"one of the ports {listed}")
            elif port and queue >= getattr(port, key):
                allowed = f"less than {key} of {name}, {getattr(port, key)}"
                yield Fault(("app", "queues", i, j + 1), str(queue), allowed)


def _lcores(config: Config, app: AppSpec) -> Iterator[Fault]:
    try:
        known = set(parse_lcores(config.eal.lcores)) if config.eal.lcores is not None else None
        main = main_lcore(config.eal)
    except (ValueError, TypeError):
        return  # a fault of eal.lcores, reported there
    if known is not None and not app.lcores and not worker_lcores(config.eal):
        yield Fault(("app", "lcores"), "missing", "at least one lcore beside the main one")
    for i, lcore in enumerate(app.lcores):
        if lcore == main:
            yield Fault(("app", "lcores", i), str(lcore), "an lcore that is not the main one")
        elif known is not None and lcore not in known:
            listed = ", ".join(map(str, sorted(known)))
            yield Fault(("app", "lcores", i), str(lcore), f"one of eal.lcores: {listed}")
        elif lcore in app.lcores[:i]:
            yield Fault(("app", "lcores", i), str(lcore), "each lcore once")

"""Good arguments for functions that read files, as in sweep_examples.py."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pydantic import ValidationError
from sweep_fixtures import FILE
from sweep_worker_examples import attribute, same

from pydpdk.config import apps, model, polling, source

Make = Callable[[Any], Any]
PATH = ("mempools", "packets")


def fault(h: object) -> ValidationError:
    try:
        model.MempoolSpec(n=-1)
    except ValidationError as error:
        return error
    raise AssertionError


GOOD: dict[str, Make] = {
    "app.run.Measurement.begin.compiled": same(None),
    "config.polling.default_hops.ports": lambda h: h.config.ports,
    "app.apps.drop.spec": lambda h: apps.DropSpec(ports=("p0",)),
    "app.apps.forward.spec": lambda h: h.config.app.forward,
    "app.apps.generate.spec": lambda h: apps.GenerateSpec(ports=("p0",)),
    "app.apps.respond.spec": lambda h: apps.RespondSpec(addresses=("10.0.0.1",), ports=("p0",)),
    "config.apps.RespondSpec.addresses": same(("10.0.0.1", "fe80::1")),
    "config.apps.AppSpec.drop": lambda h: apps.DropSpec(),
    "config.model.MempoolSpec.n": same(1023),
    "config.model.MemzoneSpec.size": same(4096),
    "config.model.PortSpec.device": same("net_null0"),
    "config.model.RingSpec.size": same(16),
    "config.model.Config.where.path": same("mempools"),
    "config.budget.pool_plans.polls": lambda h: polling.polls(h.config),
    "config.budget.total_bytes.pools": attribute("plan.pools"),
    "config.model.Config.mempools": same({"packets": {"n": 1023}}),
    "config.model.Config.ports": same({"p0": {"device": "net_null0"}}),
    "config.report.table.rows": same([("a", "b")]),
    "config.faults.from_validation.error": fault,
    "app.session.prepare.path": lambda h: h.yaml,
    "config.load.load.path": lambda h: h.yaml,
    "config.load.loads.text": same(FILE),
    "config.model.Config.locate.source": lambda h: source.parse(FILE),
    "config.schema.keys.path": same(("mempools",)),
    "config.schema.nodes.path": same(PATH),
    "config.schema.words.path": same(PATH),
    "config.source.Source.line.path": same(PATH),
    "config.source.read_text.path": lambda h: h.yaml,
}

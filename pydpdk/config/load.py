"""Read a file into a `Config`, or raise one `ConfigError` that lists all its faults."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from pydpdk.config import budget, faults, polling, references
from pydpdk.config.apps import AppSpec
from pydpdk.config.model import Config, PortSpec
from pydpdk.config.source import Fault, KeyPath, Source, UnreadableError, parse, read_text
from pydpdk.exceptions import ConfigError

_NAMED = ("memzones", "mempools", "rings", "ports")


def load(path: str | os.PathLike[str], *, check_host: bool = True) -> Config:
    """Read and check a file.

    Parameters
    ----------
    check_host
        Whether missing CPUs and file descriptors of this host count as faults of the file; the
        doctor reports them itself.

    Raises
    ------
    ConfigError
        The file cannot be read or has faults; it lists all of them.
    """
    try:
        text = read_text(Path(path))
    except UnreadableError as error:
        raise ConfigError([f"{path}:{error.line}: {error}"]) from None
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise ConfigError([f"{path}: cannot be read: {reason}"]) from None
    return loads(text, name=os.fspath(path), check_host=check_host)


def loads(text: str, name: str = "<string>", *, check_host: bool = True) -> Config:
    """Read and check YAML text; `name` stands for the file in messages."""
    try:
        source = parse(text)
    except UnreadableError as error:
        raise ConfigError([f"{name}:{error.line}: {error}"]) from None
    config, found = _validate(source, check_host)
    found = [*source.faults, *found]
    if config is None or found:
        raise ConfigError(faults.render(found, source, name))
    filled = _fill(config)
    filled.locate(source, name)
    return filled


def _validate(source: Source, check_host: bool) -> tuple[Config | None, list[Fault]]:
    """Validate each entry by itself, then the references between the valid ones."""
    data = source.data
    if not isinstance(data, dict):
        return None, [Fault((), faults.format_value(data), "a map of sections such as ports")]
    found: list[Fault] = []
    try:
        config = Config.model_validate(data)
    except ValidationError as error:
        found = list(faults.from_validation(error, data))
        if any(len(fault.path) == 1 and fault.path[0] in _NAMED for fault in found):
            return None, found  # a section is no map: references to it cannot be checked
        config = Config.model_validate(_without(data, (fault.path for fault in found)))
    scope = references.Scope(config, _names(data, "mempools"), _names(data, "ports"), check_host)
    return config, [*found, *references.check(scope)]


def _without(data: dict[str, Any], paths: Iterable[KeyPath]) -> dict[str, Any]:
    """Leave out the entry at each path: a named entry, or the section."""
    kept = {key: dict(v) if key in _NAMED and isinstance(v, dict) else v for key, v in data.items()}
    for path in paths:
        section = str(path[0])
        if section in _NAMED and len(path) > 1 and section in kept:
            kept[section].pop(path[1], None)
        else:
            kept.pop(section, None)
    return kept


def _names(data: dict[str, Any], section: str) -> Sequence[str]:
    entries = data.get(section)
    return tuple(entries) if isinstance(entries, dict) else ()


def _fill(config: Config) -> Config:
    """Fill in the defaults that depend on other sections: mempools, and the ports of the app."""
    only = next(iter(config.mempools)) if len(config.mempools) == 1 else None
    ports = {
        name: port.model_copy(update={"mempool": port.mempool or only})
        for name, port in config.ports.items()
    }
    app = _fill_app(config.app, ports) if config.app else None
    filled = config.model_copy(update={"ports": ports, "app": app})
    computes = ports and not config.mempools and config.eal.proc_type != "secondary"
    return budget.with_mempools(filled, references.COMPUTED) if computes else filled


def _fill_app(app: AppSpec, specs: Mapping[str, PortSpec]) -> AppSpec:
    ports = tuple(specs)
    update: dict[str, object] = {}
    if app.forward and not app.forward.pairs:
        pairs = polling.default_pairs(ports)
        update["forward"] = app.forward.model_copy(update={"pairs": pairs})
    for kind in ("drop", "generate", "respond", "switch"):
        spec = getattr(app, kind)
        if spec and not spec.ports:
            update[kind] = spec.model_copy(update={"ports": ports})
    if app.worker and not app.queues:
        update["queues"] = polling.default_hops(specs)
    return app.model_copy(update=update)

"""Faults of a file, one line each: `file:line: key.path: value, what is allowed`."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator
from functools import reduce
from operator import getitem
from typing import Any

from pydantic import ValidationError

from pydpdk.config import schema
from pydpdk.config.source import Fault, KeyPath, Source

_MAX_VALUE_LENGTH = 60
_UNKNOWN = ("extra_forbidden", "unexpected_keyword_argument")
_MISSING = ("missing", "missing_argument", "missing_keyword_only_argument")
_OWN_WORDS = ("value_error", *_UNKNOWN, *_MISSING)


def render(faults: Iterable[Fault], source: Source, name: str) -> list[str]:
    """Write faults as lines of text, in the order of the file, without duplicates."""
    lines = sorted(
        (line or source.line(path), f"{format_path(path)}: {value}, allowed: {allowed}")
        for path, value, allowed, line in faults
    )
    return [f"{name}:{line}: {text}" for line, text in dict.fromkeys(lines)]


def format_path(path: KeyPath) -> str:
    """Write a path as `ports.p0.rss[1]`; quote a key that is not plain text."""
    text = ""
    for key in path:
        if isinstance(key, int):
            text += f"[{key}]"
        else:
            plain = re.fullmatch(r"[!-~]{1,63}", key)
            text += ("." if text else "") + (key if plain else format_value(key))
    return text or "file"


def format_value(value: object) -> str:
    """Show a value in a few words."""
    match value:
        case dict():
            return "a map"
        case tuple() | list() if len(value) > 4:
            return f"a list of {len(value)}"
        case None:
            return "null"
        case bool():
            return str(value).lower()
    text = repr(list(value) if isinstance(value, tuple) else value)
    return text if len(text) <= _MAX_VALUE_LENGTH else text[: _MAX_VALUE_LENGTH - 3] + "..."


def from_validation(error: ValidationError, data: object) -> Iterator[Fault]:
    """Turn pydantic's errors into faults, one for each key path.

    A union reports an error for each of its alternatives. The schema names all of them, so the
    report with the deepest path is enough.
    """
    found: dict[KeyPath, Fault] = {}
    for report in error.errors(include_url=False):
        path = _key_path(report["loc"], report["type"], data)
        if path not in found or report["type"] in _OWN_WORDS:
            found[path] = _fault(path, report, data)
    above = {path[:depth] for path in found for depth in range(len(path))}
    yield from (fault for path, fault in found.items() if path not in above)


def _fault(path: KeyPath, report: Any, data: Any) -> Fault:
    kind, loc = report["type"], report["loc"]
    if kind in _UNKNOWN:
        return Fault(path, "unknown key", _known_keys(path))
    if kind in _MISSING:
        return Fault(path, "missing", schema.words(path))
    value = format_value(path[-1] if loc[-1] == "[key]" else reduce(getitem, path, data))
    if kind == "value_error":
        return Fault(path, value, str(report["ctx"]["error"]))
    return Fault(path, value, schema.words(path))


def _known_keys(path: KeyPath) -> str:
    known = schema.keys(path[:-1])
    close = difflib.get_close_matches(str(path[-1]), known, n=1)
    hint = f"; did you mean {close[0]}?" if close else ""
    return ", ".join(known) + hint


def _key_path(loc: tuple[str | int, ...], kind: str, data: object) -> KeyPath:
    """Remove the parts of pydantic's location that are no keys of the file: tags of unions."""
    path: list[str | int] = []
    for part in loc:
        inside = isinstance(data, dict) and part in data
        if inside or (isinstance(data, tuple) and isinstance(part, int) and part < len(data)):
            data = data[part]  # type: ignore[index]
            path.append(part)
    if kind in _MISSING:
        path.append(loc[-1])
    return tuple(path)

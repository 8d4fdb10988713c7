"""The JSON Schema of a file, for editors and for our own messages.

`python -m pydpdk.config.schema > pydpdk/config/schema.json` renews the committed copy, which
editors read; a test fails when it is stale.
"""

from __future__ import annotations

import ast
import functools
import inspect
import itertools
import json
import sys
from collections.abc import Iterator, Mapping
from typing import Any, cast

from pydpdk.config.kinds import Section
from pydpdk.config.model import Config

Schema = Mapping[str, Any]


@functools.cache
def json_schema() -> dict[str, Any]:
    """Generate the JSON Schema of a file (draft 2020-12)."""
    schema = Config.model_json_schema()
    for section in _sections(Section):
        node = schema if section is Config else schema["$defs"].get(section.__name__, {})
        keys_of = node.get("properties", {})
        for name, text in _docstrings(section):
            if name in keys_of:
                keys_of[name] = dict(sorted({**keys_of[name], "description": text}.items()))
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **schema,
        "title": "pydpdk file",
    }


def _sections(section: type[Section]) -> Iterator[type[Section]]:
    yield section
    for below in section.__subclasses__():
        yield from _sections(below)


def _docstrings(section: type[Section]) -> Iterator[tuple[str, str]]:
    """Read the docstrings of a section's keys; pydantic would do it at each import, in 25 ms."""
    for base in reversed(section.__mro__):
        if issubclass(base, Section):
            (tree,) = ast.parse(inspect.getsource(base)).body
            body = cast("ast.ClassDef", tree).body
            for key, text in itertools.pairwise(body):
                match key, text:
                    case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(
                        value=ast.Constant(value=str(docstring))
                    ):
                        yield name, inspect.cleandoc(docstring)


def nodes(path: tuple[str | int, ...]) -> list[Schema]:
    """Return the schema's alternatives for a key path; none if it has no such key."""
    found = list(_alternatives(json_schema()))
    for key in path:
        found = [leaf for node in found for leaf in _children(node, key)]
    return found


def keys(path: tuple[str | int, ...]) -> list[str]:
    """Return the keys that a map at this path may have, if they are fixed."""
    return [key for node in nodes(path) for key in node.get("properties", ())]


def words(path: tuple[str | int, ...]) -> str:
    """Describe what is allowed at a key path."""
    described = dict.fromkeys(text for node in nodes(path) if (text := _describe(node)))
    return ", or ".join(described) or "nothing"


def _alternatives(node: Schema) -> Iterator[Schema]:
    if "$ref" in node:
        name = node["$ref"].removeprefix("#/$defs/")
        yield from _alternatives(json_schema()["$defs"][name])
    elif "anyOf" in node:
        for choice in node["anyOf"]:
            yield from _alternatives(choice)
    else:
        yield node


def _children(node: Schema, key: str | int) -> Iterator[Schema]:
    if isinstance(key, str):
        extra = node.get("additionalProperties")
        child = node.get("properties", {}).get(key) or (extra if isinstance(extra, dict) else None)
    else:
        fixed = node.get("prefixItems", ())
        child = fixed[key] if key < len(fixed) else node.get("items")
    if isinstance(child, dict):
        yield from _alternatives(child)


def _describe(node: Schema) -> str:
    choices = node.get("enum", [node["const"]] if "const" in node else ())
    if choices:
        listed = ", ".join(map(repr, choices))
        return f"one of {listed}" if len(choices) > 1 else listed
    match node.get("type"):
        case "integer" | "number":
            return _describe_number(node)
        case "boolean":
            return "true or false"
        case "string":
            examples = " or ".join(map(repr, node.get("examples", ())))
            return f"text such as {examples}" if examples else "text"
        case "array":
            return _describe_list(node)
        case "object" if "properties" in node:
            return "a map with keys " + ", ".join(node["properties"])
        case "object":
            return "a map of names"
    return ""  # null: the same as leaving the key out


def _describe_number(node: Schema) -> str:
    least, most = node.get("minimum"), node.get("maximum")
    if least is None or most is None:
        return "a whole number"
    return f"a whole number from {least} to {most}"


def _describe_list(node: Schema) -> str:
    if "prefixItems" in node:
        return f"a list of {len(node['prefixItems'])} values"
    items = [text for leaf in _alternatives(node.get("items", {})) if (text := _describe(leaf))]
    least = " that is not empty" if node.get("minItems") else ""
    return f"a list{least}, each " + (", or ".join(items) or "any value")


if __name__ == "__main__":
    sys.stdout.write(json.dumps(json_schema(), indent=2) + "\n")

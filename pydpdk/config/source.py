"""Parse YAML text into plain data, with the line of every key.

Scalars follow YAML 1.2, as in editors. YAML 1.1, which PyYAML implements, reads an unquoted PCI
address `0000:01:00.0` as the number 60.0 in base 60, and `no` as false.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import yaml

KeyPath = tuple[str | int, ...]

MAX_BYTES = 1 << 18
"""[bytes] Longest file; the pure Python parser takes about a second for it."""
MAX_VALUES = 20_000
"""Most values after expanding aliases: a few lines could expand to gigabytes."""
MAX_DEPTH = 32
"""Deepest nesting of maps and lists; a useful file has at most five levels."""


class Fault(NamedTuple):
    """One fault of a file."""

    path: KeyPath
    value: str
    """The value as text, for the message."""
    allowed: str
    line: int | None = None
    """The line, if known; else the line of the path."""


class Source(NamedTuple):
    """The data of a file, with lines and faults."""

    data: object
    lines: dict[KeyPath, int]
    faults: list[Fault]

    def line(self, path: KeyPath) -> int:
        """Return the line of a key, or of its nearest parent in the file."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)


class _Loader(yaml.SafeLoader):
    """PyYAML's parser with the scalars of the core schema of YAML 1.2."""

    yaml_implicit_resolvers = {}  # noqa: RUF012  as PyYAML declares them


_PATTERNS = {
    "null": (r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    "bool": (r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    "int": (r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", list("-+0123456789")),
    "float": (
        r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)"
        r"|\.(?:nan|NaN|NAN)",
        list("-+.0123456789"),
    ),
    "merge": ("<<", ["<"]),
}
_LONE = re.compile("[\ud800-\udfff]")  # a surrogate such as "\uD800", which cannot be printed
_TAGGED = re.compile(r"(?:&\S+\s+)?!")
_PREFIX = "tag:yaml.org,2002:"
for _kind, (_pattern, _first) in _PATTERNS.items():
    _Loader.add_implicit_resolver(_PREFIX + _kind, re.compile(f"(?:{_pattern})$"), _first)


def _int(text: str) -> int:
    return int(text, 0) if text[:2] in ("0x", "0o") else int(text)


def _float(text: str) -> float:
    return float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))


def _str(text: str) -> str:
    if _LONE.search(text):
        raise ValueError
    return text


_SCALARS: dict[str, Callable[[str], object]] = {
    "str": _str,
    "null": lambda text: None,
    "bool": lambda text: {"true": True, "false": False}[text.lower()],
    "int": _int,
    "float": _float,
    "merge": str,
}


class UnreadableError(ValueError):
    """The text is not valid YAML."""

    def __init__(self, message: str, line: int = 1) -> None:
        super().__init__(message)
        self.line = line


def read_text(path: Path) -> str:
    """Read a file, at most `MAX_BYTES` of it.

    Raises
    ------
    OSError
        The file cannot be read.
    UnreadableError
        The file is too long, or not UTF-8.
    """
    with path.open("rb") as file:
        content = file.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise UnreadableError(f"longer than {MAX_BYTES} bytes")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise UnreadableError(f"byte {content[error.start]:#04x} is not UTF-8", line) from None


def parse(text: str) -> Source:
    """Parse YAML text.

    Raises
    ------
    UnreadableError
        The text is not valid YAML, or exceeds our limits.
    """
    if len(text) > MAX_BYTES:
        raise UnreadableError(f"longer than {MAX_BYTES} characters")
    builder = _Builder()
    try:
        node = yaml.compose(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        reason = " ".join(filter(None, (error.context, error.problem)))
        raise UnreadableError(f"not YAML: {reason}", mark.line + 1 if mark else 1) from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        character = text[error.position]
        raise UnreadableError(f"not YAML: contains the character {character!r}", line) from None
    except RecursionError:
        raise UnreadableError(f"more than {MAX_DEPTH} maps and lists in one another") from None
    except (ValueError, OverflowError):  # PyYAML on "\UFFFFFFFF" or %YAML 1.<5,000 digits>
        raise UnreadableError("not YAML: a number in an escape or directive is too large") from None
    if node is None:
        raise UnreadableError("the file is empty, allowed: a map of sections such as ports")
    return Source(builder.build(node, ()), builder.lines, builder.faults)


def _is_tagged(node: yaml.Node) -> bool:
    """Whether the text of a node begins with a tag; the node itself has a tag in any case."""
    mark = node.start_mark
    return bool(_TAGGED.match(mark.buffer or "", mark.pointer))


def _say_tag(tag: str) -> str:
    return f"!!{tag.removeprefix(_PREFIX)}" if tag.startswith(_PREFIX) else tag


class _Builder:
    """Turns YAML nodes into data: maps with text keys, tuples, scalars."""

    def __init__(self) -> None:
        self.lines: dict[KeyPath, int] = {}
        self.faults: list[Fault] = []
        self._open: set[int] = set()
        self._values = 0

    def build(self, node: yaml.Node, path: KeyPath) -> object:
        self.lines.setdefault(path, node.start_mark.line + 1)
        self._count(self.lines[path])
        if len(self._open) > MAX_DEPTH:
            raise UnreadableError(
                f"more than {MAX_DEPTH} maps and lists in one another", self.lines[path]
            )
        if id(node) in self._open:
            raise UnreadableError("an alias of the map or list that it is in", self.lines[path])
        self._open.add(id(node))
        try:
            return self._build(node, path)
        finally:
            self._open.remove(id(node))

    def _build(self, node: yaml.Node, path: KeyPath) -> object:
        kind = node.tag.removeprefix(_PREFIX)
        if isinstance(node, yaml.MappingNode) and kind == "map":
            return self._map(node, path)
        if isinstance(node, yaml.SequenceNode) and kind == "seq":
            return tuple(self.build(item, (*path, i)) for i, item in enumerate(node.value))
        if isinstance(node, yaml.ScalarNode) and kind in _SCALARS:
            try:
                return _SCALARS[kind](node.value)
            except (ValueError, KeyError):  # a number of over 4,300 digits, or `!!int many`
                self._fault(path, repr(node.value[:40]), f"text that can be read as {kind}", node)
                return None
        self._fault(path, _say_tag(node.tag), "no tags", node)
        return None

    def _map(self, node: yaml.MappingNode, path: KeyPath) -> dict[str, object]:
        entries: dict[str, object] = {}
        for key_node, value_node in self._entries(node, path):
            key, line = str(key_node.value), key_node.start_mark.line + 1
            here = (*path, key)
            if _LONE.search(key):
                self.faults.append(Fault(path, repr(key), "a key of whole characters", line))
                continue
            if here in self.lines:
                first = self.lines[here]
                self.faults.append(Fault(here, "given twice", f"once, as on line {first}", line))
                continue
            self.lines[here] = line
            entries[key] = self.build(value_node, here)
        return entries

    def _entries(self, node: yaml.MappingNode, path: KeyPath) -> list[tuple[yaml.Node, yaml.Node]]:
        """Return the entries of a map: its own, then merged ones (`<<`) not overridden."""
        entries: list[tuple[yaml.Node, yaml.Node]] = []
        merged: list[yaml.Node] = []
        first: int | None = None
        for key_node, value_node in node.value:
            if _is_tagged(key_node):
                self._fault(path, f"{_say_tag(key_node.tag)} on a key", "no tags on keys", key_node)
            elif key_node.tag == _PREFIX + "merge":
                line = key_node.start_mark.line + 1
                if first is not None:
                    allowed = f"once, as on line {first}: a list merges several maps"
                    self._fault((*path, "<<"), "given twice", allowed, key_node)
                    continue
                first = line
                several = isinstance(value_node, yaml.SequenceNode)
                merged += value_node.value if several else [value_node]
            elif not isinstance(key_node, yaml.ScalarNode):
                self._fault(path, "a map or list as a key", "text as a key", key_node)
            else:
                entries.append((key_node, value_node))
        own = {key_node.value for key_node, _ in entries}
        for source in merged:
            for key_node, value_node in self._merged(source, (*path, "<<")):
                if key_node.value not in own:
                    own.add(key_node.value)
                    entries.append((key_node, value_node))
        return entries

    def _merged(self, source: yaml.Node, path: KeyPath) -> list[tuple[yaml.Node, yaml.Node]]:
        """Return the entries of a merged map, which may itself merge others."""
        if not isinstance(source, yaml.MappingNode) or id(source) in self._open:
            self._fault(path, "not a map", "an alias of a map", source)
            return []
        if len(path) > MAX_DEPTH:
            self._fault(path, "a chain of merges", f"at most {MAX_DEPTH} in one another", source)
            return []
        self._open.add(id(source))
        try:
            entries = self._entries(source, path)
        finally:
            self._open.remove(id(source))
        for _ in entries:
            self._count(source.start_mark.line + 1)
        return entries

    def _count(self, line: int) -> None:
        self._values += 1
        if self._values > MAX_VALUES:
            raise UnreadableError(f"more than {MAX_VALUES} values", line)

    def _fault(self, path: KeyPath, value: str, allowed: str, node: yaml.Node) -> None:
        self.faults.append(Fault(path, value, allowed, node.start_mark.line + 1))

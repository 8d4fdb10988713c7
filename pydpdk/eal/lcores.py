"""Read DPDK's `--lcores` grammar into a map from lcore to CPUs, and write it.

Works on text only, without libdpdk. We always write one canonical form, as the EAL's own parser
differs between releases.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Iterable, Mapping

LcoreMap = Mapping[int, frozenset[int]]

_SET = r"\(([^()@]*)\)|([0-9]+(?:-[0-9]+)?)"
_ITEM = re.compile(rf"(?:{_SET})(?:@(?:{_SET}))?")
_BLANKS = re.compile(r"[ \t\r\n]*([-,@()])[ \t\r\n]*")
"""Blanks around separators. Elsewhere they are a fault: `1 2` is not lcore 12."""

_ALLOWED = "a list such as '0-3,6' or a map such as '0@(0-1),(1-2)@3'"


def parse_lcores(spec: str | Iterable[int]) -> dict[int, frozenset[int]]:
    """Read an lcore list or map.

    Parameters
    ----------
    spec
        Lcore ids, or text of `--lcores`: `0-3,6` puts each lcore on the CPU of its number,
        `(0-1)@(2-3)` lets lcores 0 and 1 float over CPUs 2 and 3, `(0,6)` is `(0,6)@(0,6)`.

    Raises
    ------
    ValueError, TypeError
        The text has another form, names an lcore twice, or names none.
    """
    if not isinstance(spec, str):
        spec = ",".join(str(operator.index(lcore)) for lcore in spec)
    text = _BLANKS.sub(r"\1", spec).strip(" \t\r\n")
    lcores: dict[int, frozenset[int]] = {}
    position = 0
    while position < len(text) or position == 0:
        item = _ITEM.match(text, position)
        if item is None or (item.end() < len(text) and text[item.end()] != ","):
            raise ValueError(f"{spec!r} is no lcore list: {_ALLOWED}")
        for lcore, cpus in _expand(item, spec):
            if lcore in lcores:
                raise ValueError(f"{spec!r} names lcore {lcore} twice")
            lcores[lcore] = cpus
        position = item.end() + 1
        if item.end() < len(text) and position == len(text):
            raise ValueError(f"{spec!r} ends in a comma: {_ALLOWED}")
    return lcores


def format_lcores(lcores: LcoreMap) -> str:
    """Write a map as the canonical argument of `--lcores`, e.g. `0@0,1@(2,3)`."""
    return ",".join(f"{lcore}@{_format_cpus(cpus)}" for lcore, cpus in sorted(lcores.items()))


def _format_cpus(cpus: frozenset[int]) -> str:
    text = ",".join(map(str, sorted(cpus)))
    return f"({text})" if len(cpus) > 1 else text


def _expand(item: re.Match[str], spec: str) -> Iterable[tuple[int, frozenset[int]]]:
    group, plain, cpu_group, cpu_plain = item.groups()
    lcores = _numbers(group if plain is None else plain, spec)
    target = cpu_group if cpu_plain is None else cpu_plain
    if target is not None:
        if plain is not None and len(lcores) > 1:
            raise ValueError(f"{spec!r}: write ({plain})@..., a bare range takes no CPUs")
        cpus = _numbers(target, spec)
        return [(lcore, cpus) for lcore in lcores]
    if plain is None:
        return [(lcore, lcores) for lcore in lcores]
    return [(lcore, frozenset({lcore})) for lcore in lcores]


def _numbers(text: str, spec: str) -> frozenset[int]:
    numbers: set[int] = set()
    for part in text.split(","):
        bounds = re.fullmatch(r"([0-9]{1,6})(?:-([0-9]{1,6}))?", part)
        if bounds is None:
            raise ValueError(f"{spec!r} is no lcore list: {_ALLOWED}")
        first, last = sorted((int(bounds[1]), int(bounds[2] or bounds[1])))
        if last - first > 65535:
            raise ValueError(f"{spec!r}: {part} is too wide a range")
        numbers.update(range(first, last + 1))
    return frozenset(numbers)

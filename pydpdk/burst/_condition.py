"""The text of a condition on packets as a tree of tests: is a field in one of some ranges."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from ipaddress import IPv4Network, IPv6Network
from typing import NamedTuple, NoReturn, TypeAlias

from pydpdk._dpdk import lib
from pydpdk.burst._addresses import kind_of, number_of
from pydpdk.burst._catalog import Spec, find

CHARACTERS_MAX = 4096
_DEPTH_MAX = 100

Ranges: TypeAlias = tuple[tuple[int, int], ...]
"""Numbers: both ends of each range are in it; in order, and apart."""


class In(NamedTuple):
    """Whether a field, of which some bits are looked at, is in one of some ranges."""

    spec: Spec
    mask: int
    ranges: Ranges


class AllOf(NamedTuple):
    """Whether all conditions hold."""

    parts: tuple[Condition, ...]


class AnyOf(NamedTuple):
    """Whether at least one condition holds."""

    parts: tuple[Condition, ...]


class Negation(NamedTuple):
    """Whether a condition does not hold."""

    of: Condition


Condition: TypeAlias = In | AllOf | AnyOf | Negation

_BYTE = "[0-9a-fA-F]{2}"
_TOKEN = re.compile(
    rf"""\s*(?:
    (?P<mac>{_BYTE}(?::{_BYTE}){{5}}(?![:\w]))
    |(?P<ipv6>[0-9a-fA-F]*:(?:[0-9a-fA-F:]*?\d+(?:\.\d+){{3}}|[0-9a-fA-F:]*)(?:/\d+)?)
    |(?P<ipv4>\d+\.\d+\.\d+\.\d+(?:/\d+)?)
    |(?P<number>0[xX][0-9a-fA-F]+|\d+)
    |(?P<name>[A-Za-z_]\w*(?:\[\d+\])?(?:\.\w+)*\??)
    |(?P<sign>\.\.|==|!=|<=|>=|<|>|&|\(|\)|\[|\]|,)
    )""",
    re.VERBOSE | re.ASCII,
)
_COMPARISONS = ("==", "!=", "<", "<=", ">", ">=")
_WORDS = ("and", "or", "not", "in")


class Token(NamedTuple):
    """A word of a condition, and where it begins."""

    kind: str
    text: str
    at: int


def parse(text: str) -> Condition:
    """Return the tree of a condition.

    Raises
    ------
    ValueError, TypeError
        It is no condition; the message has the place.
    """
    if not isinstance(text, str):
        raise TypeError(f"condition must be text, as 'udp.dst_port == 53' (got {text!r})")
    if not 1 <= len(text) <= CHARACTERS_MAX:
        raise ValueError(f"condition must be 1..{CHARACTERS_MAX} characters (got {len(text)})")
    return _Parser(text).condition()


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = list(self._split())
        self._next = self._depth = 0

    def condition(self) -> Condition:
        tree = self._either()
        if self._token.kind != "end":
            self._fail("'and', 'or' or the end")
        return tree

    # -- words --

    def _split(self) -> Iterator[Token]:
        at = 0
        while self._text[at:].strip():
            match = _TOKEN.match(self._text, at)
            if match is None:
                at += len(self._text[at:]) - len(self._text[at:].lstrip())
                self._fail_at(Token("odd", self._text[at], at), "a name, a value or a sign")
            kind = str(match.lastgroup)
            word = match[kind]
            yield Token("word" if word in _WORDS else kind, word, match.start(kind))
            at = match.end()
        yield Token("end", "", len(self._text))

    @property
    def _token(self) -> Token:
        return self._tokens[self._next]

    def _take(self, *texts: str) -> Token | None:
        """Return the next word, and go on behind it, if it is one of these."""
        token = self._token
        if token.kind in ("word", "sign") and token.text in texts:
            self._next += 1
            return token
        return None

    def _need(self, text: str) -> None:
        if not self._take(text):
            self._fail(repr(text))

    def _fail(self, allowed: str) -> NoReturn:
        self._fail_at(self._token, allowed)

    def _fail_at(self, token: Token, allowed: str) -> NoReturn:
        found = repr(token.text) if token.text else "the end"
        where = f"condition {self._text!r}: at character {token.at + 1}"
        raise ValueError(f"{where} must be {allowed} (got {found})")

    # -- the tree --

    def _either(self) -> Condition:
        parts = [self._both()]
        while self._take("or"):
            parts.append(self._both())
        return parts[0] if len(parts) == 1 else AnyOf(tuple(parts))

    def _both(self) -> Condition:
        parts = [self._single()]
        while self._take("and"):
            parts.append(self._single())
        return parts[0] if len(parts) == 1 else AllOf(tuple(parts))

    def _single(self) -> Condition:
        self._depth += 1
        if self._depth > _DEPTH_MAX:
            self._fail(f"at most {_DEPTH_MAX} 'not' and '(' inside each other")
        if self._take("not"):
            found: Condition = Negation(self._single())
        elif self._take("("):
            found = self._either()
            self._need(")")
        else:
            found = self._comparison()
        self._depth -= 1
        return found

    def _comparison(self) -> Condition:
        name = self._token
        if name.kind != "name":
            self._fail("the name of a column, 'not' or '('")
        self._next += 1
        spec = self._find(name)
        if name.text.endswith("?"):
            return In(spec, 1, ((1, 1),))
        field = _Field(name.text, spec)
        mask = self._mask(field)
        if self._take("in"):
            return In(spec, mask, _joined(self._set(field)))
        sign = self._take(*_COMPARISONS)
        if sign is None:
            self._fail(f"one of {' '.join(_COMPARISONS)} in &")
        low, high = self._value(field)
        if low != high:
            self._fail_at(self._tokens[self._next - 1], "one address, or a prefix after 'in'")
        return In(spec, mask, _compared(sign.text, low, field.most))

    def _find(self, name: Token) -> Spec:
        try:
            spec = find(name.text)
        except ValueError as error:
            raise ValueError(
                f"condition {self._text!r}: at character {name.at + 1}: {error}"
            ) from None
        if spec.c["how"] == lib.PYD_COLUMN_TUPLE:
            self._fail_at(name, "a column of numbers or addresses")
        if spec.c["how"] == lib.PYD_COLUMN_HAS and not name.text.endswith("?"):
            self._fail_at(name, f"'{name.text}?' or a field of it")
        if spec.c["how"] == lib.PYD_COLUMN_MBUF and spec.base.kind != "u":
            self._fail_at(name, "a column of numbers from 0")
        return spec

    def _mask(self, field: _Field) -> int:
        if not self._take("&"):
            return _ALL_BITS
        if field.kind != "number":
            self._fail_at(
                self._tokens[self._next - 1], f"a comparison, as {field.name} is an address"
            )
        low, _ = self._value(field)
        return low

    def _set(self, field: _Field) -> list[tuple[int, int]]:
        if not self._take("["):
            return [self._range(field)]
        found = [self._range(field)]
        while self._take(","):
            found.append(self._range(field))
        self._need("]")
        return found

    def _range(self, field: _Field) -> tuple[int, int]:
        low, high = self._value(field)
        if low == high and self._take(".."):
            last = self._token
            end, high = self._value(field)
            if end != high or high < low:
                self._fail_at(last, "an end that is not below the beginning")
        return low, high

    def _value(self, field: _Field) -> tuple[int, int]:
        """Return the first and the last number of a value: of a prefix they differ."""
        token = self._token
        try:
            found = field.read(token)
        except ValueError as error:
            self._fail_at(token, f"{field.wanted}" + (f": {error}" if str(error) else ""))
        self._next += 1
        return found


_ALL_BITS = (1 << 64) - 1


class _Field:
    """A column, and the values that it is compared with."""

    def __init__(self, name: str, spec: Spec) -> None:
        self.name = name
        self.most = (1 << 8 * spec.dtype.itemsize) - 1
        self.kind = kind_of(spec) or "number"

    @property
    def wanted(self) -> str:
        """The values that it may be compared with, in words."""
        of = {"mac": "a MAC address", "ipv6": "an IPv6 address or prefix",
              "ipv4": "an IPv4 address, a prefix or a number"}.get(self.kind)  # fmt: skip
        return of or f"a number from 0 to {self.most}"

    def read(self, token: Token) -> tuple[int, int]:
        """Return the ends of a value; ValueError for one of another kind."""
        if token.kind == "number" and self.kind in ("number", "ipv4"):
            number = int(token.text, 0)
            if number > self.most:
                raise ValueError
            return number, number
        if token.kind != self.kind:
            raise ValueError
        if self.kind == "mac":
            number = number_of("mac", token.text)
            return number, number
        network: IPv4Network | IPv6Network
        network = (IPv4Network if self.kind == "ipv4" else IPv6Network)(token.text)
        return int(network[0]), int(network[-1])


def _compared(sign: str, value: int, most: int) -> Ranges:
    """Return the numbers for which a comparison is true."""
    below, above = (0, value - 1), (value + 1, most)
    equal = (value, value)
    ranges = {
        "==": [equal], "!=": [below, above], "<": [below], "<=": [below, equal],
        ">": [above], ">=": [equal, above],
    }[sign]  # fmt: skip
    return _joined(one for one in ranges if one[0] <= one[1])


def _joined(ranges: Iterable[tuple[int, int]]) -> Ranges:
    """Return ranges in order, those that overlap or touch as one."""
    found: list[tuple[int, int]] = []
    for low, high in sorted(ranges):
        if found and low <= found[-1][1] + 1:
            found[-1] = found[-1][0], max(found[-1][1], high)
        else:
            found.append((low, high))
    return tuple(found)

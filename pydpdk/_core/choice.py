"""Closed sets of strings: arguments and answers that take one of a few."""

from __future__ import annotations

from enum import StrEnum
from typing import TypeVar

T = TypeVar("T", bound=StrEnum)


def one_of(kind: type[T], name: str, value: object) -> T:
    """Return the member of a set for an argument: the member itself, or its string.

    Raises
    ------
    ValueError
        It is neither; the message has the argument's name and what is possible.
    """
    if isinstance(value, str) and value in tuple(kind):
        return kind(value)
    raise ValueError(f"{name} must be one of {', '.join(kind)} (got {value!r})")

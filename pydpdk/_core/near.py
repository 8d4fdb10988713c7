"""Add the names that there are to the error about one that is not there."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from pydpdk.exceptions import NotFoundError

T = TypeVar("T")

_SHOWN = 8


@contextmanager
def naming(name: object, there: Callable[[], Iterable[str]]) -> Iterator[None]:
    """Add the names that there are to a `NotFoundError` of the block."""
    try:
        yield
    except NotFoundError as error:
        error.strerror = f"{error.strerror}; {instead_of(name, there())}"
        raise


def instead_of(name: object, there: Iterable[str]) -> str:
    """Say which names there are, and which one is near."""
    from difflib import get_close_matches  # here: a program without faults does not need it

    names = sorted(there)
    if not names:
        return "there are none"
    more = ", ..." if len(names) > _SHOWN else ""
    close = get_close_matches(str(name), names, n=1)
    near = f" (near it: {close[0]})" if close else ""
    return f"there are {', '.join(names[:_SHOWN])}{more}{near}"


def found(
    lookup: Callable[[str], T],
    names: Iterable[str],
    without: type[Exception] | tuple[type[Exception], ...] = NotFoundError,
) -> Iterator[T]:
    """Look up all names, without those that raise: by default the ones that are gone meanwhile."""
    for name in names:
        try:
            one = lookup(name)
        except without:
            continue
        yield one

"""Values: frozen dataclasses, whose fields a second `__init__` cannot change either."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields
from functools import wraps
from typing import Any, TypeVar, dataclass_transform

T = TypeVar("T")


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def frozen(cls: type[T]) -> type[T]:
    """Make a frozen dataclass; a second `__init__` raises."""
    return _made_once(dataclass(frozen=True)(cls))


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(field,))
def frozen_by_name(cls: type[T]) -> type[T]:
    """Make a frozen dataclass with keyword-only fields; a second `__init__` raises."""
    return _made_once(dataclass(frozen=True, kw_only=True)(cls))


def _made_once(cls: type[T]) -> type[T]:
    init: Callable[..., None] = vars(cls)["__init__"]
    first = fields(cls)[0].name  # type: ignore[arg-type]

    @wraps(init)
    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:  # noqa: N807
        if first in vars(self):
            raise RuntimeError(f"{type(self).__name__} was made already: __init__ runs once")
        init(self, *args, **kwargs)

    cls.__init__ = __init__  # type: ignore[method-assign]
    return cls

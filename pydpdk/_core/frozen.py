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
    cls = dataclass(frozen=True)(cls)
    init: Callable[..., None] = vars(cls)["__init__"]
    first = fields(cls)[0].name  # type: ignore[arg-type]

    @wraps(init)
    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:  # noqa: N807
        if first in vars(self):
            raise RuntimeError(f"{type(self).__name__} was made already: __init__ runs once")
        init(self, *args, **kwargs)

    cls.__init__ = __init__  # type: ignore[method-assign]
    return cls
